/* Every system call of the way of a file fails once, the first, the second … until none fails.
 * After each failure: what was acknowledged is there whole; what is not acknowledged either waits
 * with two names (and is whole) or is gone after the next adoption. */
#include "store/blob.h"
#include "store/seal.h"
#include "tests/fault/blob_calls.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 3
#define OBJECT_BYTES (630u * 1024) /* more than two pieces of direct.h */

static char root[] = "/tmp/isthmus-fault-XXXXXX";
static char object[OBJECT_BYTES];
static bool dies; /* who stores, where a call fails */
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
    calls.countdown = 0;
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
            (dies ? blob_hand_over : blob_abandon)(blobs[i]);
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

static bool name_is_unsynced(uint64_t id)
{
    char name[STORE_PATH_MAX], path[STORE_PATH_MAX + sizeof root];

    store_path(id, name);
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    *strrchr(path, '/') = '\0';
    return calls_is_unsynced(path);
}

/* Returns how many calls were made before none failed. @taken: so many names of files are those of
 * others. */
static int fail_each(int error, int together, int taken)
{
    for (int n = 1;; n++) {
        struct store *s = NULL;
        uint64_t ids[FILES];
        unsigned abandoned, left;
        int adopted = 0;

        calls.countdown = 0;
        cr_assert_eq(store_open(root, 0, &s), 0);
        calls.error = error;
        calls.countdown = n;
        calls.names_taken = taken;
        int acknowledged = store_files(s, together, ids);
        int failed = calls.countdown == 0;
        calls.countdown = calls.names_taken = 0;
        for (int i = 0; i < acknowledged; i++) {
            int fd = -1;

            cr_assert_eq(store_read(s, ids[i], &fd), 0, "call %d: acknowledged and lost", n);
            cr_assert(is_whole(fd), "call %d: acknowledged and different", n);
            cr_assert_not(name_is_unsynced(ids[i]), "call %d: acknowledged without a name", n);
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
        cr_assert_gt(fail_each(errors[i], 0, 0), 6, "the calls are counted");
        cr_assert_gt(fail_each(errors[i], 1, 0), FILES * 6, "those of files sealed together too");
        calls.renames = 0;
        cr_assert_gt(fail_each(errors[i], 1, 2), FILES * 6);
        cr_assert_gt(calls.renames, 2, "another name is looked for");
    }
}

Test(blob, what_a_death_leaves_is_whole_or_goes, .init = set_up, .fini = tear_down)
{
    dies = true;
    cr_assert_gt(fail_each(EIO, 0, 0), 6);
    cr_assert_gt(fail_each(EIO, 1, 0), FILES * 6);
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
    calls.error = EIO;
    calls.countdown = 2; /* writev, then fsync */
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
    calls.syncs = 0;
    cr_assert_eq(blob_seal(b, ids, &size, digest), 0);
    cr_assert(calls.syncs == 2 || calls.syncs == 4, "%d; two more where a new minute begins",
              calls.syncs);
    cr_assert_eq(calls.unsynced, 0);
    blob_release(b);
    store_free(s);
}

/* @ret_error is what blob_seal() says when all asynchronous requests are so answered. False: the
 * file system has no such requests. */
static bool seal_with(enum calls_answers given, int *ret_error)
{
    struct store *s = NULL;
    struct blob *b;
    uint64_t id, size;
    uint8_t digest[16];
    int fd = -1;

    cr_assert_eq(store_open(root, 0, &s), 0);
    calls.asked = 0;
    calls.answers = given;
    b = begin(s);
    *ret_error = blob_seal(b, &id, &size, digest);
    calls.answers = AS_ASKED;
    if (*ret_error == 0) {
        cr_assert_eq(store_read(s, id, &fd), 0);
        cr_assert(is_whole(fd));
        (void)close(fd);
    }
    (*ret_error == 0 ? blob_release : blob_abandon)(b);
    store_free(s);
    return calls.asked > 0;
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
    cr_assert_eq(calls.file_syncs, 1, "its owner may have died before it was synced");
    cr_assert_gt(calls.syncs, calls.file_syncs, "or before its name was");
    ++*(int *)context;
    return 0;
}

/* A store with @n files that are sealed and have no owner any more. */
static struct store *with_orphans(int n)
{
    struct store *s = NULL;
    uint64_t id, size;
    uint8_t digest[16];

    cr_assert_eq(store_open(root, 0, &s), 0);
    for (int i = 0; i < n; i++) {
        struct blob *b = begin(s);

        cr_assert_eq(blob_seal(b, &id, &size, digest), 0);
        blob_hand_over(b);
    }
    return s;
}

Test(blob, a_name_is_synced_before_it_counts_also_where_a_minute_ends, .init = set_up,
     .fini = tear_down)
{
    struct store *s = with_orphans(1);
    struct blob *b = NULL;
    uint64_t ids[FILES], size;
    uint8_t digest[16];

    calls.apart = 1;
    for (int together = 0; together < 2; together++) {
        cr_assert_eq(store_files(s, together, ids), together ? FILES : 1);
        cr_assert_eq(calls_unsynced_names(), 0);
    }
    cr_assert_eq(blob_create(s, meta, sizeof meta, &b), 0);
    cr_assert_eq(blob_append(b, object, 100), 0);
    cr_assert_eq(blob_seal(b, ids, &size, digest), 0);
    cr_assert_eq(calls_unsynced_names(), 0, "of a short file");
    blob_release(b);
    store_free(s);
}

static int take_named(void *context, uint64_t id, int fd)
{
    (void)context, (void)id, (void)fd;
    cr_assert_eq(calls_unsynced_names(), 0);
    return 0;
}

Test(blob, names_are_synced_before_files_are_adopted_also_where_a_minute_ends, .init = set_up,
     .fini = tear_down)
{
    struct store *s;
    unsigned abandoned, left;

    calls.apart = 1;
    s = with_orphans(FILES);
    calls_forget_synced_names();
    cr_assert_eq(calls_unsynced_names(), FILES);
    cr_assert_eq(store_adopt(s, NULL, take_named, NULL, &abandoned, &left), FILES);
    store_free(s);
}

Test(blob, a_file_is_synced_before_it_is_adopted, .init = set_up, .fini = tear_down)
{
    struct store *s = with_orphans(1);
    unsigned abandoned, left;
    int taken = 0, r;

    calls.error = EIO;
    for (int n = 1; n <= 5; n++) { /* whichever of the calls before it fails */
        calls.countdown = n;
        r = store_adopt(s, NULL, take_synced, &taken, &abandoned, &left);
        cr_assert_eq(r, n == 2 || n == 3 ? 0 : -EIO, "call %d", n); /* 2, 3: it may be in use */
        cr_assert_eq(taken, 0, "call %d", n);
        cr_assert_eq(calls.countdown, 0);
    }
    calls.syncs = calls.file_syncs = 0;
    cr_assert_eq(store_adopt(s, NULL, take_synced, &taken, &abandoned, &left), 1);
    cr_assert_eq(taken, 1);
    store_free(s);
}

Test(blob, a_file_that_cannot_be_synced_is_read_from_the_disk_again, .init = set_up,
     .fini = tear_down)
{
    struct store *s = with_orphans(2);
    unsigned abandoned, left;
    int taken = 0;

    calls.error = EIO;
    calls.countdown = 6; /* the directory, two files with their locks, and the sync of the first */
    cr_assert_eq(store_adopt(s, NULL, take_whole, &taken, &abandoned, &left), -EIO);
    cr_assert_eq(calls.countdown, 0);
    cr_assert_eq(calls.forgotten, 2, "what is in memory is not what the disk has");
    cr_assert_eq(taken, 1, "the other one does not wait for it");
    cr_assert_eq(store_adopt(s, NULL, take_whole, &taken, &abandoned, &left), 1);
    cr_assert_eq(left, 0);
    store_free(s);
}

/* Its directory is named after it. */
static uint64_t minute_of(uint64_t id)
{
    return (id >> 20) / 60000;
}

Test(blob, files_sealed_together_have_one_sync_each_and_one_of_their_directory, .init = set_up,
     .fini = tear_down)
{
    struct store *s = NULL;
    uint64_t ids[FILES];

    cr_assert_eq(store_open(root, 0, &s), 0);
    cr_assert_eq(store_files(s, 1, ids), FILES); /* makes the directories */
    do {
        calls.syncs = 0;
        cr_assert_eq(store_files(s, 1, ids), FILES);
    } while (minute_of(ids[0]) != minute_of(ids[FILES - 1]));
    cr_assert_leq(calls.syncs, FILES + 1 + 2, "%d; two more where a new minute begins",
                  calls.syncs);
    store_free(s);
}
