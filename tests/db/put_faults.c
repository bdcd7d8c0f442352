/* PostgreSQL ends the transaction of an instance: a race is tried again at once, what lasts is
 * for later, and nothing is half there. */
#include "tests/db/database.h"
#include "tests/db/sample.h"

#include <errno.h>

static struct database d;
static struct index_series series;

static void setup(void)
{
    d = make_database();
    run_sql(d.db, "create sequence faults; create table fault (state text, times int);"
                  "insert into fault values ('', 0);"
                  "create function fail() returns trigger language plpgsql as $$ begin "
                  "if nextval('faults') <= (select times from fault) then "
                  "raise exception 'injected' using errcode = (select state from fault); end if; "
                  "return null; end $$;"
                  "create constraint trigger fail after insert on isthmus.instance "
                  "deferrable initially deferred for each row execute function fail()");
}

static void teardown(void)
{
    index_series_done(&series);
    drop_database(&d);
}

TestSuite(put_faults, .init = setup, .fini = teardown, .timeout = 600);

/* The next @times transactions end with @state when they are committed. */
static void inject(const char *state, int times)
{
    char sql[200];

    (void)snprintf(sql, sizeof sql,
                   "update fault set state = '%s', times = %d;"
                   "alter sequence faults restart",
                   state, times);
    run_sql(d.db, sql);
}

/* What comes of the @number-th instance of the one series; @begun: see index_begin(). */
static int put_number(int number, bool begun)
{
    char sop[16];
    struct sample s = {.sop = sop, .study = "2.1", .series = "3.1"};
    struct instance i;
    enum index_result result = INDEX_STORED;
    int r;

    (void)snprintf(sop, sizeof sop, "1.%d", number);
    i = make_instance(&s, (uint64_t)number);
    if (begun) {
        cr_assert_eq(db_connect(d.db), 0);
        index_begin(d.db, &series, &i);
        cr_assert_neq(series.begun_blob, 0);
    }
    r = index_put(d.db, &series, &i, &result, NULL);
    cr_assert_eq(result, INDEX_STORED);
    instance_done(&i);
    return r;
}

Test(put_faults, a_race_is_tried_again_and_what_lasts_is_for_later)
{
    static const struct {
        const char *state;
        int times, expected;
    } rows[] = {{"40001", 3, 0},         {"40P01", 3, 0},       {"40001", 100, -EAGAIN},
                {"40P01", 100, -EAGAIN}, {"53100", 1, -EAGAIN}, {"58030", 1, -EAGAIN},
                {"57P01", 1, -EAGAIN}};
    int there = 0, backend = PQbackendPID(db_connection(d.db));

    for (size_t i = 0; i < 4 * sizeof rows / sizeof *rows; i++) {
        size_t row = i / 4; /* the first time in full, then the short way, and both begun */
        char expected[16];

        if (i % 2 == 0)
            index_series_done(&series);
        inject(rows[row].state, rows[row].times);
        cr_assert_eq(put_number((int)i, i % 4 > 1), rows[row].expected, "row %zu: %s", row,
                     db_problem(d.db));
        cr_assert_eq(PQbackendPID(db_connection(d.db)), backend, "row %zu", row);
        there += rows[row].expected == 0;
        (void)snprintf(expected, sizeof expected, "%d", there);
        cr_assert_answer(d.db, "select count(*) from isthmus.instance", expected);
        cr_assert_answer(d.db,
                         "select coalesce(sum(number_of_study_related_instances), 0) "
                         "from isthmus.study_count",
                         expected);
        inject("", 0);
    }
    for (int i = 0; i < (int)(4 * sizeof rows / sizeof *rows); i++)
        cr_assert_eq(put_number(i, i % 2 == 1), 0);
    cr_assert_answer(d.db, "select count(*) from isthmus.instance", "28");
}
