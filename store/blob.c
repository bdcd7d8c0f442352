#include "store/blob_internal.h"
#include "store/base/cleanup.h"
#include "store/direct.h"
#include "store/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_TRIES 8

/* Make, open and lock a new name in incoming/. Between open and flock the file looks abandoned
 * and store_adopt() may remove it: then there is no link left, and another name is tried. */
static int create_incoming(struct store *s, uint64_t *ret_id, int *ret_fd)
{
    for (int i = 0; i < ID_TRIES; i++) {
        uint64_t id = blob_id_new();
        char name[INCOMING_NAME_MAX];
        _cleanup_close_ int fd = -1;
        struct stat st;

        incoming_name(id, name);
        fd = openat(s->incoming_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        if (fd < 0 && errno == EEXIST)
            continue;
        if (fd < 0)
            return blob_error(errno);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0 || st.st_nlink == 0)
            continue;
        *ret_id = id;
        *ret_fd = take_fd(&fd);
        return 0;
    }
    return -EEXIST;
}

static struct blob *blob_free(struct blob *b)
{
    struct store *s = b->store;

    if (b->direct) {
        direct_cancel(b->direct);
        s->spare_direct = TAKE_PTR(b->direct);
    }
    if (b->fd >= 0)
        (void)close(b->fd); /* lets go of the lock */
    if (!s->spare_buffer)
        s->spare_buffer = TAKE_PTR(b->buffer);
    if (!s->spare_digest)
        s->spare_digest = TAKE_PTR(b->digest);
    free(b->buffer);
    XXH3_freeState(b->digest);
    free(b);
    return NULL;
}

int blob_create(struct store *s, const void *meta, size_t meta_bytes, struct blob **ret)
{
    struct blob *b;
    int r = meta_bytes < SEAL_BYTES || meta_bytes > DIRECT_PIECE_BYTES
                ? -EINVAL
                : store_take_room(s, meta_bytes);

    if (r < 0)
        return r;
    b = calloc(1, sizeof *b);
    if (!b)
        return -ENOMEM;
    b->store = s;
    b->fd = -1;
    b->buffer = s->spare_buffer ? TAKE_PTR(s->spare_buffer) : direct_buffer();
    b->digest = s->spare_digest ? TAKE_PTR(s->spare_digest) : XXH3_createState();
    r = b->buffer && b->digest ? create_incoming(s, &b->id, &b->fd) : -ENOMEM;
    if (r < 0) {
        blob_free(b);
        return r;
    }
    (void)XXH3_128bits_reset(b->digest);
    memcpy(b->buffer, meta, meta_bytes);
    seal_write(&(struct seal){.file_bytes = 0}, (uint8_t *)b->buffer);
    b->used = meta_bytes;
    *ret = b;
    return 0;
}

/* Another id, because a file in objects/ has this one. */
static int rename_incoming(struct blob *b)
{
    for (int i = 0; i < ID_TRIES; i++) {
        uint64_t id = blob_id_new();
        char old[INCOMING_NAME_MAX], new[INCOMING_NAME_MAX];

        incoming_name(b->id, old);
        incoming_name(id, new);
        if (renameat2(b->store->incoming_fd, old, b->store->incoming_fd, new, RENAME_NOREPLACE) ==
            0) {
            b->id = id;
            return 0;
        }
        if (errno != EEXIST)
            return blob_error(errno);
    }
    return -EEXIST;
}

static int link_object(struct blob *b)
{
    for (int i = 0; i < ID_TRIES; i++) {
        char incoming[INCOMING_NAME_MAX], object[OBJECT_NAME_MAX];
        int directory, r = store_minute_fd(b->store, b->id, &directory);

        if (r < 0)
            return r;
        incoming_name(b->id, incoming);
        object_name(b->id, object);
        if (linkat(b->store->incoming_fd, incoming, directory, object, 0) == 0) {
            b->linked = true;
            return 0;
        }
        if (errno != EEXIST)
            return blob_error(errno);
        r = rename_incoming(b);
        if (r < 0)
            return r;
    }
    return -EEXIST;
}

