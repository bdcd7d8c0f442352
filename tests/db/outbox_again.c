/* Studies that a target has and gets again. */
#include "tests/db/changes.h"

TestSuite(outbox_again, .init = open_database, .fini = close_database, .timeout = 600);

static char *begin_sending(const struct outbox_item *item, const char *own)
{
    char *before = NULL;

    cr_assert_eq(outbox_begin(d.db, item, own, &before), 0, "%s", db_problem(d.db));
    return before;
}

Test(outbox_again, what_a_target_may_have_of_ours_is_known_also_after_a_crash)
{
    int target = make_target("t", 0);
    struct outbox_item item;
    static const struct {
        const char *own, *before;
        bool settled;
    } rows[] = {{"", "", false},
                {"A/1", "A/1", true},
                {"A/1 B/2", "A/1 A/1 B/2", false},
                {"A/1 B/2", "A/1 A/1 B/2", false},
                {"", "A/1 A/1 B/2", true},
                {"", "", false}};

    change(d.db, 1);
    make_due();
    item = claim(d.db, target);
    char *before = begin_sending(&item, "A/1");
    cr_assert_str_eq(before, "", "it has nothing yet");
    free(before);
    cr_assert_eq(outbox_settle(d.db, &item, "d1", "full", ""), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        change(d.db, 1);
        make_due();
        item = claim(d.db, target);
        before = begin_sending(&item, rows[i].own);
        cr_assert_str_eq(before, rows[i].before, "row %zu", i);
        cr_assert_answer(d.db, "select digest from isthmus.published", "");
        free(before);
        if (rows[i].settled)
            cr_assert_eq(outbox_settle(d.db, &item, "d", "full", rows[i].own), 0);
        else
            cr_assert_eq(outbox_release(d.db, &item), 0);
    }
}

Test(outbox_again, other_settings_make_every_study_due_again)
{
    int one = make_target("one", 0), two = make_target("two", 0);
    struct outbox_item item;

    for (int study = 1; study <= 3; study++)
        change(d.db, study);
    cr_assert_eq(target_configure(d.db, one, "R5 a"), 0, "there was nothing before");
    cr_assert_eq(target_configure(d.db, two, "R5 a"), 0);
    for (int i = 0; i < 2; i++) {
        make_due();
        item = claim(d.db, one);
        if (i == 0)
            cr_assert_eq(outbox_settle(d.db, &item, "d", "full", ""), 0);
        else
            cr_assert_eq(outbox_park(d.db, &item, "no"), 0);
    }
    run_sql(d.db, "update isthmus.outbox set due_at = now() + interval '1 hour'");
    cr_assert_eq(target_configure(d.db, one, "R5 a"), 0);
    cr_assert_eq(claim_nothing(d.db, one) > 0, true);
    cr_assert_eq(target_configure(d.db, one, "R4 a"), 1);
    for (int study = 1; study <= 3; study++)
        (void)claim(d.db, one);
    (void)claim_nothing(d.db, two);
    cr_assert_eq(target_configure(d.db, one, "R4 a"), 0);
}
