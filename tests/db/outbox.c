#include "tests/db/changes.h"

TestSuite(outbox, .init = open_database, .fini = close_database, .timeout = 600);

Test(outbox, a_change_waits_for_its_quiet_period)
{
    int target = make_target("t", 10);

    run_sql(d.db, "begin"); /* in which time stands still */
    change(d.db, 1);
    cr_assert_eq(claim_nothing(d.db, target), 10000);
    run_sql(d.db, "commit");
    make_due();
    cr_assert_eq(claim(d.db, target).generation, 1);
}

Test(outbox, an_empty_outbox_is_asked_again_before_a_new_change_can_be_old)
{
    int target = make_target("t", 10);

    cr_assert_leq(claim_nothing(d.db, target), 10000);
    cr_assert_eq(make_target("t", 0), target);
    cr_assert_leq(claim_nothing(d.db, target), 1000);
}

Test(outbox, each_change_raises_the_generation_and_moves_the_due_time)
{
    (void)make_target("t", 10);
    for (int i = 0; i < 3; i++)
        change(d.db, 1);
    cr_assert_answer(d.db, "select generation from isthmus.outbox", "3");
    run_sql(d.db, "update isthmus.outbox set due_at = due_at - interval '5 seconds'");
    run_sql(d.db, "begin"); /* in which time stands still */
    change(d.db, 1);
    cr_assert_answer(d.db,
                     "select due_at between now() + interval '10 s' and now() + interval '11 s' "
                     "from isthmus.outbox",
                     "t");
    run_sql(d.db, "commit");
}

Test(outbox, changes_without_end_are_due_after_the_longest_delay)
{
    (void)make_target("t", 10);
    change(d.db, 1);
    run_sql(d.db, "update isthmus.outbox set first_change_at = now() - interval '295 seconds'");
    change(d.db, 1);
    cr_assert_answer(d.db, "select due_at <= now() + interval '6 s' from isthmus.outbox", "t");
}

Test(outbox, settling_removes_the_study_unless_it_changed_meanwhile)
{
    int target = make_target("t", 10);
    struct outbox_item item;

    item = change_and_claim(d.db, target);
    change(d.db, 1);
    cr_assert_eq(outbox_settle(d.db, &item, "d1", "full", ""), 0);
    cr_assert_answer(d.db, "select generation || ' ' || (due_at > now()) from isthmus.outbox",
                     "2 true");
    make_due();
    item = claim(d.db, target);
    cr_assert_str_eq(item.digest, "");
    cr_assert_str_eq(item.form, "full");
    cr_assert_eq(outbox_settle(d.db, &item, "d2", "series", ""), 0);
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "0");
    cr_assert_answer(d.db, "select digest || ' ' || form from isthmus.published", "d2 series");
    change(d.db, 1);
    make_due();
    cr_assert_str_eq(claim(d.db, target).digest, "d2");
}

Test(outbox, who_settles_late_makes_the_study_due_again)
{
    int target = make_target("t", 0);
    struct outbox_item late, item;

    late = change_and_claim(other, target);
    run_sql(other, "select pg_advisory_unlock_all()"); /* as when the connection is lost */
    item = change_and_claim(d.db, target);
    cr_assert_eq(outbox_settle(d.db, &item, "new", "full", ""), 0);
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "0");
    cr_assert_eq(outbox_settle(other, &late, "old", "full", ""), 0);
    make_due();
    item = claim(d.db, target);
    cr_assert_str_eq(item.digest, "", "or the newer content would not be sent again");
    cr_assert_eq(outbox_settle(d.db, &item, "new", "full", ""), 0);
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "0");
}

