/* A put that is begun before the file is sealed ends as one that is not. */
#include "tests/db/database.h"
#include "tests/db/sample.h"

#include <errno.h>

static struct database d;
static struct db *other; /* another session */
static struct index_series series;
static uint64_t blobs;

static void setup(void)
{
    d = make_database();
    other = connect_to(d.conninfo);
    run_sql(d.db, "select isthmus.register_target('t', '', '0s', '0s')");
}

static void teardown(void)
{
    index_series_done(&series);
    db_free(other);
    drop_database(&d);
}

TestSuite(put_begun, .init = setup, .fini = teardown, .timeout = 600);

static const struct sample first = {.sop = "1.1", .study = "2.1", .series = "3.1"},
                           second = {.sop = "1.2", .study = "2.1", .series = "3.1"},
                           third = {.sop = "1.3", .study = "2.1", .series = "3.1"};
static const char instances[] = "select count(*) from isthmus.instance";
static const char counted[] = "select coalesce(sum(number_of_study_related_instances), 0) "
                              "from isthmus.study_count";

static struct instance begin(const struct sample *s)
{
    struct instance i = make_instance(s, ++blobs);

    index_begin(d.db, &series, &i);
    cr_assert_eq(series.begun_blob, blobs, "%s", db_problem(d.db));
    return i;
}

static enum index_result end(struct instance *i)
{
    enum index_result result = (enum index_result)99;

    cr_assert_eq(index_put(d.db, &series, i, &result, NULL), 0, "%s", db_problem(d.db));
    cr_assert_eq(series.begun_blob, 0);
    instance_done(i);
    return result;
}

static void put_on(const struct sample *s, enum index_result expected)
{
    struct instance i = begin(s);
    enum index_result result = end(&i);

    cr_assert_eq(result, expected, "%s: %d, not %d", s->sop, (int)result, (int)expected);
}

static void forbid(const char *function)
{
    char sql[100];

    (void)snprintf(sql, sizeof sql, "alter function isthmus.%s rename to forbidden", function);
    run_sql(d.db, sql);
}

/* The database has done what it was asked, but for the end. */
static void wait_until_done(void)
{
    static const char idle[] = "select count(*) from pg_stat_activity where datname = "
                               "current_database() and backend_xid is not null and "
                               "wait_event = 'ClientRead'";

    while (strcmp(ask(other, idle), "1") != 0)
        ;
}

Test(put_begun, there_is_no_row_before_the_file_is_sealed)
{
    static const struct sample *const samples[] = {&first, &second, &third};

    for (int n = 0; n < 3; n++) {
        struct instance i = begin(samples[n]);
        char before[8], after[8];

        (void)snprintf(before, sizeof before, "%d", n);
        (void)snprintf(after, sizeof after, "%d", n + 1);
        wait_until_done();
        cr_assert_answer(other, instances, before);
        cr_assert_eq(end(&i), INDEX_STORED);
        cr_assert_answer(other, instances, after);
        cr_assert_answer(other, counted, after);
    }
}

Test(put_begun, the_next_of_a_series_goes_the_short_way)
{
    put_on(&first, INDEX_STORED);
    run_sql(d.db, "update isthmus.tally set marked_until = 'infinity'"); /* or a second may end */
    forbid("put_instance");
    put_on(&second, INDEX_STORED);
    put_on(&third, INDEX_STORED);
    cr_assert_answer(other, instances, "3");
    cr_assert_answer(d.db,
                     "select generation + changes from isthmus.outbox "
                     "join isthmus.study_count using (study_key)",
                     "3");
}

Test(put_begun, without_a_sealed_file_there_is_never_a_row)
{
    struct instance i = begin(&first);

    index_cancel(d.db, &series);
    instance_done(&i);
    put_on(&second, INDEX_STORED);
    i = begin(&third);
    index_cancel(d.db, &series);
    instance_done(&i);
    cr_assert_answer(other, "select string_agg(sop_instance_uid, ' ') from isthmus.instance",
                     "1.2");
    cr_assert_answer(other, counted, "1");
}

Test(put_begun, one_whose_blob_has_another_id_now_is_put_with_that)
{
    for (int n = 0; n < 2; n++) {
        struct instance i = begin(n == 0 ? &first : &second);

        i.blob_id += 100;
        cr_assert_eq(end(&i), INDEX_STORED);
    }
    cr_assert_answer(
        other, "select string_agg(blob::text, ' ' order by blob) from isthmus.instance", "101 102");
    cr_assert_answer(other, counted, "2");
}

Test(put_begun, a_repeated_uid_is_a_duplicate_or_a_conflict)
{
    struct sample bytes = first, place = second;
    struct instance i;
    uint64_t old = 0;
    enum index_result result;

    bytes.bytes = 7;
    place.series = "3.2";
    put_on(&first, INDEX_STORED);
    put_on(&second, INDEX_STORED);
    put_on(&bytes, INDEX_CONFLICT);
    put_on(&place, INDEX_CONFLICT);
    i = begin(&second);
    cr_assert_eq(index_put(d.db, &series, &i, &result, &old), 0);
    cr_assert_eq(result, INDEX_DUPLICATE);
    cr_assert_eq(old, 2);
    instance_done(&i);
    cr_assert_answer(other, counted, "2");
    cr_assert_answer(
        other, "select string_agg(blob::text, ' ' order by blob) from isthmus.conflict", "3 4");
}

