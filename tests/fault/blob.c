/* Every system call of the way of a file fails once, the first, the second … until none fails.
 * After each failure: what was acknowledged is there whole; what is not acknowledged either waits
 * with two names (and is whole) or is gone after the next adoption. */
#include "store/blob.h"
#include "store/seal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libaio.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int countdown;                                       /* the call that fails; 0: none */
static enum { AS_ASKED, SHORT, INVALID, UNSYNCED } answers; /* to asynchronous requests */
static int asked;
static int error_to_give;
static int syncs;
static int file_syncs;
static int under_way; /* asynchronous writes, of the last file that had some */
static int under_way_fd;
static int unsynced; /* writes since a file was synced */

static int fails(void)
{
    if (countdown == 0 || --countdown > 0)
        return 0;
    errno = error_to_give;
    return 1;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    struct stat st;

    syncs++;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        cr_assert(under_way == 0 || under_way_fd != fd, "synced while it is written");
        unsynced = 0;
        file_syncs++;
    }
    return fails() ? -1 : __real_fsync(fd);
}

ssize_t __real_pwrite(int fd, const void *bytes, size_t n, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t n, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
    unsynced++;
    return fails() ? -1 : __real_pwrite(fd, bytes, n, offset);
}

ssize_t __real_writev(int fd, const struct iovec *iov, int n);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int n);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int n)
{
    unsynced++;
    return fails() ? -1 : __real_writev(fd, iov, n);
}

int __real_linkat(int from, const char *a, int to, const char *b, int flags);
int __wrap_linkat(int from, const char *a, int to, const char *b, int flags);
int __wrap_linkat(int from, const char *a, int to, const char *b, int flags)
{
    return fails() ? -1 : __real_linkat(from, a, to, b, flags);
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
    return fails() ? -error_to_give : __real_io_setup(n, ret);
}

int __real_io_submit(io_context_t queue, long n, struct iocb **controls);
int __wrap_io_submit(io_context_t queue, long n, struct iocb **controls);
int __wrap_io_submit(io_context_t queue, long n, struct iocb **controls)
{
    asked++;
    if (fails())
        return -error_to_give;
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

    if (answers == AS_ASKED || is_sync != (answers == UNSYNCED))
        return;
    spoil(event->obj);
    event->res = answers == SHORT ? 4096 : (unsigned long)(answers == INVALID ? -EINVAL : -EIO);
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
        syncs += events[i].obj->aio_lio_opcode == IO_CMD_FSYNC;
        under_way -= events[i].obj->aio_lio_opcode == IO_CMD_PWRITE;
        give_answer(&events[i]);
        if (fails()) {
            spoil(events[i].obj);
            events[i].res = (unsigned long)-error_to_give;
        }
    }
    return got;
}

#define FILES 3
#define OBJECT_BYTES (630u * 1024) /* more than two pieces of direct.h */

static char root[] = "/tmp/isthmus-fault-XXXXXX";
static char object[OBJECT_BYTES];
static const char meta[132] = {[128] = 'D', 'I', 'C', 'M'};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(root));
    for (size_t i = 0; i < sizeof object; i++)
        object[i] = (char)(i * 31);
}

