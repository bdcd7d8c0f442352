#include "tests/fault/blob_calls.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct calls calls;

static int under_way; /* asynchronous writes, of the last file that had some */
static int under_way_fd;

static struct {
    ino_t directory;
    bool unsynced;
} named[64];

/* A file has a name in the directory @fd, or that is synced. */
static void note_name(int fd, bool unsynced)
{
    struct stat st;
    size_t i = 0;

    cr_assert_eq(fstat(fd, &st), 0);
    while (named[i].directory != 0 && named[i].directory != st.st_ino)
        i++;
    cr_assert_lt(i + 1, sizeof named / sizeof *named);
    if (named[i].directory != 0 || unsynced) {
        named[i].directory = st.st_ino;
        named[i].unsynced = unsynced;
    }
}

int calls_unsynced_names(void)
{
    int n = 0;

    for (size_t i = 0; named[i].directory != 0; i++)
        n += named[i].unsynced;
    return n;
}

bool calls_is_unsynced(const char *directory)
{
    struct stat st;
    size_t i = 0;

    cr_assert_eq(stat(directory, &st), 0);
    while (named[i].directory != 0 && named[i].directory != st.st_ino)
        i++;
    return named[i].unsynced;
}

void calls_forget_synced_names(void)
{
    for (size_t i = 0; named[i].directory != 0; i++)
        named[i].unsynced = true;
}

uint64_t __real_blob_id_new(void);
uint64_t __wrap_blob_id_new(void);
uint64_t __wrap_blob_id_new(void)
{
    static uint64_t minutes;

    minutes += (uint64_t)calls.apart;
    return __real_blob_id_new() + (minutes * 60000 << 20);
}

static int fails(void)
{
    if (calls.countdown == 0 || --calls.countdown > 0)
        return 0;
    errno = calls.error;
    return 1;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    struct stat st;

    calls.syncs++;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        cr_assert(under_way == 0 || under_way_fd != fd, "synced while it is written");
        calls.unsynced = 0;
        calls.file_syncs++;
    }
    if (fails())
        return -1;
    note_name(fd, false);
    return __real_fsync(fd);
}

ssize_t __real_pwrite(int fd, const void *bytes, size_t n, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t n, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
    calls.unsynced++;
    return fails() ? -1 : __real_pwrite(fd, bytes, n, offset);
}

ssize_t __real_writev(int fd, const struct iovec *iov, int n);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int n);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int n)
{
    calls.unsynced++;
    return fails() ? -1 : __real_writev(fd, iov, n);
}

int __real_linkat(int from, const char *a, int to, const char *b, int flags);
int __wrap_linkat(int from, const char *a, int to, const char *b, int flags);
int __wrap_linkat(int from, const char *a, int to, const char *b, int flags)
{
    if (calls.names_taken > 0) {
        calls.names_taken--;
        errno = EEXIST;
        return -1;
    }
    note_name(to, true);
    return fails() ? -1 : __real_linkat(from, a, to, b, flags);
}

int __real_renameat2(int from, const char *a, int to, const char *b, unsigned flags);
int __wrap_renameat2(int from, const char *a, int to, const char *b, unsigned flags);
int __wrap_renameat2(int from, const char *a, int to, const char *b, unsigned flags)
{
    calls.renames++;
    return fails() ? -1 : __real_renameat2(from, a, to, b, flags);
}

int __real_mkdirat(int at, const char *name, mode_t mode);
int __wrap_mkdirat(int at, const char *name, mode_t mode);
int __wrap_mkdirat(int at, const char *name, mode_t mode)
{
    return fails() ? -1 : __real_mkdirat(at, name, mode);
}

int __real_unlinkat(int at, const char *name, int flags);
int __wrap_unlinkat(int at, const char *name, int flags);
int __wrap_unlinkat(int at, const char *name, int flags)
{
    return fails() ? -1 : __real_unlinkat(at, name, flags);
}

int __real_openat(int at, const char *name, int flags, mode_t mode);
int __wrap_openat(int at, const char *name, int flags, mode_t mode);
int __wrap_openat(int at, const char *name, int flags, mode_t mode)
{
    return fails() ? -1 : __real_openat(at, name, flags, mode);
}

int __real_posix_fadvise(int fd, off_t begin, off_t n, int advice);
int __wrap_posix_fadvise(int fd, off_t begin, off_t n, int advice);
int __wrap_posix_fadvise(int fd, off_t begin, off_t n, int advice)
{
    calls.forgotten += begin == 0 && n == 0 && advice == POSIX_FADV_DONTNEED;
    return __real_posix_fadvise(fd, begin, n, advice);
}

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __wrap_flock(int fd, int operation)
{
    return fails() ? -1 : __real_flock(fd, operation);
}

int __real_ftruncate(int fd, off_t length);
int __wrap_ftruncate(int fd, off_t length);
int __wrap_ftruncate(int fd, off_t length)
{
    return fails() ? -1 : __real_ftruncate(fd, length);
}

int __real_io_setup(int n, io_context_t *ret);
int __wrap_io_setup(int n, io_context_t *ret);
int __wrap_io_setup(int n, io_context_t *ret)
{
    return fails() ? -calls.error : __real_io_setup(n, ret);
}

int __real_io_submit(io_context_t queue, long n, struct iocb **controls);
int __wrap_io_submit(io_context_t queue, long n, struct iocb **controls);
int __wrap_io_submit(io_context_t queue, long n, struct iocb **controls)
{
    calls.asked++;
    if (fails())
        return -calls.error;
    if (controls[0]->aio_lio_opcode == IO_CMD_PWRITE) {
        under_way++;
        under_way_fd = controls[0]->aio_fildes;
    }
    return __real_io_submit(queue, n, controls);
}

/* A write that failed may have left anything. */
static void spoil(const struct iocb *control)
{
    static _Alignas(4096) char nothing[256 * 1024];

    if (control->aio_lio_opcode == IO_CMD_PWRITE)
        cr_assert_eq(
            __real_pwrite(control->aio_fildes, nothing, control->u.c.nbytes, control->u.c.offset),
            (ssize_t)control->u.c.nbytes);
}

static void give_answer(struct io_event *event)
{
    bool is_sync = event->obj->aio_lio_opcode == IO_CMD_FSYNC;

    if (calls.answers == AS_ASKED || is_sync != (calls.answers == UNSYNCED))
        return;
    spoil(event->obj);
    event->res =
        calls.answers == SHORT ? 4096 : (unsigned long)(calls.answers == INVALID ? -EINVAL : -EIO);
}

/* What was asked for fails, not the asking. */
int __real_io_getevents(io_context_t queue, long least, long n, struct io_event *events,
                        struct timespec *timeout);
int __wrap_io_getevents(io_context_t queue, long least, long n, struct io_event *events,
                        struct timespec *timeout);
int __wrap_io_getevents(io_context_t queue, long least, long n, struct io_event *events,
                        struct timespec *timeout)
{
    int got = __real_io_getevents(queue, least, n, events, timeout);

    for (int i = 0; i < got; i++) {
        calls.syncs += events[i].obj->aio_lio_opcode == IO_CMD_FSYNC;
        under_way -= events[i].obj->aio_lio_opcode == IO_CMD_PWRITE;
        give_answer(&events[i]);
        if (fails()) {
            spoil(events[i].obj);
            events[i].res = (unsigned long)-calls.error;
        }
        if (events[i].obj->aio_lio_opcode == IO_CMD_FSYNC && events[i].res == 0)
            note_name(events[i].obj->aio_fildes, false);
    }
    return got;
}
