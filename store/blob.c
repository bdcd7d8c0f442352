#include "store/blob_internal.h"
#include "store/base/cleanup.h"
#include "store/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define DIRECT_BYTES ((size_t)64 * 1024) /* from here on bytes go to the file without a copy */
#define FLUSH_BYTES ((uint64_t)8 << 20)  /* a long file's pages start for the disk this often */
#define ID_TRIES 8

struct blob {
    struct store *store;
    uint64_t id;
    int fd;
    bool has_preamble;
    bool linked; /* has its name in objects/ */
    bool sealed;
    int error; /* the first one, negative errno */
    char *buffer;
    size_t used;            /* of the buffer */
    uint64_t written_bytes; /* of the file, meta included */
    uint64_t flushed_bytes;
    uint64_t size_bytes; /* of the data set */
    XXH3_state_t *digest;
};

static int to_error(int e)
{
    return e == EDQUOT ? -ENOSPC : -e;
}

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
            return to_error(errno);
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
    int r = meta_bytes > BLOB_BUFFER_BYTES ? -EINVAL : store_take_room(s, meta_bytes);

    if (r < 0)
        return r;
    b = calloc(1, sizeof *b);
    if (!b)
        return -ENOMEM;
    b->store = s;
    b->fd = -1;
    b->buffer = s->spare_buffer ? TAKE_PTR(s->spare_buffer) : malloc(BLOB_BUFFER_BYTES);
    b->digest = s->spare_digest ? TAKE_PTR(s->spare_digest) : XXH3_createState();
    r = b->buffer && b->digest ? create_incoming(s, &b->id, &b->fd) : -ENOMEM;
    if (r < 0) {
        blob_free(b);
        return r;
    }
    (void)XXH3_128bits_reset(b->digest);
    b->has_preamble = meta_bytes >= SEAL_BYTES;
    memcpy(b->buffer, meta, meta_bytes);
    b->used = meta_bytes;
    *ret = b;
    return 0;
}

/* Write what the buffer holds and @n more bytes, with one call as a rule. */
static int write_through(struct blob *b, const void *bytes, size_t n)
{
    struct iovec parts[2] = {{b->buffer, b->used}, {(void *)bytes, n}};
    int first = b->used > 0 ? 0 : 1;

    while (first < 2 && parts[first].iov_len > 0) {
        ssize_t done = writev(b->fd, parts + first, 2 - first);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? to_error(errno) : -EIO;
        b->written_bytes += (uint64_t)done;
        for (; first < 2 && (size_t)done >= parts[first].iov_len; first++)
            done -= (ssize_t)parts[first].iov_len;
        if (first < 2) {
            parts[first].iov_base = (char *)parts[first].iov_base + done;
            parts[first].iov_len -= (size_t)done;
        }
    }
    b->used = 0;
    return 0;
}

/* Ask for the pages of a long file to be written while it still comes, so that the fsync at its
 * end is short and memory is not full of unwritten pages. Errors come back with fsync. */
static void start_writeback(struct blob *b)
{
    if (b->written_bytes - b->flushed_bytes < FLUSH_BYTES)
        return;
    (void)sync_file_range(b->fd, (off_t)b->flushed_bytes,
                          (off_t)(b->written_bytes - b->flushed_bytes), SYNC_FILE_RANGE_WRITE);
    b->flushed_bytes = b->written_bytes;
}

static int append(struct blob *b, const void *bytes, size_t n)
{
    int r = store_take_room(b->store, n);

    if (r < 0)
        return r;
    if (XXH3_128bits_update(b->digest, bytes, n) != XXH_OK)
        return -EIO;
    b->size_bytes += n;
    if (n < DIRECT_BYTES && b->used + n > BLOB_BUFFER_BYTES)
        r = write_through(b, NULL, 0);
    else if (b->used + n > BLOB_BUFFER_BYTES || (n >= DIRECT_BYTES && b->written_bytes > 0))
        return write_through(b, bytes, n);
    if (r < 0)
        return r;
    memcpy(b->buffer + b->used, bytes, n);
    b->used += n;
    return 0;
}

int blob_append(struct blob *b, const void *bytes, size_t n)
{
    if (b->error == 0 && n > 0) {
        b->error = append(b, bytes, n);
        start_writeback(b);
    }
    return b->error;
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
            return to_error(errno);
    }
    return -EEXIST;
}

static int link_object(struct blob *b, int *ret_directory)
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
            *ret_directory = directory;
            return 0;
        }
        if (errno != EEXIST)
            return to_error(errno);
        r = rename_incoming(b);
        if (r < 0)
            return r;
    }
    return -EEXIST;
}

static void take_digest(const struct blob *b, uint8_t ret[16])
{
    XXH128_canonical_t digest;

    XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(b->digest));
    memcpy(ret, digest.digest, 16);
}

/* The preamble is in the buffer still, or in the file. */
static int write_seal(struct blob *b)
{
    struct seal seal = {.file_bytes = b->written_bytes + b->used};
    uint8_t preamble[SEAL_BYTES];
    ssize_t n = SEAL_BYTES;

    if (!b->has_preamble)
        return 0;
    take_digest(b, seal.digest);
    seal_write(&seal, preamble);
    if (b->written_bytes == 0)
        memcpy(b->buffer, preamble, SEAL_BYTES);
    else
        n = pwrite(b->fd, preamble, SEAL_BYTES, 0);
    return n < 0 ? to_error(errno) : n < SEAL_BYTES ? -EIO : 0;
}

/* All that can be done without waiting for the disk, which has the pages to write meanwhile. */
static int write_and_link(struct blob *b)
{
    int directory, r = write_seal(b);

    if (r == 0)
        r = write_through(b, NULL, 0);
    if (r < 0)
        return r;
    (void)sync_file_range(b->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    return link_object(b, &directory);
}

/* The link is there before the file is synced: a file system with a journal then commits both at
 * once, and has nothing left to write when the directory is synced. */
static int sync_file(const struct blob *b)
{
    return fsync(b->fd) < 0 ? to_error(errno) : 0;
}

static int sync_directory(const struct blob *b)
{
    int directory = -1, r = store_minute_fd(b->store, b->id, &directory);

    if (r < 0)
        return r;
    return fsync(directory) < 0 ? to_error(errno) : 0;
}

static void seal(struct blob *b)
{
    b->error = write_and_link(b);
    if (b->error == 0)
        b->error = sync_file(b);
    if (b->error == 0)
        b->error = sync_directory(b);
    b->sealed = b->error == 0;
}

void blob_describe(const struct blob *b, uint64_t *ret_id, uint64_t *ret_size_bytes,
                   uint8_t ret_digest[16])
{
    take_digest(b, ret_digest);
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
        *ret_error = to_error(errno);
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