Test(outbox, a_study_is_claimed_once_also_by_its_own_session)
{
    int target = make_target("t", 0);
    struct outbox_item one, two;

    change(d.db, 1);
    change(d.db, 2);
    make_due();
    one = claim(d.db, target);
    two = claim(d.db, target);
    cr_assert_neq(one.study_key, two.study_key);
    (void)claim_nothing(d.db, target);
    (void)claim_nothing(other, target);
    cr_assert_eq(outbox_release(d.db, &one), 0);
    cr_assert_eq(claim(other, target).study_key, one.study_key);
    (void)claim_nothing(d.db, target);
}

Test(outbox, the_death_of_a_publisher_frees_its_claims)
{
    int target = make_target("t", 0);

    (void)change_and_claim(other, target);
    (void)claim_nothing(d.db, target);
    db_disconnect(other);
    /* The server notices the end of a session on its own time. */
    run_sql(d.db, "select pg_advisory_lock(isthmus.claim_key(1, study_key)), "
                  "pg_advisory_unlock(isthmus.claim_key(1, study_key)) from isthmus.outbox");
    cr_assert_eq(claim(d.db, target).generation, 1);
}

Test(outbox, two_targets_have_the_same_study_each_for_itself)
{
    int a = make_target("a", 0), b = make_target("b", 0);
    struct outbox_item item;

    item = change_and_claim(d.db, a);
    cr_assert_eq(claim(other, b).study_key, item.study_key);
    cr_assert_eq(outbox_settle(d.db, &item, "d", "full", ""), 0);
    cr_assert_answer(d.db, "select target_key = 2 from isthmus.outbox", "t");
}

Test(outbox, a_temporary_failure_counts_and_a_change_does_not_hurry_it)
{
    int target = make_target("t", 0);
    struct outbox_item item;

    item = change_and_claim(d.db, target);
    cr_assert_eq(outbox_later(d.db, &item, 3600000, "503"), 0);
    change(d.db, 1);
    cr_assert_answer(d.db,
                     "select attempts || ' ' || generation || ' ' || last_failure || ' ' || "
                     "(due_at > now() + interval '50 min') from isthmus.outbox",
                     "1 2 503 true");
    make_due();
    item = claim(d.db, target);
    cr_assert_eq(item.attempts, 1);
    cr_assert_eq(outbox_release(d.db, &item), 0);
    cr_assert_eq(claim(d.db, target).attempts, 1);
}

Test(outbox, a_postponed_study_is_behind_the_others_and_counts_no_attempt)
{
    int target = make_target("t", 0);
    struct outbox_item one;

    change(d.db, 1);
    make_due();
    change(d.db, 2);
    one = claim(d.db, target);
    cr_assert_eq(outbox_postpone(d.db, &one, 3600000, "503"), 0);
    cr_assert_answer(
        d.db,
        "select attempts || ' ' || last_failure || ' ' || "
        "(due_at > now() + interval '50 min') from isthmus.outbox order by due_at desc "
        "limit 1",
        "0 503 true");
    run_sql(d.db, "update isthmus.outbox set due_at = due_at - interval '10 s'");
    cr_assert_neq(claim(d.db, target).study_key, one.study_key);
    make_due();
    cr_assert_eq(claim(d.db, target).study_key, one.study_key, "the claim was let go");
}

Test(outbox, a_parked_study_rests_until_it_changes)
{
    int target = make_target("t", 0);
    struct outbox_item item;

    item = change_and_claim(d.db, target);
    cr_assert_eq(outbox_park(d.db, &item, "422 wrong"), 0);
    cr_assert_answer(d.db,
                     "select concat_ws(' ', parked_at is not null, attempts, last_failure) "
                     "from isthmus.outbox",
                     "t 1 422 wrong");
    make_due();
    (void)claim_nothing(d.db, target);
    item = change_and_claim(d.db, target);
    cr_assert_eq(item.attempts, 0);
    cr_assert_eq(item.generation, 2);
}

Test(outbox, a_refusal_of_what_has_changed_since_does_not_park)
{
    int target = make_target("t", 0);
    struct outbox_item item;

    item = change_and_claim(d.db, target);
    change(d.db, 1);
    cr_assert_eq(outbox_park(d.db, &item, "422"), 0);
    make_due();
    cr_assert_eq(claim(d.db, target).generation, 2);
}

