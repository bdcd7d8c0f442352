/* Many rows together end as one by one. */
#include "store/index_batch.h"
#include "tests/db/database.h"
#include "tests/db/sample.h"

#include <errno.h>

static struct database d;
static struct index_batch *batch;
static uint64_t blobs;
static char told[200];

static void tell(void *context, uint64_t blob, enum index_result result, int error)
{
    size_t n = strlen(told);

    (void)context;
    (void)snprintf(told + n, sizeof told - n, "%s%d:%s", n > 0 ? " " : "", (int)blob,
                   error < 0                   ? "refused"
                   : result == INDEX_STORED    ? "stored"
                   : result == INDEX_CONFLICT  ? "conflict"
                   : result == INDEX_DUPLICATE ? "duplicate"
                                               : "?");
}

static void setup(void)
{
    d = make_database();
    /* due at the first change, so no further second moves it, and marks it again */
    run_sql(d.db, "select isthmus.register_target('t', '', '0s', '0s')");
    cr_assert_eq(index_batch_new(d.db, tell, NULL, &batch), 0);
}

static void teardown(void)
{
    index_batch_free(batch);
    drop_database(&d);
}

TestSuite(index_batch, .init = setup, .fini = teardown, .timeout = 600);

static void add(const struct sample *s)
{
    add_to_batch(batch, s, ++blobs);
}

static void flush_and_expect(const char *expected)
{
    cr_assert_eq(index_batch_flush(batch), 0, "%s", db_problem(d.db));
    cr_assert_str_eq(told, expected);
    *told = '\0';
}

static const struct sample first = {.sop = "1.1", .study = "2.1", .series = "3.1"},
                           second = {.sop = "1.2", .study = "2.1", .series = "3.1"},
                           elsewhere = {.sop = "1.9", .study = "2.2", .series = "3.2"};

Test(index_batch, a_series_that_is_known_goes_the_short_way)
{
    add(&first);
    add(&elsewhere);
    flush_and_expect("1:stored 2:stored");
    run_sql(d.db, "update isthmus.tally set marked_until = 'infinity'"); /* or a second may end */
    run_sql(d.db, "alter function isthmus.put_instance rename to forbidden");
    add(&second);
    add(&(struct sample){.sop = "1.8", .study = "2.2", .series = "3.2"});
    add(&(struct sample){.sop = "1.3", .study = "2.1", .series = "3.1"});
    flush_and_expect("3:stored 4:stored 5:stored");
    cr_assert_answer(d.db,
                     "select string_agg(concat_ws(' ', study_instance_uid, "
                     "number_of_study_related_instances, size_bytes, generation + changes), ', ' "
                     "order by study_instance_uid) from isthmus.study join isthmus.study_count "
                     "using (study_key) "
                     "join isthmus.outbox using (study_key)",
                     "2.1 3 3000 3, 2.2 2 2000 2");
}

/* See put_next. */
Test(index_batch, keys_of_another_connection_are_not_trusted)
{
    add(&first);
    flush_and_expect("1:stored");
    run_sql(d.db, "truncate isthmus.patient restart identity cascade");
    db_disconnect(d.db);
    cr_assert_eq(db_connect(d.db), 0);
    put(d.db, &elsewhere, ++blobs, INDEX_STORED);
    add(&second);
    flush_and_expect("3:stored");
    cr_assert_answer(d.db,
                     "select string_agg(study_instance_uid || ' ' || sop_instance_uid, ' ' "
                     "order by series_key) from isthmus.study join isthmus.series "
                     "using (study_key) join isthmus.instance using (series_key)",
                     "2.2 1.9 2.1 1.2");
}

/* The second row may not go the short way, and the third is about what it leaves. */
Test(index_batch, what_the_short_way_leaves_undone_keeps_its_place)
{
    add(&first);
    flush_and_expect("1:stored");
    run_sql(d.db, "insert into isthmus.rejection (sop_instance_uid, note_uid, title) "
                  "values ('1.2', '9', 1)");
    add(&(struct sample){.sop = "1.3", .study = "2.1", .series = "3.1"});
    add(&second);
    add(&(struct sample){.sop = "1.2", .study = "2.2", .series = "3.2", .bytes = 7});
    flush_and_expect("2:stored 3:stored 4:conflict");
    cr_assert_answer(d.db,
                     "select string_agg(concat_ws(' ', sop_instance_uid, blob, rejected), ', ' "
                     "order by sop_instance_uid) from isthmus.instance",
                     "1.1 1 0, 1.2 3 1, 1.3 2 0");
}

Test(index_batch, one_that_is_refused_does_not_keep_the_others_out)
{
    run_sql(d.db, "alter table isthmus.instance add check (sop_instance_uid <> '1.2')");
    add(&first);
    add(&second);
    add(&elsewhere);
    add(&first);
    flush_and_expect("1:stored 2:refused 3:stored 4:duplicate");
    add(&second);
    add(&(struct sample){.sop = "1.3", .study = "2.1", .series = "3.1"});
    flush_and_expect("5:refused 6:stored");
    cr_assert_answer(d.db,
                     "select string_agg(number_of_study_related_instances::text, ' ' "
                     "order by study_instance_uid) from isthmus.study join isthmus.study_count "
                     "using (study_key)",
                     "2 1");
}

/* The first transaction that is committed ends with @state, the others do not. */
static void end_the_first_with(const char *state)
{
    char sql[600];

    (void)snprintf(
        sql, sizeof sql,
        "create sequence public.faults;"
        "create function public.fail() returns trigger language plpgsql as $$ begin "
        "if nextval('public.faults') = 1 then raise exception 'injected' using errcode = "
        "'%s'; end if; return null; end $$;"
        "create constraint trigger fail after insert on isthmus.instance "
        "deferrable initially deferred for each row execute function public.fail()",
        state);
    run_sql(d.db, sql);
}

Test(index_batch, a_race_that_ends_all_of_them_costs_none)
{
    end_the_first_with("40P01");
    add(&first);
    add(&elsewhere);
    add(&second);
    flush_and_expect("1:stored 2:stored 3:stored");
    cr_assert_answer(d.db,
                     "select string_agg(number_of_study_related_instances::text, ' ' "
                     "order by study_instance_uid) from isthmus.study join isthmus.study_count "
                     "using (study_key)",
                     "2 1");
}

Test(index_batch, who_has_waited_for_a_lock_does_not_wait_for_it_with_each_row)
{
    end_the_first_with("57014");
    add(&first);
    add(&second);
    cr_assert_eq(index_batch_flush(batch), -EAGAIN);
    cr_assert_answer(d.db, "select count(*) from isthmus.instance", "0");
    add(&second);
    flush_and_expect("3:stored");
}

Test(index_batch, nonsense_is_not_added)
{
    cr_assert_eq(index_batch_add(batch, 1, "\1abc", 4), -EBADMSG);
    add(&first);
    flush_and_expect("1:stored");
}
