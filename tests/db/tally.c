/* Connections count their instances in lanes; together they are what there is. */
#include "tests/db/changes.h"

static struct index_series series[2]; /* what the connection of each lane knows */
static int target;

static void setup(void)
{
    open_database();
    target = make_target("t", 0);
    run_sql(d.db, "create or replace function isthmus.lane() returns integer language sql stable "
                  "return current_setting('test.lane')::integer");
    run_sql(d.db, "create or replace function isthmus.due(first_change timestamptz, "
                  "quiet interval, longest interval) returns timestamptz language sql stable "
                  "return '2000-01-01Z'::timestamptz");
}

static void teardown(void)
{
    index_series_done(&series[0]);
    index_series_done(&series[1]);
    close_database();
}

TestSuite(tally, .init = setup, .fini = teardown, .timeout = 600);

static void put_in(int lane, int n)
{
    char sop[32], set[32];
    const struct sample s = {.sop = sop, .study = "2.1", .series = "3.1"};
    enum index_result result;
    struct instance i;

    (void)snprintf(sop, sizeof sop, "1.%d", n);
    (void)snprintf(set, sizeof set, "set test.lane = %d", lane);
    run_sql(d.db, set);
    i = make_instance(&s, (uint64_t)n << 20); /* received after @n ms */
    cr_assert_eq(index_put(d.db, &series[lane], &i, &result, NULL), 0, "%s", db_problem(d.db));
    cr_assert_eq(result, INDEX_STORED);
    instance_done(&i);
}

/* One in each lane that marks, and @shortly more that leave the outbox alone, in turn. */
static void fill(int shortly)
{
    put_in(0, 1);
    put_in(1, 2);
    run_sql(d.db, "update isthmus.tally set marked_until = 'infinity'");
    run_sql(d.db, "alter function isthmus.put_instance rename to forbidden");
    for (int n = 0; n < shortly; n++)
        put_in(n % 2, 3 + n);
    run_sql(d.db, "alter function isthmus.forbidden rename to put_instance");
    cr_assert_answer(d.db, "select generation from isthmus.outbox", "2");
}

static void settle(const struct outbox_item *item)
{
    cr_assert_eq(outbox_settle(other, item, "x", "full", ""), 0, "%s", db_problem(other));
}

Test(tally, lanes_add_up)
{
    fill(5);
    cr_assert_answer(
        d.db, "select string_agg(instances::text, ' ' order by lane) from isthmus.tally", "4 3");
    cr_assert_answer(
        d.db,
        "select concat_ws(' ', number_of_study_related_instances, n.size_bytes, changes, "
        "number_of_series_related_instances, last_received_at = received_at) "
        "from isthmus.study_count n join isthmus.series using (study_key) "
        "join isthmus.series_count using (series_key) join isthmus.instance "
        "using (series_key) order by instance_key desc limit 1",
        "7 7000 5 7 t");
}

/* As from the spool: in full, or the short way. */
Test(tally, what_comes_later_and_is_older_is_not_the_last_that_was_received)
{
    put_in(0, 50);
    index_series_done(&series[0]);
    put_in(0, 20);
    put_in(0, 30);
    put_in(1, 10);
    cr_assert_answer(d.db,
                     "select last_received_at = isthmus.received_at(50 << 20) "
                     "from isthmus.study_count",
                     "t");
}

Test(tally, a_study_is_settled_with_the_changes_of_all_lanes)
{
    struct outbox_item item;

    fill(5);
    item = claim(other, target);
    cr_assert_eq(item.generation, 7);
    settle(&item);
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "0");
    cr_assert_answer(d.db, "select count(marked_until) from isthmus.tally", "0");
}

Test(tally, a_change_in_any_lane_keeps_a_study_from_being_settled)
{
    for (int lane = 0; lane < 2; lane++) {
        struct outbox_item item;

        run_sql(d.db, "truncate isthmus.patient, isthmus.outbox restart identity cascade");
        fill(5);
        item = claim(other, target);
        put_in(lane, 100);
        settle(&item);
        cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "1");
    }
}

/* As many are put again as were left out of the outbox. */
Test(tally, a_study_that_is_made_anew_is_not_taken_for_settled)
{
    struct outbox_item item;

    fill(2);
    item = claim(other, target);
    run_sql(d.db, "select isthmus.take_out('{}', study_key, 'somebody', '') from isthmus.study");
    cr_assert_answer(d.db, "select count(*) from isthmus.tally", "0");
    index_series_done(&series[0]);
    put_in(0, 1);
    index_series_done(&series[0]);
    put_in(0, 2);
    settle(&item);
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "1");
    cr_assert_gt(claim(other, target).generation, item.generation);
}

static void *settle_apart(void *item)
{
    settle(item);
    return NULL;
}

/* As in a batch, whose instances come in any order. */
Test(tally, a_settlement_that_meets_a_batch_is_tried_again)
{
    struct outbox_item item;

    fill(0);
    item = claim(other, target);
    run_sql(d.db, "set deadlock_timeout = '100s'"); /* so it is the other that is sent away */
    run_sql(d.db, "begin; select from isthmus.tally where lane = 1 for no key update");
    run_meanwhile(d.db, "select from isthmus.tally where lane = 0 for no key update; commit",
                  settle_apart, &item);
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "0");
}

static void *begin_replace(void *unused)
{
    (void)unused;
    run_sql(other, "begin; select isthmus.begin_replace(array(select conflict_key "
                   "from isthmus.conflict))");
    cr_assert_answer(other,
                     "select string_agg(sop_instance_uid, ' ') from isthmus.remaining("
                     "array(select conflict_key from isthmus.conflict), 1)",
                     "1.2 1.3");
    run_sql(other, "rollback");
    return NULL;
}

Test(tally, what_is_replaced_waits_for_what_is_counted)
{
    fill(0);
    put(d.db, &(struct sample){.sop = "1.1", .study = "2.1", .series = "3.1", .bytes = 7}, 9,
        INDEX_CONFLICT);
    run_sql(d.db, "begin");
    put_in(0, 3);
    run_meanwhile(d.db, "commit", begin_replace, NULL);
}
