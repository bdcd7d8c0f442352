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

/* Sealed files, each with the lock that says so. */
struct group {
    uint64_t ids[ADOPT_FILES_MAX];
    int fds[ADOPT_FILES_MAX]; /* to read */
    int locks[ADOPT_FILES_MAX];
    size_t n;
};

struct adoption {
    struct store *store;
    blob_prepare *prepare;
    blob_take *take;
    void *context;
    unsigned abandoned, left;
    int taken, error; /* the first of a file or directory that could not be synced */
};

static void group_close(const struct group *g, size_t i)
{
    if (g->fds[i] != g->locks[i])
        (void)close(g->fds[i]);
    (void)close(g->locks[i]);
}

static void group_done(struct group *g)
{
    for (size_t i = 0; i < g->n; i++)
        group_close(g, i);
    g->n = 0;
}

static void group_add(struct group *g, uint64_t id, int fd, int lock)
{
    g->ids[g->n] = id;
    g->fds[g->n] = fd;
    g->locks[g->n++] = lock;
}

/* A file with one name was never sealed, unless the tree was copied by a program that does not
 * keep hard links: then the name in objects/ is a file of its own. One of another size says that
 * the copy is not whole; nothing is deleted then. 0: @ret_fd is that file. */
static int look_at_single(struct adoption *a, uint64_t id, const char *name, const struct stat *st,
                          int *ret_fd)
{
    _cleanup_close_ int fd = -1;
    struct stat object;
    int r = store_read(a->store, id, &fd);

    if (r == -ENOENT) {
        a->abandoned += unlinkat(a->store->incoming_fd, name, 0) == 0;
        return r;
    }
    if (r == 0 && fstat(fd, &object) == 0 && object.st_size == st->st_size) {
        *ret_fd = take_fd(&fd);
        return 0;
    }
    a->left++;
    return -ENOENT;
}

/* One file of incoming/. A lock that is held means an owner at work (or an orphan at its end); a
 * name that has gone means the owner has just finished. NFS locks only what is open for writing. */
static void look_at(struct adoption *a, uint64_t id, struct group *g)
{
    char name[INCOMING_NAME_MAX];
    _cleanup_close_ int lock = -1;
    struct stat st;
    bool locked;
    int fd;

    incoming_name(id, name);
    lock = openat(a->store->incoming_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    locked = lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0;
    if (fstatat(a->store->incoming_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (!locked) {
        a->left += st.st_nlink > 1;
        return;
    }
    fd = lock;
    if (st.st_nlink == 1 && look_at_single(a, id, name, &st, &fd) < 0)
        return;
    group_add(g, id, fd, take_fd(&lock));
}

/* The next fsync() of a file whose pages could not be written succeeds (fsync(2), EIO), and this
 * one may be the next. They are forgotten, so that what is read is what the disk has, and the
 * digest tells. */
static void sync_files(struct adoption *a, struct group *g)
{
    size_t n = g->n;

    g->n = 0;
    for (size_t i = 0; i < n; i++) {
        int r = fsync(g->fds[i]) < 0 ? -errno : 0;

        (void)posix_fadvise(g->fds[i], 0, 0, POSIX_FADV_DONTNEED);
        if (r == 0) {
            group_add(g, g->ids[i], g->fds[i], g->locks[i]);
            continue;
        }
        a->error = a->error < 0 ? a->error : r;
        a->left++;
        group_close(g, i);
    }
}

/* Once for all files that are in the same one. */
static int sync_directories(struct store *s, const struct group *g)
{
    for (size_t i = 0; i < g->n; i++) {
        int directory, r = 0;

        if (i > 0 && store_same_minute(g->ids[i], g->ids[i - 1]))
            continue;
        r = store_minute_fd(s, g->ids[i], &directory);
        if (r == 0 && fsync(directory) < 0)
            r = -errno;
        if (r < 0)
            return r;
    }
    return 0;
}

static int take_one(struct adoption *a, uint64_t id, int fd)
{
    int r = a->take(a->context, id, fd);

    if (r == -ENODATA) {
        (void)store_delete(a->store, id);
        store_release(a->store, id);
        a->abandoned++;
        return 0;
    }
    if (r < 0) {
        a->left++;
        return r == -EAGAIN ? r : 0;
    }
    store_release(a->store, id);
    a->taken++;
    return 0;
}

/* Some files of incoming/. -EAGAIN: no more now. */
static int adopt_some(struct adoption *a, const uint64_t *ids, size_t n)
{
    _cleanup_(group_done) struct group g = {.n = 0};
    size_t i = 0;
    int r;

    while (i < n)
        look_at(a, ids[i++], &g);
    /* Neither the files nor their second names may have reached the disk before the crash of the
     * process that sealed them, so all is synced before a row can name one. */
    sync_files(a, &g);
    r = sync_directories(a->store, &g);
    a->error = a->error < 0 ? a->error : r;
    if (r == 0 && a->prepare && g.n > 1) {
        a->prepare(a->context, g.ids, g.fds, g.n);
        for (i = 0; i < g.n; i++)
            (void)lseek(g.fds[i], 0, SEEK_SET);
    }
    for (i = 0; r == 0 && i < g.n; i++)
        r = take_one(a, g.ids[i], g.fds[i]);
    a->left += (unsigned)(g.n - i);
    return r == -EAGAIN ? r : 0;
}

int store_adopt(struct store *s, blob_prepare *prepare, blob_take *take, void *context,
                unsigned *ret_abandoned, unsigned *ret_left)
{
    struct adoption a = {.store = s, .prepare = prepare, .take = take, .context = context};
    struct ids ids = {0};
    int r = list_incoming(s, &ids);
    size_t i = 0, n;

    for (; r == 0 && i < ids.n; i += n) {
        n = ids.n - i < ADOPT_FILES_MAX ? ids.n - i : ADOPT_FILES_MAX;
        r = adopt_some(&a, ids.values + i, n);
    }
    free(ids.values);
    if (r == 0)
        r = a.error;
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
