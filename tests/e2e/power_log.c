/* Preloaded into a program: writes down, in order, what it does to names and files below
 * $POWER_LOG_ROOT, so that test_power.py can tell what a disk without power would have kept.
 * Only what was synced counts: fsync(2) of a file keeps a copy of it, fsync(2) of a directory is
 * noted. The lines of $POWER_LOG_DIR/log, fields separated by tabs, paths relative to the root:
 *
 *   create DIRECTORY NAME INODE      mkdir DIRECTORY NAME       link DIRECTORY NAME INODE
 *   rename OLD_DIRECTORY OLD_NAME NEW_DIRECTORY NEW_NAME        unlink DIRECTORY NAME
 *   sync INODE COPY                  syncdir DIRECTORY
 *
 * The operation and its line are one step for all processes (flock). While there is a file
 * $POWER_LOG_DIR/failing-sync, nothing can be synced, and with failing-write nothing be written
 * (EIO). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))

static int log_fd = -1;
static pid_t log_owner;

/* A descriptor of this process alone: flock() is shared with those that a child inherited. */
static int log_lock(void)
{
    char path[PATH_MAX];

    if (log_owner != getpid()) {
        (void)snprintf(path, sizeof path, "%s/log", getenv("POWER_LOG_DIR"));
        log_fd = REAL(open)(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        log_owner = getpid();
    }
    while (flock(log_fd, LOCK_EX) < 0 && errno == EINTR)
        ;
    return log_fd;
}

__attribute__((format(printf, 1, 2))) static void log_line(const char *format, ...)
{
    char line[3 * PATH_MAX];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    if (write(log_fd, line, (size_t)n) != n)
        abort();
}

static void log_unlock(void)
{
    int kept = errno;

    (void)flock(log_fd, LOCK_UN);
    errno = kept;
}

/* The path of @name at @directory below the root, cut into its directory and its last name. */
struct place {
    char path[2 * PATH_MAX]; /* the buffer of both */
    const char *directory, *name;
};

static int place_of(int at, const char *name, struct place *ret)
{
    const char *root = getenv("POWER_LOG_ROOT");
    char self[64];
    size_t n = 0;
    char *slash;

    if (!root || !getenv("POWER_LOG_DIR"))
        return 0;
    if (name[0] != '/' && at == AT_FDCWD)
        return 0;
    if (name[0] != '/') {
        (void)snprintf(self, sizeof self, "/proc/self/fd/%d", at);
        ssize_t got = readlink(self, ret->path, PATH_MAX - 1);
        if (got < 0)
            return 0;
        n = (size_t)got;
        ret->path[n++] = '/';
    }
    (void)snprintf(ret->path + n, PATH_MAX, "%s", name);
    if (strncmp(ret->path, root, strlen(root)) != 0 || ret->path[strlen(root)] != '/')
        return 0;
    slash = strrchr(ret->path, '/');
    *slash = '\0';
    ret->name = slash + 1;
    ret->directory = ret->path + strlen(root);
    if (*ret->directory == '/')
        ret->directory++;
    return 1;
}

static unsigned long inode_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? (unsigned long)st.st_ino : 0;
}

static int open_logged(__typeof__(&openat) real, int at, const char *name, int flags, mode_t mode)
{
    struct place p;
    int fd;

    if (!(flags & O_CREAT) || !place_of(at, name, &p))
        return real(at, name, flags, mode);
    (void)log_lock();
    fd = real(at, name, flags, mode);
    if (fd >= 0 && (flags & O_EXCL))
        log_line("create\t%s\t%s\t%lu\n", p.directory, p.name, inode_of(fd));
    log_unlock();
    return fd;
}

static mode_t mode_of(int flags, va_list ap)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

int openat(int at, const char *name, int flags, ...)
{
    va_list ap;

    va_start(ap, flags);
    mode_t mode = mode_of(flags, ap);
    va_end(ap);
    return open_logged(REAL(openat), at, name, flags, mode);
}

int openat64(int at, const char *name, int flags, ...)
{
    va_list ap;

    va_start(ap, flags);
    mode_t mode = mode_of(flags, ap);
    va_end(ap);
    return open_logged(REAL(openat), at, name, flags, mode);
}

