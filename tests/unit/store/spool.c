#include "tests/unit/store/blobs.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

TestSuite(spool, .init = open_store, .fini = close_store, .timeout = 600);

struct taken {
    uint64_t ids[16];
    int n, results[16];
};

static int take(void *context, uint64_t id, int fd)
{
    struct taken *t = context;
    char start[META_BYTES];

    cr_assert_eq(read(fd, start, META_BYTES), META_BYTES);
    cr_assert_eq(memcmp(start + 128, "meta", 4), 0);
    t->ids[t->n] = id;
    return t->results[t->n++];
}

/* What a process leaves that dies with @sealed and then @unsealed files at work. */
static void die_at_work(int sealed, int unsealed)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct sealed s;

        for (int i = 0; i < sealed + unsealed; i++) {
            struct blob *b;

            if (blob_create(store, some_meta, META_BYTES, &b) < 0 || blob_append(b, "x", 1) < 0 ||
                (i < sealed && blob_seal(b, &s.id, &s.size, s.digest) < 0))
                _exit(1);
        }
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(spool, what_a_dead_process_sealed_is_adopted_oldest_first_and_the_rest_removed)
{
    struct taken t = {0};
    unsigned abandoned = 9, left = 9;

    die_at_work(3, 2);
    cr_assert_eq(count_incoming(), 5);
    cr_assert_eq(spooled(), 3);
    cr_assert_eq(store_adopt(store, NULL, take, &t, &abandoned, &left), 3);
    cr_assert_eq(abandoned, 2);
    cr_assert_eq(left, 0);
    cr_assert_eq(count_incoming(), 0);
    for (int i = 0; i < 3; i++)
        cr_assert(has_object(t.ids[i]));
    cr_assert(t.ids[0] < t.ids[1] && t.ids[1] < t.ids[2]);
    cr_assert_eq(store_adopt(store, NULL, take, &t, &abandoned, &left), 0);
}

Test(spool, what_cannot_be_taken_stays_and_again_stops)
{
    static const struct {
        int results[3], taken;
        unsigned left;
    } rows[] = {{{0, -EBADMSG, 0}, 2, 1},
                {{-EBUSY, -EBUSY, 0}, 1, 2},
                {{0, -EAGAIN, 0}, 1, 2},
                {{-EAGAIN, 0, 0}, 0, 3}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct taken t = {0}, rest = {0};
        unsigned abandoned, left;

        die_at_work(3, 0);
        memcpy(t.results, rows[i].results, sizeof rows[i].results);
        cr_assert_eq(store_adopt(store, NULL, take, &t, &abandoned, &left), rows[i].taken);
        cr_assert_eq(left, rows[i].left, "row %zu: %u left", i, left);
        cr_assert_eq(spooled(), rows[i].left);
        cr_assert_eq(store_adopt(store, NULL, take, &rest, &abandoned, &left), (int)rows[i].left);
    }
}

Test(spool, what_was_not_received_whole_goes)
{
    struct taken t = {.results = {0, -ENODATA, 0}};
    unsigned abandoned, left;

    die_at_work(3, 0);
    cr_assert_eq(store_adopt(store, NULL, take, &t, &abandoned, &left), 2);
    cr_assert_eq(abandoned, 1);
    cr_assert_eq(left, 0);
    cr_assert_eq(count_incoming(), 0);
    cr_assert(has_object(t.ids[0]) && !has_object(t.ids[1]) && has_object(t.ids[2]));
}

Test(spool, files_at_work_are_nobody_elses)
{
    struct blob *open_one = begin("x", 1), *sealed_one = begin("x", 1);
    struct taken t = {0};
    unsigned abandoned, left;
    int error;

    (void)seal(sealed_one);
    cr_assert_eq(store_adopt(store, NULL, take, &t, &abandoned, &left), 0);
    cr_assert_eq(abandoned, 0);
    cr_assert_eq(left, 1, "whoever looks must look again: the owner may be about to spool it");
    cr_assert_eq(count_incoming(), 2);
    blob_spool(sealed_one, &error);
    blob_abandon(open_one);
    cr_assert_eq(store_adopt(store, NULL, take, &t, &abandoned, &left), 1);
}

/* What cp -r makes of a file with two names. The names in incoming/ of the test are @id's. */
static void copy_incoming(uint64_t id, off_t cut)
{
    char name[320], copy[340], bytes[2 * META_BYTES];
    FILE *f;
    size_t n;

    (void)snprintf(name, sizeof name, "%s/incoming/%016llx", directory, (unsigned long long)id);
    (void)snprintf(copy, sizeof copy, "%s.copy", name);
    f = fopen(name, "r");
    cr_assert_not_null(f);
    n = fread(bytes, 1, sizeof bytes, f);
    (void)fclose(f);
    f = fopen(copy, "w");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(bytes, 1, n - (size_t)cut, f), n - (size_t)cut);
    (void)fclose(f);
    cr_assert_eq(rename(copy, name), 0);
}

Test(spool, a_copy_without_hard_links_loses_nothing)
{
    struct blob *whole = begin("x", 1), *cut = begin("x", 1);
    uint64_t whole_id = seal(whole).id, cut_id = seal(cut).id;
    struct taken t = {0};
    unsigned abandoned, left;
    int error;

    blob_spool(whole, &error);
    blob_spool(cut, &error);
    copy_incoming(whole_id, 0);
    copy_incoming(cut_id, 1);
    die_at_work(0, 1);
    cr_assert_eq(store_adopt(store, NULL, take, &t, &abandoned, &left), 1);
    cr_assert_eq(t.ids[0], whole_id);
    cr_assert_eq(abandoned, 1, "the unfinished one");
    cr_assert_eq(left, 1, "the one whose copies differ");
    cr_assert_eq(count_incoming(), 1);
    cr_assert(has_object(whole_id) && has_object(cut_id));
}
