/* Every system call of the directory target fails once, the first, the second … until none fails.
 * After each failure a reader finds the old file or the new one, whole; the study is not taken as
 * accepted; and sending it again repairs everything. */
#include "fhir/target.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int countdown; /* the call that fails; 0: none */
static int error_to_give;
static int directory_syncs; /* that succeeded since the last rename */

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

    if (fails())
        return -1;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        directory_syncs++;
    return __real_fsync(fd);
}

ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    if (fails())
        return -1;
    return __real_write(fd, bytes, n > 7 ? 7 : n); /* never all at once */
}

int __real_renameat(int from, const char *a, int to, const char *b);
int __wrap_renameat(int from, const char *a, int to, const char *b);
int __wrap_renameat(int from, const char *a, int to, const char *b)
{
    if (fails())
        return -1;
    directory_syncs = 0;
    return __real_renameat(from, a, to, b);
}

static char directory[] = "/tmp/isthmus-fault-XXXXXX";

/* The value of "a" in the file of the study; 0: there is no file. */
static int value_there(void)
{
    char path[128];
    json_t *bundle;
    int value;

    (void)snprintf(path, sizeof path, "%s/id.json", directory);
    if (access(path, F_OK) < 0)
        return 0;
    bundle = json_load_file(path, 0, NULL);
    cr_assert(bundle, "a reader finds a broken file");
    value = (int)json_integer_value(json_object_get(bundle, "a"));
    json_decref(bundle);
    return value;
}

static enum verdict send(struct target *t, int value)
{
    json_t *bundle = json_pack("{s:i, s:s}", "a", value, "b", "a text of some length");
    struct answer answer;
    enum verdict verdict;

    t->kind->send(t, "id", bundle, "", &answer);
    verdict = answer.verdict;
    answer_done(&answer);
    json_decref(bundle);
    return verdict;
}

static void try_each_call(struct target *t, int error)
{
    enum verdict verdict = VERDICT_WAIT;

    error_to_give = error;
    for (int call = 1; verdict != VERDICT_DONE; call++) {
        cr_assert_eq(send(t, 1), VERDICT_DONE);
        countdown = call;
        verdict = send(t, 2);
        if (countdown == 0)
            cr_assert_eq(verdict, VERDICT_WAIT, "call %d failed and nobody saw it", call);
        countdown = 0;
        cr_assert(value_there() == 1 || value_there() == 2, "after call %d", call);
        cr_assert_eq(send(t, 2), VERDICT_DONE, "after call %d", call);
        cr_assert_eq(value_there(), 2);
        cr_assert_gt(directory_syncs, 0, "the name is not on stable storage after call %d", call);
    }
}

Test(target_dir, survives_the_failure_of_every_call)
{
    static const int errors[] = {ENOSPC, EIO};
    struct settings settings = {.name = "t", .directory = directory};
    struct target *t = NULL;
    char *message = NULL, path[128];

    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(target_new(&settings, &t, &message), 0);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        try_each_call(t, errors[i]);
    t = target_free(t);
    (void)snprintf(path, sizeof path, "%s/id.json", directory);
    (void)unlink(path);
    cr_assert_eq(rmdir(directory), 0, "temporary files are left");
}