/* All that is in the file now is what a disk without power has of it. */
static void keep_copy(int fd)
{
    static unsigned long number;
    char self[64], copy[PATH_MAX], buffer[65536];
    ssize_t n;
    int in, out;

    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    (void)snprintf(copy, sizeof copy, "%s/%d-%lu", getenv("POWER_LOG_DIR"), (int)getpid(),
                   ++number);
    in = REAL(open)(self, O_RDONLY | O_CLOEXEC);
    out = REAL(open)(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    while (in >= 0 && out >= 0 && (n = read(in, buffer, sizeof buffer)) > 0)
        if (write(out, buffer, (size_t)n) != n)
            abort();
    if (in < 0 || out < 0)
        abort();
    (void)close(in);
    (void)close(out);
    log_line("sync\t%lu\t%s\n", inode_of(fd), strrchr(copy, '/') + 1);
}

static int is_failing(const char *what)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/failing-%s", getenv("POWER_LOG_DIR"), what);
    return access(path, F_OK) == 0;
}

static int sync_logged(__typeof__(&fsync) real, int fd)
{
    struct place p;
    struct stat st;
    int r;

    if (fstat(fd, &st) < 0 || !place_of(fd, ".", &p))
        return real(fd);
    if (is_failing("sync")) {
        errno = EIO;
        return -1;
    }
    (void)log_lock();
    r = real(fd);
    if (r == 0 && S_ISDIR(st.st_mode))
        log_line("syncdir\t%s\n", p.directory);
    else if (r == 0)
        keep_copy(fd);
    log_unlock();
    return r;
}

int fsync(int fd)
{
    return sync_logged(REAL(fsync), fd);
}

int fdatasync(int fd)
{
    return sync_logged(REAL(fdatasync), fd);
}

/* Of a file of the root; other files are written all the same. */
static int write_fails(int fd)
{
    struct place p;

    if (!place_of(fd, ".", &p) || !is_failing("write"))
        return 0;
    errno = EIO;
    return 1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t offset)
{
    return write_fails(fd) ? -1 : REAL(pwrite64)(fd, bytes, n, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
    return write_fails(fd) ? -1 : REAL(pwrite)(fd, bytes, n, offset);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
    return write_fails(fd) ? -1 : REAL(writev)(fd, iov, n);
}

/* A directory that is synced asynchronously is synced here and now as well: so all that had been
 * done to it is on the disk when the answer comes. */
int io_submit(io_context_t queue, long n, struct iocb **controls)
{
    for (long i = 0; i < n; i++)
        if (controls[i]->aio_lio_opcode == IO_CMD_FSYNC ? fsync(controls[i]->aio_fildes) < 0
                                                        : write_fails(controls[i]->aio_fildes))
            return -errno;
    return REAL(io_submit)(queue, n, controls);
}

int mkdirat(int at, const char *name, mode_t mode)
{
    struct place p;
    int r;

    if (!place_of(at, name, &p))
        return REAL(mkdirat)(at, name, mode);
    (void)log_lock();
    r = REAL(mkdirat)(at, name, mode);
    if (r == 0)
        log_line("mkdir\t%s\t%s\n", p.directory, p.name);
    log_unlock();
    return r;
}

int linkat(int old_at, const char *old, int at, const char *name, int flags)
{
    struct place p;
    struct stat st = {0};
    int r;

    if (!place_of(at, name, &p))
        return REAL(linkat)(old_at, old, at, name, flags);
    (void)log_lock();
    r = REAL(linkat)(old_at, old, at, name, flags);
    if (r == 0 && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        log_line("link\t%s\t%s\t%lu\n", p.directory, p.name, (unsigned long)st.st_ino);
    log_unlock();
    return r;
}

int renameat2(int old_at, const char *old, int at, const char *name, unsigned flags)
{
    struct place from, to;
    int r;

    if (!place_of(old_at, old, &from) || !place_of(at, name, &to))
        return REAL(renameat2)(old_at, old, at, name, flags);
    (void)log_lock();
    r = REAL(renameat2)(old_at, old, at, name, flags);
    if (r == 0)
        log_line("rename\t%s\t%s\t%s\t%s\n", from.directory, from.name, to.directory, to.name);
    log_unlock();
    return r;
}

int unlinkat(int at, const char *name, int flags)
{
    struct place p;
    int r;

    if (!place_of(at, name, &p))
        return REAL(unlinkat)(at, name, flags);
    (void)log_lock();
    r = REAL(unlinkat)(at, name, flags);
    if (r == 0)
        log_line("unlink\t%s\t%s\n", p.directory, p.name);
    log_unlock();
    return r;
}
