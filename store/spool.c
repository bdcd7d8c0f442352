#include "store/blob_internal.h"
#include "store/base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct ids {
    uint64_t *values;
    size_t n, room;
};

static int ids_add(struct ids *ids, uint64_t id)
{
    if (ids->n == ids->room) {
        size_t room = ids->room ? 2 * ids->room : 64;
        uint64_t *grown = reallocarray(ids->values, room, sizeof *grown);

        if (!grown)
            return -ENOMEM;
        ids->values = grown;
        ids->room = room;
    }
    ids->values[ids->n++] = id;
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* The ids in incoming/, oldest first. The caller frees ret->values in every case. */
static int list_incoming(struct store *s, struct ids *ret)
{
    int fd = openat(s->incoming_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    uint64_t id;
    int r = 0;

    if (!directory) {
        r = -errno;
        if (fd >= 0)
            (void)close(fd);
        return r;
    }
    errno = 0;
    while (r == 0 && (entry = readdir(directory)))
        if (incoming_id(entry->d_name, &id) == 0)
            r = ids_add(ret, id);
    if (r == 0 && errno != 0)
        r = -errno;
    (void)closedir(directory);
    if (r == 0 && ret->n > 0)
        qsort(ret->values, ret->n, sizeof *ret->values, compare_ids);
    return r;
}

struct adoption {
    struct store *store;
    blob_take *take;
    void *context;
    unsigned abandoned, left;
    int taken;
};

/* Give a sealed file to the caller. Its two names may not have reached the disk before the crash
 * of the process that sealed it, so the directory is synced before a row can name the file. */
static int adopt_sealed(struct adoption *a, uint64_t id, const char *name, int fd)
{
    int directory, r = store_minute_fd(a->store, id, &directory);

    if (r == 0 && fsync(directory) < 0)
        r = -errno;
    if (r == 0)
        r = a->take(a->context, id, fd);
    if (r < 0) {
        a->left++;
        return r == -EAGAIN ? r : 0;
    }
    (void)unlinkat(a->store->incoming_fd, name, 0);
    a->taken++;
    return 0;
}

/* A file with one name was never sealed, unless the tree was copied by a program that does not
 * keep hard links: then the name in objects/ is a file of its own. One of another size says that
 * the copy is not whole; nothing is deleted then. */
static int adopt_single(struct adoption *a, uint64_t id, const char *name, const struct stat *st)
{
    _cleanup_close_ int fd = -1;
    struct stat object;
    int r = store_read(a->store, id, &fd);

    if (r == -ENOENT) {
        a->abandoned += unlinkat(a->store->incoming_fd, name, 0) == 0;
        return 0;
    }
    if (r == 0 && fstat(fd, &object) == 0 && object.st_size == st->st_size)
        return adopt_sealed(a, id, name, fd);
    a->left++;
    return 0;
}

/* One file of incoming/. A lock that is held means an owner at work (or an orphan at its end); a
 * name that has gone means the owner has just finished. NFS locks only what is open for writing. */
static int adopt_one(struct adoption *a, uint64_t id)
{
    char name[INCOMING_NAME_MAX];
    _cleanup_close_ int fd = -1;
    struct stat st;
    bool locked;

    incoming_name(id, name);
    fd = openat(a->store->incoming_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (fstatat(a->store->incoming_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    if (!locked) {
        a->left += st.st_nlink > 1;
        return 0;
    }
    return st.st_nlink > 1 ? adopt_sealed(a, id, name, fd) : adopt_single(a, id, name, &st);
}

int store_adopt(struct store *s, blob_take *take, void *context, unsigned *ret_abandoned,
                unsigned *ret_left)
{
    struct adoption a = {.store = s, .take = take, .context = context};
    struct ids ids = {0};
    int r = list_incoming(s, &ids);
    size_t i = 0;

    while (r == 0 && i < ids.n)
        r = adopt_one(&a, ids.values[i++]);
    free(ids.values);
    if (r < 0 && r != -EAGAIN)
        return r;
    *ret_abandoned = a.abandoned;
    *ret_left = a.left + (unsigned)(ids.n - i);
    return a.taken;
}

int store_spooled(struct store *s, unsigned *ret_count)
{
    struct ids ids = {0};
    int r = list_incoming(s, &ids);
    unsigned count = 0;

    for (size_t i = 0; r == 0 && i < ids.n; i++) {
        char name[INCOMING_NAME_MAX];
        struct stat st;

        incoming_name(ids.values[i], name);
        count += fstatat(s->incoming_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink > 1;
    }
    free(ids.values);
    if (r == 0)
        *ret_count = count;
    return r;
}