Test(put_begun, what_the_short_way_leaves_undone_is_put_in_full)
{
    put_on(&first, INDEX_STORED);
    run_sql(d.db, "insert into isthmus.rejection (sop_instance_uid, note_uid, title) "
                  "values ('1.2', '9', 1)");
    put_on(&second, INDEX_STORED);
    cr_assert_answer(other, "select rejected from isthmus.instance where blob = 2", "1");
    cr_assert_answer(other, counted, "2");
}

Test(put_begun, a_connection_that_dies_meanwhile_costs_no_row_and_makes_none_twice)
{
    static const struct sample *const samples[] = {&first, &second};

    for (int n = 0; n < 2; n++) {
        struct instance i = begin(samples[n]);

        wait_until_done();
        (void)ask(other, "select pg_terminate_backend(pid, 10000) from pg_stat_activity where "
                         "datname = current_database() and pid <> pg_backend_pid()");
        cr_assert_eq(end(&i), INDEX_STORED);
    }
    cr_assert_answer(other, instances, "2");
    cr_assert_answer(other, counted, "2");
}

Test(put_begun, nothing_is_begun_without_a_connection)
{
    struct instance i = make_instance(&first, 1);

    db_disconnect(d.db);
    index_begin(d.db, &series, &i);
    cr_assert_eq(series.begun_blob, 0);
    cr_assert_null(db_connection(d.db));
    cr_assert_eq(end(&i), INDEX_STORED);
}

Test(put_begun, a_lock_that_is_not_let_go_of_is_waited_for_once)
{
    enum index_result result;
    struct instance i;

    put_on(&first, INDEX_STORED);
    forbid("put_instance");
    run_sql(d.db, "set statement_timeout = '200ms'");
    run_sql(other, "begin; select from isthmus.tally for update");
    i = begin(&second);
    cr_assert_eq(index_put(d.db, &series, &i, &result, NULL), -EAGAIN);
    cr_assert_eq(strncmp(db_problem(d.db), "57014", 5), 0, "%s", db_problem(d.db));
    run_sql(other, "rollback");
    run_sql(d.db, "set statement_timeout = 0");
    cr_assert_eq(end(&i), INDEX_STORED);
    cr_assert_answer(other, counted, "2");
}

static void take_another_lane(void)
{
    char lane[16];

    (void)snprintf(lane, sizeof lane, "%.15s", ask(d.db, "select isthmus.lane()"));
    while (strcmp(ask(other, "select isthmus.lane()"), lane) == 0) {
        db_disconnect(other);
        cr_assert_eq(db_connect(other), 0);
    }
}

Test(put_begun, others_store_into_the_series_and_do_not_wait_for_our_file)
{
    static const struct sample *const theirs[] = {&second, &third};
    struct index_series their_series = {.block = NULL};
    struct instance i;

    take_another_lane();
    put_on(&first, INDEX_STORED);
    run_sql(d.db, "update isthmus.tally set marked_until = 'infinity'");
    run_sql(other, "set statement_timeout = '20s'");
    i = begin(&(struct sample){.sop = "1.4", .study = "2.1", .series = "3.1"});
    wait_until_done();
    for (int n = 0; n < 2; n++) {
        struct instance their = make_instance(theirs[n], ++blobs);
        enum index_result result;

        cr_assert_eq(index_put(other, &their_series, &their, &result, NULL), 0);
        cr_assert_eq(result, INDEX_STORED);
        instance_done(&their);
        if (n == 0)
            run_sql(other, "alter function isthmus.put_instance rename to forbidden");
    }
    cr_assert_answer(other, counted, "3");
    cr_assert_eq(end(&i), INDEX_STORED);
    cr_assert_answer(other, counted, "4");
    cr_assert_answer(other, "select count(*) from isthmus.tally", "2");
    index_series_done(&their_series);
}

/* libpq would connect anew, and "commit" succeed there. */
Test(put_begun, without_its_transaction_a_commit_fails)
{
    cr_assert_eq(db_script(d.db, "begin; create table lost ()"), 0);
    run_sql(other, "select pg_terminate_backend(pid) from pg_stat_activity "
                   "where state = 'idle in transaction' and datname = current_database()");
    while (PQstatus(db_connection(d.db)) == CONNECTION_OK)
        (void)PQconsumeInput(db_connection(d.db));
    cr_assert_eq(db_commit(d.db), -EAGAIN);
    cr_assert_eq(db_script(d.db, "begin; select 1 / (count(*) - count(*)) from pg_class"), -EINVAL);
    cr_assert_eq(db_commit(d.db), -EAGAIN);
    cr_assert_answer(d.db, "select to_regclass('lost') is null", "t");
}