Test(outbox, a_paused_target_gives_nothing_until_it_works_again)
{
    int target = make_target("t", 0);

    change(d.db, 1);
    make_due();
    cr_assert_eq(target_pause(d.db, target, 300, "503"), 0);
    (void)claim_nothing(d.db, target);
    cr_assert_answer(d.db, "select paused_why from isthmus.target", "503");
    cr_assert_eq(target_resume(d.db, target), 0);
    cr_assert_answer(d.db, "select paused_why is null from isthmus.target", "t");
    (void)claim(d.db, target);
}

Test(outbox, the_end_of_a_pause_is_that_of_the_postponed_and_of_no_other_wait)
{
    int target = make_target("t", 0);
    struct outbox_item postponed, failed;

    change(d.db, 1);
    change(d.db, 2);
    make_due();
    postponed = claim(d.db, target);
    failed = claim(d.db, target);
    cr_assert_eq(target_pause(d.db, target, 3600, "503"), 0);
    cr_assert_eq(outbox_postpone(d.db, &postponed, 3601000, "503"), 0);
    cr_assert_eq(outbox_later(d.db, &failed, 3600000, "500"), 0);
    cr_assert_eq(target_resume(d.db, target), 0);
    cr_assert_answer(d.db,
                     "select min(due_at) < now() + interval '5 s' and "
                     "max(due_at) > now() + interval '50 min' from isthmus.outbox",
                     "t");
    cr_assert_answer(d.db, "select paused_until is null from isthmus.target", "t");
}

Test(outbox, a_new_target_is_given_every_study_and_a_known_one_nothing)
{
    int target;

    for (int study = 1; study <= 3; study++)
        change(d.db, study);
    target = make_target("t", 10);
    for (int i = 0; i < 3; i++) {
        struct outbox_item item = claim(d.db, target);

        cr_assert_eq(outbox_settle(d.db, &item, "d", "full", ""), 0);
    }
    cr_assert_eq(make_target("t", 20), target);
    (void)claim_nothing(d.db, target);
    cr_assert_answer(d.db, "select quiet_period from isthmus.target", "00:00:20");
}

Test(outbox, a_target_whose_filling_was_interrupted_is_filled_at_the_next_start)
{
    int target;

    change(d.db, 1);
    run_sql(d.db, "select isthmus.register_target('t', '', '0', '300')");
    target = make_target("t", 0);
    (void)claim(d.db, target);
}

Test(outbox, a_forgotten_target_leaves_nothing)
{
    int target = make_target("t", 0);
    struct outbox_item item;

    change(d.db, 1);
    change(d.db, 2);
    make_due();
    item = claim(d.db, target);
    cr_assert_eq(outbox_settle(d.db, &item, "d", "full", ""), 0);
    cr_assert_eq(target_forget(d.db, "t"), 0);
    cr_assert_eq(target_forget(d.db, "t"), -ENOENT);
    cr_assert_answer(d.db,
                     "select count(*) from (select 1 from isthmus.outbox union all "
                     "select 1 from isthmus.published) a",
                     "0");
    change(d.db, 1);
}

Test(outbox, the_publisher_may_do_all_this_with_its_own_role)
{
    struct outbox_item item;
    int target;

    change(d.db, 1);
    run_sql(d.db, "set role isthmus_fhir");
    target = make_target("t", 0);
    item = claim(d.db, target);
    cr_assert_eq(outbox_settle(d.db, &item, "d", "full", ""), 0);
    cr_assert_eq(target_pause(d.db, target, 5, "x"), 0);
    cr_assert_eq(target_forget(d.db, "t"), 0);
    cr_assert_eq(db_script(d.db, "update isthmus.instance set rejected = 2"), -EINVAL);
}
