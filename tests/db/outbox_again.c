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

    item = change_and_claim(d.db, target);
    char *before = begin_sending(&item, "A/1");
    cr_assert_str_eq(before, "", "it has nothing yet");
    free(before);
    cr_assert_eq(outbox_settle(d.db, &item, "d1", "full", ""), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        item = change_and_claim(d.db, target);
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

/* As when the connection is lost: the claim is nobody's, and what it is about is sent yet. */
static struct outbox_item claim_and_lose(int target)
{
    struct outbox_item item = claim(other, target);

    run_sql(other, "select pg_advisory_unlock_all()");
    return item;
}

/* The numbers of a study that was settled begin anew. */
Test(outbox_again, who_has_lost_its_claim_settles_and_parks_nothing_that_came_since)
{
    for (int parks = 0; parks < 2; parks++) {
        int target = make_target(parks ? "a" : "b", 0);
        struct outbox_item late, item;

        change(d.db, 1);
        make_due();
        late = claim_and_lose(target);
        item = claim(d.db, target);
        cr_assert_eq(outbox_settle(d.db, &item, "new", "full", ""), 0);
        run_sql(d.db, "delete from isthmus.outbox");
        change(d.db, 1);
        run_sql(d.db, "update isthmus.outbox set generation = 1");
        if (parks)
            cr_assert_eq(outbox_park(other, &late, "422"), 0);
        else
            cr_assert_eq(outbox_settle(other, &late, "old", "full", ""), 0);
        make_due();
        (void)claim(d.db, target);
        cr_assert_answer(d.db, "select count(last_failure) from isthmus.outbox", "0");
        cr_assert_eq(target_forget(d.db, parks ? "a" : "b"), 0);
        run_sql(d.db, "select pg_advisory_unlock_all()");
    }
}

Test(outbox_again, two_who_sent_one_study_leave_it_to_be_sent_again)
{
    int target = make_target("t", 0);
    struct outbox_item late, item;

    change(d.db, 1);
    make_due();
    late = claim_and_lose(target);
    item = claim(d.db, target);
    cr_assert_eq(outbox_settle(other, &late, "old", "full", "A/1"), 0);
    cr_assert_eq(outbox_settle(d.db, &item, "new", "full", "B/2"), 0);
    make_due();
    item = claim(d.db, target);
    cr_assert_str_eq(item.digest, "", "nobody knows which of them came last");
    free(begin_sending(&item, ""));
    cr_assert_answer(d.db, "select own from isthmus.published", "A/1 B/2");
}

Test(outbox_again, what_a_person_wants_sent_again_while_it_is_settled_is_sent)
{
    int target = make_target("t", 0);
    struct outbox_item item;

    item = change_and_claim(d.db, target);
    run_sql(d.db, "update isthmus.outbox set generation = generation + 1");
    cr_assert_eq(outbox_settle(d.db, &item, "d", "full", ""), 0);
    make_due();
    cr_assert_str_eq(claim(d.db, target).digest, "");
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
