#include "fhir/target.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];
static struct settings settings;
static struct target *target;

static void set_up(void)
{
    char *message = NULL;

    (void)strcpy(directory, "/tmp/isthmus-target.XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    settings = (struct settings){.name = "t", .directory = directory};
    cr_assert_eq(target_new(&settings, &target, &message), 0);
}

static void tear_down(void)
{
    char path[128];

    target = target_free(target);
    (void)snprintf(path, sizeof path, "%s/id.json", directory);
    (void)unlink(path);
    (void)rmdir(directory);
}

static struct stat send(const char *text)
{
    json_t *bundle = json_loads(text, 0, NULL);
    struct answer answer;
    struct stat st;
    char path[128];

    target->kind->send(target, "id", bundle, "", &answer);
    cr_assert_eq(answer.verdict, VERDICT_DONE, "%s", answer.reason);
    answer_done(&answer);
    json_decref(bundle);
    (void)snprintf(path, sizeof path, "%s/id.json", directory);
    cr_assert_eq(stat(path, &st), 0);
    return st;
}

static int count_files(void)
{
    DIR *d = opendir(directory);
    int n = 0;

    while (readdir(d))
        n++;
    (void)closedir(d);
    return n - 2;
}

TestSuite(target_dir, .init = set_up, .fini = tear_down);

Test(target_dir, replaces_a_file_that_changed_and_leaves_one_that_did_not)
{
    struct stat first = send("{\"a\": 1}"), same = send("{\"a\": 1}"), other = send("{\"a\": 2}");

    cr_assert_eq(first.st_ino, same.st_ino);
    cr_assert_neq(first.st_ino, other.st_ino);
    cr_assert_eq(count_files(), 1, "no temporary file is left");
}

Test(target_dir, writes_over_what_a_killed_process_left)
{
    char path[128];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/.id.json.new", directory);
    f = fopen(path, "w");
    (void)fputs("{\"half", f);
    (void)fclose(f);
    (void)send("{\"a\": 1}");
    cr_assert_eq(count_files(), 1);
}

Test(target_dir, that_cannot_be_made_is_waited_for)
{
    struct settings missing = {.name = "t", .directory = "/nonexistent/directory"};
    struct target *t;
    struct answer answer;
    char *message = NULL;

    cr_assert_eq(target_new(&missing, &t, &message), 0);
    t->kind->check(t, &answer);
    cr_assert_eq(answer.verdict, VERDICT_WAIT);
    answer_done(&answer);
    t = target_free(t);
}
