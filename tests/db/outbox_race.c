#include "tests/db/changes.h"

#include <pthread.h>
#include <stdatomic.h>

static struct index_series series;

static void teardown(void)
{
    index_series_done(&series);
    close_database();
}

TestSuite(outbox_race, .init = open_database, .fini = teardown, .timeout = 600);

Test(outbox_race, marking_does_not_wait_for_a_claim_and_a_claim_not_for_marking)
{
    int target = make_target("t", 0);

    run_sql(d.db, "set lock_timeout = '2s'");
    run_sql(other, "set lock_timeout = '2s'");
    change(d.db, 1);
    change(d.db, 2);
    make_due();
    (void)claim(other, target);
    run_sql(d.db, "begin");
    change(d.db, 1);
    change(d.db, 2); /* both rows are locked by a store under way */
    (void)claim(other, target);
    run_sql(d.db, "commit");
    cr_assert_answer(d.db, "select sum(generation) from isthmus.outbox", "4");
}

static void *register_target(void *ret_target)
{
    cr_assert_eq(target_register(other, "late", "", 0, 300, ret_target), 0);
    return NULL;
}

Test(outbox_race, a_study_stored_while_a_target_is_made_is_not_missed)
{
    int target = 0;

    run_sql(d.db, "begin");
    change(d.db, 1); /* marked for nobody, and not yet committed */
    run_meanwhile(d.db, "commit", register_target, &target);
    (void)claim(other, target);
}

/* What is put the short way leaves the outbox alone: the study is locked in its place. Always due,
 * also when it was marked. */
static void change_shortly(int n)
{
    char sop[32];
    const struct sample s = {.sop = sop, .study = "2.1", .series = "3.1"};
    struct instance i;
    enum index_result result;

    (void)snprintf(sop, sizeof sop, "1.%d", n);
    i = make_instance(&s, (uint64_t)n);
    cr_assert_eq(index_put(d.db, &series, &i, &result, NULL), 0, "%s", db_problem(d.db));
    cr_assert_eq(result, INDEX_STORED);
    instance_done(&i);
}

static struct outbox_item claim_marked(void)
{
    int target = make_target("t", 0);

    run_sql(d.db, "create or replace function isthmus.due(first_change timestamptz, "
                  "quiet interval, longest interval) returns timestamptz language sql stable "
                  "return '2000-01-01Z'::timestamptz");
    change_shortly(1);
    run_sql(d.db, "update isthmus.tally set marked_until = 'infinity'");
    change_shortly(2);
    cr_assert_answer(d.db, "select generation from isthmus.outbox", "1");
    return claim(other, target);
}

static void *settle(void *item)
{
    cr_assert_eq(outbox_settle(other, item, "two", "full", ""), 0, "%s", db_problem(other));
    return NULL;
}

static void *park(void *item)
{
    cr_assert_eq(outbox_park(other, item, "422"), 0, "%s", db_problem(other));
    return NULL;
}

static void *store_third(void *unused)
{
    (void)unused;
    change_shortly(3);
    return NULL;
}

Test(outbox_race, a_change_under_way_while_the_study_is_settled_is_not_lost)
{
    struct outbox_item item = claim_marked();

    run_sql(d.db, "begin");
    change_shortly(3);
    run_meanwhile(d.db, "commit", settle, &item);
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "1");
    cr_assert_gt(claim(other, item.target).generation, item.generation);
}

Test(outbox_race, a_change_that_waits_for_settling_marks_the_study_anew)
{
    struct outbox_item item = claim_marked();

    run_sql(other, "begin");
    (void)settle(&item);
    run_meanwhile(other, "commit", store_third, NULL);
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "1");
}

Test(outbox_race, a_study_that_changes_while_it_is_refused_is_not_parked)
{
    struct outbox_item item = claim_marked();

    run_sql(d.db, "begin");
    change_shortly(3);
    run_meanwhile(d.db, "commit", park, &item);
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox where parked_at is null", "1");
}

Test(outbox_race, a_change_that_waits_for_parking_marks_the_study_anew)
{
    struct outbox_item item = claim_marked();

    run_sql(other, "begin");
    (void)park(&item);
    run_meanwhile(other, "commit", store_third, NULL);
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox where parked_at is null", "1");
}

static void *claim_too(void *target)
{
    struct outbox_item item;
    int wait_ms;

    cr_assert_eq(outbox_claim(other, *(int *)target, &item, &wait_ms), -ENOENT);
    return NULL;
}

/* The other one sees the row, and then waits until it is settled and the claim let go of. */
Test(outbox_race, what_is_settled_meanwhile_is_not_claimed)
{
    int target = make_target("t", 0);

    (void)change_and_claim(d.db, target);
    run_sql(d.db, "create or replace function isthmus.claim_key(p_target_key integer, "
                  "p_study_key bigint) returns bigint language plpgsql as $$ begin "
                  "perform pg_advisory_xact_lock_shared(9); "
                  "return (p_target_key::bigint << 44) | p_study_key; end $$");
    run_sql(d.db, "select pg_advisory_lock(9)");
    run_meanwhile(d.db,
                  "begin; select isthmus.settle(target_key, study_key, generation, '', '', '') "
                  "from isthmus.outbox; commit; select pg_advisory_unlock_all()",
                  claim_too, &target);
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "0");
}

/* A publisher whose Bundle is the number of instances that it saw. */
struct publisher {
    int target;
    int settled;
    atomic_bool stop;
};

static void publish_one(struct publisher *p, const struct outbox_item *item)
{
    char sql[200], seen[33];

    (void)snprintf(sql, sizeof sql,
                   "select number_of_study_related_instances from isthmus.study_count "
                   "where study_key = %d",
                   (int)item->study_key);
    (void)snprintf(seen, sizeof seen, "%.32s", ask(other, sql));
    cr_assert_eq(outbox_settle(other, item, seen, "full", ""), 0, "%s", db_problem(other));
    p->settled++;
}

static void *publish(void *context)
{
    struct publisher *p = context;
    struct outbox_item item;
    int wait_ms;

    while (!p->stop) {
        int r = outbox_claim(other, p->target, &item, &wait_ms);

        cr_assert(r == 0 || r == -ENOENT, "%s", db_problem(other));
        if (r == 0)
            publish_one(p, &item);
    }
    return NULL;
}

Test(outbox_race, no_change_is_lost_between_storing_and_settling)
{
    struct publisher p = {.target = make_target("t", 0)};
    struct db *watcher = connect_to(d.conninfo);
    pthread_t thread;

    /* Due at once: the whole seconds of due() would make the race rare. */
    run_sql(d.db, "create or replace function isthmus.due(first_change timestamptz, "
                  "quiet interval, longest interval) returns timestamptz language sql stable "
                  "return now()");
    cr_assert_eq(pthread_create(&thread, NULL, publish, &p), 0);
    for (int i = 0; i < 1000; i++)
        change(d.db, 1 + i % 3);
    while (strcmp(ask(watcher, "select count(*) from isthmus.outbox"), "0") != 0)
        ;
    p.stop = true;
    (void)pthread_join(thread, NULL);
    cr_assert_answer(d.db, "select sum(digest::int) from isthmus.published", "1000");
    cr_assert_gt(p.settled, 10);
    db_free(watcher);
}