static void tear_down(void)
{
    countdown = 0;
    (void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Its seal, four letters and then the object. */
static int is_whole(int fd)
{
    static char got[OBJECT_BYTES + 200];
    ssize_t n = pread(fd, got, sizeof got, 0);
    struct seal seal;

    return n == (ssize_t)(sizeof meta + sizeof object) && seal_read(got, (size_t)n, &seal) == 0 &&
           seal.file_bytes == (uint64_t)n && memcmp(got + 128, "DICM", 4) == 0 &&
           memcmp(got + sizeof meta, object, sizeof object) == 0;
}

static struct blob *begin(struct store *s)
{
    struct blob *b = NULL;
    int r = blob_create(s, meta, sizeof meta, &b);

    for (size_t at = 0; r == 0 && at < sizeof object; at += 30 * 1024)
        (void)blob_append(b, object + at, 30 * 1024);
    return b;
}

/* The way of FILES files that are sealed one by one or @together. Returns how many may be
 * acknowledged, with their ids. */
static int store_files(struct store *s, int together, uint64_t ret_ids[FILES])
{
    struct blob *blobs[FILES];
    uint64_t size;
    uint8_t digest[16];
    int n = 0, acknowledged = 0;

    for (int i = 0; i < (together ? FILES : 1); i++)
        if ((blobs[n] = begin(s)))
            n++;
    if (together)
        blob_seal_all(blobs, (size_t)n);
    for (int i = 0; i < n; i++) {
        if (blob_seal(blobs[i], &ret_ids[acknowledged], &size, digest) < 0) {
            blob_abandon(blobs[i]);
            continue;
        }
        acknowledged++;
        if (i % 2 == 0) {
            blob_release(blobs[i]); /* as if the row had been committed */
        } else {
            blob_hand_over(blobs[i]);
            store_release(s, ret_ids[acknowledged - 1]);
        }
    }
    return acknowledged;
}

static int take_whole(void *context, uint64_t id, int fd)
{
    (void)id;
    cr_assert(is_whole(fd), "a file with two names is whole");
    ++*(int *)context;
    return 0;
}

/* Returns how many calls were made before none failed. */
static int fail_each(int error, int together)
{
    for (int n = 1;; n++) {
        struct store *s = NULL;
        uint64_t ids[FILES];
        unsigned abandoned, left;
        int adopted = 0;

        countdown = 0;
        cr_assert_eq(store_open(root, 0, &s), 0);
        error_to_give = error;
        countdown = n;
        int acknowledged = store_files(s, together, ids);
        int failed = countdown == 0;
        countdown = 0;
        for (int i = 0; i < acknowledged; i++) {
            int fd = -1;

            cr_assert_eq(store_read(s, ids[i], &fd), 0, "call %d: acknowledged and lost", n);
            cr_assert(is_whole(fd), "call %d: acknowledged and different", n);
            close(fd);
        }
        cr_assert_geq(store_adopt(s, NULL, take_whole, &adopted, &abandoned, &left), 0);
        cr_assert_eq(left, 0, "call %d: nothing is ignored for ever", n);
        cr_assert_eq(store_spooled(s, &left), 0);
        cr_assert_eq(left, 0, "call %d: incoming/ is empty again", n);
        store_free(s);
        if (!failed)
            return n - 1;
    }
}

Test(blob, no_failing_call_loses_what_was_acknowledged, .init = set_up, .fini = tear_down)
{
    static const int errors[] = {EIO, ENOSPC, EDQUOT, EROFS};

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        cr_assert_gt(fail_each(errors[i], 0), 6, "the calls are counted");
        cr_assert_gt(fail_each(errors[i], 1), FILES * 6, "those of files sealed together too");
    }
}

Test(blob, a_failed_fsync_is_final, .init = set_up, .fini = tear_down)
{
    struct store *s = NULL;
    struct blob *b = NULL;
    uint64_t id, size;
    uint8_t digest[16];

    cr_assert_eq(store_open(root, 0, &s), 0);
    cr_assert_eq(blob_create(s, meta, sizeof meta, &b), 0);
    cr_assert_eq(blob_append(b, object, 100), 0);
    error_to_give = EIO;
    countdown = 2; /* writev, then fsync */
    cr_assert_eq(blob_seal(b, &id, &size, digest), -EIO);
    cr_assert_eq(blob_seal(b, &id, &size, digest), -EIO, "the pages may be gone: never again");
    blob_abandon(b);
    store_free(s);
}

Test(blob, a_long_file_is_sealed_when_it_and_its_directory_are_synced, .init = set_up,
     .fini = tear_down)
{
    struct store *s = NULL;
    struct blob *b;
    uint64_t ids[FILES], size;
    uint8_t digest[16];

    cr_assert_eq(store_open(root, 0, &s), 0);
    cr_assert_eq(store_files(s, 0, ids), 1); /* makes the directories */
    b = begin(s);
    syncs = 0;
    cr_assert_eq(blob_seal(b, ids, &size, digest), 0);
    cr_assert(syncs == 2 || syncs == 5, "%d; three more where a new minute or day begins", syncs);
    cr_assert_eq(unsynced, 0);
    blob_release(b);
    store_free(s);
}

/* @ret_error is what blob_seal() says when all asynchronous requests are so answered. False: the
 * file system has no such requests. */
static bool seal_with(int given, int *ret_error)
{
    struct store *s = NULL;
    struct blob *b;
    uint64_t id, size;
    uint8_t digest[16];
    int fd = -1;

    cr_assert_eq(store_open(root, 0, &s), 0);
    asked = 0;
    answers = given;
    b = begin(s);
    *ret_error = blob_seal(b, &id, &size, digest);
    answers = AS_ASKED;
    if (*ret_error == 0) {
        cr_assert_eq(store_read(s, id, &fd), 0);
        cr_assert(is_whole(fd));
        (void)close(fd);
    }
    (*ret_error == 0 ? blob_release : blob_abandon)(b);
    store_free(s);
    return asked > 0;
}

Test(blob, what_the_disk_says_of_a_long_file_counts, .init = set_up, .fini = tear_down)
{
    int error = 0;

    if (!seal_with(AS_ASKED, &error))
        cr_skip("this file system has no direct writes");
    cr_assert_eq(error, 0);
    cr_assert(seal_with(SHORT, &error));
    cr_assert_eq(error, -ENOSPC);
    cr_assert(seal_with(UNSYNCED, &error));
    cr_assert_eq(error, -EIO);
    cr_assert(seal_with(INVALID, &error));
    cr_assert_eq(error, 0, "written the usual way");
}

static int take_synced(void *context, uint64_t id, int fd)
{
    (void)id, (void)fd;
    cr_assert_eq(file_syncs, 1, "its owner may have died before it was synced");
    ++*(int *)context;
    return 0;
}

Test(blob, a_file_is_synced_before_it_is_adopted, .init = set_up, .fini = tear_down)
{
    struct store *s = NULL;
    struct blob *b;
    unsigned abandoned, left;
    uint64_t id, size;
    uint8_t digest[16];
    int taken = 0;

    cr_assert_eq(store_open(root, 0, &s), 0);
    b = begin(s);
    cr_assert_eq(blob_seal(b, &id, &size, digest), 0);
    blob_hand_over(b);
    error_to_give = EIO;
    for (int n = 1; n <= 3; n++) { /* whichever of the calls before it fails */
        countdown = n;
        (void)store_adopt(s, NULL, take_synced, &taken, &abandoned, &left);
        cr_assert_eq(taken, 0, "call %d", n);
        cr_assert_eq(countdown, 0);
    }
    file_syncs = 0;
    cr_assert_eq(store_adopt(s, NULL, take_synced, &taken, &abandoned, &left), 1);
    cr_assert_eq(taken, 1);
    store_free(s);
}

Test(blob, files_sealed_together_have_one_sync_each_and_one_of_their_directory, .init = set_up,
     .fini = tear_down)
{
    struct store *s = NULL;
    uint64_t ids[FILES];

    cr_assert_eq(store_open(root, 0, &s), 0);
    cr_assert_eq(store_files(s, 1, ids), FILES); /* makes the directories */
    syncs = 0;
    cr_assert_eq(store_files(s, 1, ids), FILES);
    cr_assert_leq(syncs, FILES + 1 + 3, "%d; three more where a new minute or day begins", syncs);
    store_free(s);
}