/* The file is whole before it has its permanent name. */
static int write_and_link(struct blob *b)
{
    int r = blob_finish(b);

    return r < 0 ? r : link_object(b);
}

/* The link is there before the file is synced: a file system with a journal then commits both at
 * once, and has nothing left to write when the directory is synced. */
static int sync_file(const struct blob *b)
{
    return fsync(b->fd) < 0 ? blob_error(errno) : 0;
}

static int sync_directory(const struct blob *b)
{
    int directory = -1, r = store_minute_fd(b->store, b->id, &directory);

    if (r < 0)
        return r;
    return fsync(directory) < 0 ? blob_error(errno) : 0;
}

/* The directory of a long file is synced beside it. */
static void seal(struct blob *b)
{
    int directory = -1;

    b->error = write_and_link(b);
    if (b->error == 0 && b->direct)
        b->error = store_minute_fd(b->store, b->id, &directory);
    if (b->error < 0)
        return;
    if (b->direct)
        direct_sync(b->direct, directory);
    b->error = sync_file(b);
    if (b->error == 0)
        b->error = b->direct ? direct_synced(b->direct) : sync_directory(b);
    b->sealed = b->error == 0;
}

void blob_describe(const struct blob *b, uint64_t *ret_id, uint64_t *ret_size_bytes,
                   uint8_t ret_digest[16])
{
    blob_digest(b, ret_digest);
    *ret_id = b->id;
    *ret_size_bytes = b->size_bytes;
}

int blob_seal(struct blob *b, uint64_t *ret_id, uint64_t *ret_size_bytes, uint8_t ret_digest[16])
{
    if (b->error == 0 && !b->sealed)
        seal(b);
    if (b->error < 0)
        return b->error;
    blob_describe(b, ret_id, ret_size_bytes, ret_digest);
    return 0;
}

/* With all their pages on the way to the disk, the first fsync() of a file commits what the file
 * system has to note of the others too. */
static void start_all(struct blob *const *blobs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct blob *b = blobs[i];

        if (b->error == 0)
            b->error = write_and_link(b);
    }
}

/* Once for all that are in the same one. */
static void sync_directories(struct blob *const *blobs, size_t n)
{
    const struct blob *last = NULL;

    for (size_t i = 0; i < n; i++) {
        struct blob *b = blobs[i];

        if (b->error < 0)
            continue;
        if (!last || !store_same_minute(last->id, b->id))
            b->error = sync_directory(b);
        else
            b->error = last->error;
        b->sealed = b->error == 0;
        last = b;
    }
}

void blob_seal_all(struct blob *const *blobs, size_t n)
{
    start_all(blobs, n);
    for (size_t i = 0; i < n; i++)
        if (blobs[i]->error == 0)
            blobs[i]->error = sync_file(blobs[i]);
    sync_directories(blobs, n);
}

static int drop_incoming(struct blob *b)
{
    char name[INCOMING_NAME_MAX];

    incoming_name(b->id, name);
    return unlinkat(b->store->incoming_fd, name, 0) < 0 ? -errno : 0;
}

struct blob *blob_release(struct blob *b)
{
    if (!b)
        return NULL;
    (void)drop_incoming(b);
    return blob_free(b);
}

struct blob *blob_spool(struct blob *b, int *ret_error)
{
    *ret_error = 0;
    if (!b)
        return NULL;
    if (fsync(b->store->incoming_fd) < 0)
        *ret_error = blob_error(errno);
    return blob_free(b);
}

struct blob *blob_hand_over(struct blob *b)
{
    return b ? blob_free(b) : NULL;
}

/* The permanent name goes first: a file that keeps only the incoming one is abandoned to
 * store_adopt() too, should we die in between. */
struct blob *blob_abandon(struct blob *b)
{
    if (!b)
        return NULL;
    if (b->linked)
        (void)store_delete(b->store, b->id);
    (void)drop_incoming(b);
    return blob_free(b);
}
