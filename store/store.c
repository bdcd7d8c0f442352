#include "store/blob_internal.h"
#include "store/base/cleanup.h"
#include "store/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define RANDOM_BITS 20
#define BACKWARDS_MS 1000
#define MS_PER_MINUTE 60000u
#define NO_MINUTE UINT64_MAX
#define ROOM_CHECK_MS 250
#define ROOM_CHECK_BYTES ((uint64_t)64 << 20)

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Those of one process are in order also within a millisecond, and when the clock is set back a
 * little: which of two files came first is not to be lost. */
uint64_t blob_id_new(void)
{
    static uint64_t last;
    uint64_t now_ms = clock_ms(CLOCK_REALTIME), last_ms = last >> RANDOM_BITS, id;
    uint32_t random = 0;

    while (getrandom(&random, sizeof random, 0) != sizeof random)
        ;
    id = now_ms << RANDOM_BITS | (random & ((1u << RANDOM_BITS) - 1));
    if (id <= last && last_ms - now_ms < BACKWARDS_MS)
        id = last + 1;
    last = id;
    return id;
}

/* 16 digits; returns their end. By hand, as five names are made for each file. */
static char *put_id(uint64_t id, char *to)
{
    for (int shift = 60; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[id >> shift & 0xF];
    return to;
}

void incoming_name(uint64_t id, char name[INCOMING_NAME_MAX])
{
    *put_id(id, name) = '\0';
}

void object_name(uint64_t id, char name[OBJECT_NAME_MAX])
{
    (void)strcpy(put_id(id, name), ".dcm");
}

int incoming_id(const char *name, uint64_t *ret)
{
    if (strlen(name) != 16 || strspn(name, "0123456789abcdef") != 16)
        return -EINVAL;
    *ret = strtoull(name, NULL, 16);
    return 0;
}

static uint64_t minute_of(uint64_t id)
{
    return (id >> RANDOM_BITS) / MS_PER_MINUTE;
}

bool store_same_minute(uint64_t a, uint64_t b)
{
    return minute_of(a) == minute_of(b);
}

/* "YYYYMMDD" and "HHMM". An id from a damaged name may be any number; the year is kept to four
 * digits so that the path has its length. */
static void minute_names(uint64_t minute, char day[9], char hour_minute[5])
{
    time_t seconds = (time_t)(minute * 60);
    struct tm utc;

    if (!gmtime_r(&seconds, &utc))
        memset(&utc, 0, sizeof utc);
    (void)snprintf(day, 9, "%04u%02u%02u", (unsigned)(utc.tm_year + 1900) % 10000,
                   (unsigned)(utc.tm_mon + 1) % 100, (unsigned)utc.tm_mday % 100);
    (void)snprintf(hour_minute, 5, "%02u%02u", (unsigned)utc.tm_hour % 100,
                   (unsigned)utc.tm_min % 100);
}

void store_path(uint64_t id, char buffer[STORE_PATH_MAX])
{
    char day[9], hour_minute[5], name[OBJECT_NAME_MAX];

    minute_names(minute_of(id), day, hour_minute);
    object_name(id, name);
    (void)snprintf(buffer, STORE_PATH_MAX, "objects/%s/%s/%s", day, hour_minute, name);
}

static int open_directory(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

/* The entry is synced whoever made it: another process may have just made it and not synced. */
static int make_directory(int at, const char *name)
{
    if (mkdirat(at, name, 0750) < 0 && errno != EEXIST)
        return -errno;
    if (fsync(at) < 0)
        return -errno;
    return open_directory(at, name);
}

int store_minute_fd(struct store *s, uint64_t id, int *ret_fd)
{
    uint64_t minute = minute_of(id);
    char day[9], hour_minute[5];
    _cleanup_close_ int day_fd = -1;
    int fd;

    if (minute != s->minute) {
        minute_names(minute, day, hour_minute);
        day_fd = make_directory(s->objects_fd, day);
        if (day_fd < 0)
            return day_fd;
        fd = make_directory(day_fd, hour_minute);
        if (fd < 0)
            return fd;
        if (s->minute_fd >= 0)
            (void)close(s->minute_fd);
        s->minute_fd = fd;
        s->minute = minute;
    }
    *ret_fd = s->minute_fd;
    return 0;
}

int store_free_bytes(struct store *s, uint64_t *ret_bytes)
{
    struct statvfs fs;
    uint64_t available;

    if (fstatvfs(s->root_fd, &fs) < 0)
        return -errno;
    available = (uint64_t)fs.f_bavail * fs.f_frsize;
    *ret_bytes = available > s->reserve_bytes ? available - s->reserve_bytes : 0;
    return 0;
}

/* Between two looks this process may use what it saw, at most ROOM_CHECK_BYTES of it. */
int store_take_room(struct store *s, uint64_t bytes)
{
    uint64_t now_ms = clock_ms(CLOCK_MONOTONIC_COARSE);
    int r;

    if (bytes > s->room_bytes || now_ms - s->room_checked_ms >= ROOM_CHECK_MS) {
        r = store_free_bytes(s, &s->room_bytes);
        if (r < 0)
            return r;
        s->room_checked_ms = now_ms;
        if (bytes >= s->room_bytes) {
            s->room_bytes = 0;
            return -ENOSPC;
        }
        if (s->room_bytes > ROOM_CHECK_BYTES + bytes)
            s->room_bytes = ROOM_CHECK_BYTES + bytes;
    }
    s->room_bytes -= bytes;
    return 0;
}

static int open_directories(struct store *s, const char *root)
{
    s->root_fd = open_directory(AT_FDCWD, root);
    if (s->root_fd < 0)
        return s->root_fd;
    s->incoming_fd = open_directory(s->root_fd, "incoming");
    if (s->incoming_fd < 0)
        return s->incoming_fd;
    s->objects_fd = open_directory(s->root_fd, "objects");
    return s->objects_fd < 0 ? s->objects_fd : 0;
}

/* Ask ext4 to put each directory made in @fd into a part of the disk of its own; others have
 * nothing to ask for. */
static void spread_directories(int fd)
{
    int flags;

    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
        return;
    flags |= FS_TOPDIR_FL;
    (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/* ext4 gives a file an inode near that of its directory, and without a journal it looks, for each
 * new one, at all those there that were deleted in the last minutes: beside a busy neighbour that
 * is the most of what a small file costs. The name decides which part of the disk it is. */
static int make_incoming(int root_fd)
{
    char name[INCOMING_NAME_MAX];

    if (faccessat(root_fd, "incoming", F_OK, 0) == 0)
        return make_directory(root_fd, "incoming");
    spread_directories(root_fd);
    incoming_name(blob_id_new(), name);
    if (mkdirat(root_fd, name, 0750) < 0)
        return -errno;
    if (renameat2(root_fd, name, root_fd, "incoming", RENAME_NOREPLACE) < 0)
        (void)unlinkat(root_fd, name, AT_REMOVEDIR);
    return make_directory(root_fd, "incoming");
}

static int make_directories(const char *root)
{
    _cleanup_close_ int root_fd = -1, incoming_fd = -1, objects_fd = -1;

    if (mkdir(root, 0750) < 0 && errno != EEXIST)
        return -errno;
    root_fd = open_directory(AT_FDCWD, root);
    if (root_fd < 0)
        return root_fd;
    incoming_fd = make_incoming(root_fd);
    if (incoming_fd < 0)
        return incoming_fd;
    objects_fd = make_directory(root_fd, "objects");
    return objects_fd < 0 ? objects_fd : 0;
}

/* Files are written in incoming/ and linked into objects/. */
static int check_writable(const struct store *s)
{
    struct stat in, out;

    if (faccessat(s->incoming_fd, ".", W_OK | X_OK, AT_EACCESS) < 0 ||
        faccessat(s->objects_fd, ".", W_OK | X_OK, AT_EACCESS) < 0 ||
        fstat(s->incoming_fd, &in) < 0 || fstat(s->objects_fd, &out) < 0)
        return -errno;
    return in.st_dev == out.st_dev ? 0 : -EXDEV;
}

int store_open_readonly(const char *root, uint64_t reserve_bytes, struct store **ret)
{
    struct store *s = calloc(1, sizeof *s);
    int r;

    if (!s)
        return -ENOMEM;
    s->root_fd = s->incoming_fd = s->objects_fd = s->minute_fd = -1;
    s->minute = NO_MINUTE;
    s->reserve_bytes = reserve_bytes;
    r = open_directories(s, root);
    if (r < 0) {
        store_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

int store_open(const char *root, uint64_t reserve_bytes, struct store **ret)
{
    struct store *s;
    int r = make_directories(root);

    if (r == 0)
        r = store_open_readonly(root, reserve_bytes, &s);
    if (r < 0)
        return r;
    r = check_writable(s);
    if (r < 0)
        store_free(s);
    else
        *ret = s;
    return r;
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

struct store *store_free(struct store *s)
{
    if (!s)
        return NULL;
    close_if_open(s->root_fd);
    close_if_open(s->incoming_fd);
    close_if_open(s->objects_fd);
    close_if_open(s->minute_fd);
    direct_free(s->spare_direct);
    free(s->spare_buffer);
    XXH3_freeState(s->spare_digest);
    free(s);
    return NULL;
}

int store_read(struct store *s, uint64_t id, int *ret_fd)
{
    char path[STORE_PATH_MAX];
    int fd;

    store_path(id, path);
    fd = openat(s->root_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

int store_set_aside(struct store *s, uint64_t id)
{
    char path[STORE_PATH_MAX], aside[STORE_PATH_MAX + 8];

    store_path(id, path);
    (void)snprintf(aside, sizeof aside, "%.*s.damaged", (int)strlen(path) - 4, path);
    return renameat(s->root_fd, path, s->root_fd, aside) < 0 ? -errno : 0;
}

int store_delete(struct store *s, uint64_t id)
{
    char path[STORE_PATH_MAX];

    store_path(id, path);
    return unlinkat(s->root_fd, path, 0) < 0 ? -errno : 0;
}

void store_release(struct store *s, uint64_t id)
{
    char name[INCOMING_NAME_MAX];

    incoming_name(id, name);
    (void)unlinkat(s->incoming_fd, name, 0);
}
