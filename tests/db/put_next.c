/* The usual instance goes a shorter way than the first one of its series, and ends the same. */
#include "tests/db/database.h"
#include "tests/db/sample.h"

static struct database d;
static struct index_series series;
static uint64_t blobs;

static void setup(void)
{
    d = make_database();
    run_sql(d.db, "select isthmus.register_target('t', '', '0s', '0s')");
}

static void teardown(void)
{
    index_series_done(&series);
    drop_database(&d);
}

TestSuite(put_next, .init = setup, .fini = teardown, .timeout = 600);

static void put_on(const struct sample *s, enum index_result expected)
{
    struct instance i = make_instance(s, ++blobs);
    enum index_result result = (enum index_result)99;

    cr_assert_eq(index_put(d.db, &series, &i, &result, NULL), 0, "%s", db_problem(d.db));
    cr_assert_eq(result, expected, "%s: %d, not %d", s->sop, (int)result, (int)expected);
    instance_done(&i);
}

static const struct sample first = {.sop = "1.1", .study = "2.1", .series = "3.1"},
                           second = {.sop = "1.2", .study = "2.1", .series = "3.1"},
                           third = {.sop = "1.3", .study = "2.1", .series = "3.1"},
                           fourth = {.sop = "1.4", .study = "2.1", .series = "3.1"};

static void forbid(const char *function)
{
    char sql[100];

    (void)snprintf(sql, sizeof sql, "alter function isthmus.%s rename to forbidden", function);
    run_sql(d.db, sql);
}

Test(put_next, it_counts_and_marks_as_the_long_way_does)
{
    static const char *const questions[] = {
        "select concat_ws(' ', number_of_study_related_series, number_of_study_related_instances, "
        "size_bytes, modalities_in_study, sop_classes_in_study, patient_differs, flags, "
        "last_received_at) from isthmus.study join isthmus.study_count using (study_key) order by "
        "study_key desc limit 1",
        "select number_of_series_related_instances from isthmus.series_count "
        "order by series_key desc limit 1",
        "select to_jsonb(i) - '{instance_key,series_key,sop_instance_uid}'::text[] "
        "from isthmus.instance i order by instance_key desc limit 1",
        "select generation + changes from isthmus.outbox join isthmus.study_count using "
        "(study_key) "
        "order by study_key desc limit 1"};
    char short_way[4][1000];

    put_on(&first, INDEX_STORED);
    run_sql(d.db, "update isthmus.tally set marked_until = 'infinity'"); /* or a second may end */
    forbid("put_instance");
    put_on(&second, INDEX_STORED);
    for (int i = 0; i < 4; i++)
        (void)snprintf(short_way[i], sizeof short_way[i], "%s", ask(d.db, questions[i]));
    run_sql(d.db, "alter function isthmus.forbidden rename to put_instance");
    forbid("put_next");
    blobs = 0;
    put_on(&(struct sample){.sop = "1.4", .study = "2.2", .series = "3.1"}, INDEX_STORED);
    index_series_done(&series);
    blobs = 1;
    put_on(&(struct sample){.sop = "1.5", .study = "2.2", .series = "3.1"}, INDEX_STORED);
    for (int i = 0; i < 4; i++)
        cr_assert_answer(d.db, questions[i], short_way[i]);
}

Test(put_next, the_outbox_is_left_alone_while_marking_would_change_nothing)
{
    put_on(&first, INDEX_STORED);
    cr_assert_answer(d.db,
                     "select marked_until between now() - interval '50s' and now() + interval '1s' "
                     "from isthmus.tally",
                     "t");
    run_sql(d.db, "update isthmus.tally set marked_until = 'infinity'");
    put_on(&second, INDEX_STORED);
    cr_assert_answer(d.db, "select generation from isthmus.outbox", "1");
}

Test(put_next, a_study_that_was_marked_earlier_settled_or_parked_is_marked)
{
    static const char *const causes[] = {
        "update isthmus.tally set marked_until = now() - interval '1s'",
        "select pg_advisory_lock(isthmus.claim_key(target_key, study_key)) from isthmus.outbox; "
        "select isthmus.park(target_key, study_key, generation + changes, '') "
        "from isthmus.outbox join isthmus.study_count using (study_key)",
        "select isthmus.settle(target_key, study_key, generation + changes, '', '', '') "
        "from isthmus.outbox join isthmus.study_count using (study_key)"};
    static const struct sample *const more[] = {&second, &third, &fourth};

    run_sql(d.db, "select isthmus.register_target('t', '', '100s', '3000s')");
    put_on(&first, INDEX_STORED);
    forbid("put_instance");
    for (size_t i = 0; i < 3; i++) {
        run_sql(d.db, "update isthmus.tally set marked_until = 'infinity'");
        run_sql(d.db, "update isthmus.outbox set due_at = due_at - interval '50s'");
        run_sql(d.db, causes[i]);
        put_on(more[i], INDEX_STORED);
        cr_assert_answer(d.db,
                         "select concat_ws(' ', parked_at, due_at > now() + interval '90s', "
                         "marked_until < now() + interval '1s') from isthmus.outbox "
                         "join isthmus.tally using (study_key)",
                         "t t");
    }
}

Test(put_next, what_differs_goes_the_long_way)
{
    static const struct sample others[] = {
        {.sop = "1.2", .study = "2.1", .series = "3.2"},
        {.sop = "1.2", .study = "2.2", .series = "3.1"},
        {.sop = "1.2", .study = "2.1", .series = "3.1", .sop_class = CT ".1"},
        {.sop = "1.2", .study = "2.1", .series = "3.1", .flags = 1},
        {.sop = "1.2", .study = "2.1", .series = "3.1", .attributes = {PATIENT_B}},
        {.sop = "1.2", .study = "2.1", .series = "3.1", .attributes = {NULL, STUDY_2}},
        {.sop = "1.2", .study = "2.1", .series = "3.1", .attributes = {NULL, NULL, "{}"}},
        {.sop = "1.2", .study = NULL, .series = NULL}};

    forbid("put_next");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        run_sql(d.db, "truncate isthmus.patient, isthmus.target restart identity cascade");
        index_series_done(&series);
        put_on(&first, INDEX_STORED);
        put_on(&others[i], INDEX_STORED);
    }
    cr_assert_answer(d.db, "select count(*) from isthmus.instance", "2");
}

Test(put_next, documents_that_are_not_those_of_the_rows_are_kept_each_time)
{
    struct sample other = second;

    other.attributes[LEVEL_SERIES] = "{}";
    put_on(&first, INDEX_STORED);
    put_on(&other, INDEX_STORED);
    other.sop = "1.3";
    put_on(&other, INDEX_STORED);
    cr_assert_answer(d.db,
                     "select string_agg(coalesce(series_attributes::text, '-'), ' ' "
                     "order by instance_key) from isthmus.instance",
                     "- {} {}");
}

Test(put_next, a_study_time_of_each_instance_goes_the_short_way_and_is_kept)
{
    static const char *const times[] = {"1000", "1001", "1002", "1000"};
    char sop[8], study[200];

    for (int i = 0; i < 4; i++) {
        struct sample s = {.sop = sop, .study = "2.1", .series = "3.1"};

        (void)snprintf(sop, sizeof sop, "1.%d", i);
        (void)snprintf(study, sizeof study, "{\"00080030\":{\"vr\":\"TM\",\"Value\":[\"%s\"]}}",
                       times[i]);
        s.attributes[LEVEL_STUDY] = study;
        put_on(&s, INDEX_STORED);
        if (i == 0)
            forbid("put_instance");
    }
    cr_assert_answer(d.db,
                     "select string_agg(coalesce(study_attributes #>> '{00080030,Value,0}', '-'), "
                     "' ' order by instance_key) from isthmus.instance",
                     "- 1001 1002 -");
}

Test(put_next, what_the_index_has_to_look_into_goes_the_long_way)
{
    static const struct {
        int level;
        const char *attributes, *question, *answer;
    } rows[] = {/* another order: its issuer is not among what a connection compares */
                {LEVEL_STUDY,
                 "{\"00080020\":{\"vr\":\"DA\",\"Value\":[\"20260131\"]},"
                 "\"00080050\":{\"vr\":\"SH\",\"Value\":[\"ACC-1\"]},\"00080051\":{\"vr\":\"SQ\","
                 "\"Value\":[{\"00400031\":{\"vr\":\"UT\",\"Value\":[\"ELSEWHERE\"]}}]}}",
                 "select count(*) from isthmus.study_request", "2"},
                {LEVEL_INSTANCE, "{\"01000410\":{\"vr\":\"CS\",\"Value\":[\"AO\"]}}",
                 "select authorized_instances from isthmus.study", "1"},
                {LEVEL_INSTANCE,
                 "{\"0040A370\":{\"vr\":\"SQ\",\"Value\":[{\"00080050\":{\"vr\":\"SH\","
                 "\"Value\":[\"ACC-9\"]}}]}}",
                 "select string_agg(accession_number, ' ' order by accession_number) "
                 "from isthmus.study_request",
                 "ACC-1 ACC-9"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sample other = second;

        other.attributes[rows[i].level] = rows[i].attributes;
        put_on(&first, INDEX_STORED);
        put_on(&other, INDEX_STORED);
        cr_assert_answer(d.db, rows[i].question, rows[i].answer);
        run_sql(d.db, "truncate isthmus.patient restart identity cascade");
        index_series_done(&series);
    }
}

/* Also one that names nothing. */
Test(put_next, a_note_of_rejection_goes_the_long_way)
{
    struct sample note = {.sop = "1.1",
                          .study = "2.1",
                          .series = "3.1",
                          .sop_class = "1.2.840.10008.5.1.4.1.1.88.59"};

    put_on(&note, INDEX_STORED);
    note.sop = "1.2";
    note.attributes[LEVEL_INSTANCE] =
        "{\"0040A043\":{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\",\"Value\":"
        "[\"113001\"]},\"00080102\":{\"vr\":\"SH\",\"Value\":[\"DCM\"]}}]}}";
    put_on(&note, INDEX_STORED);
    cr_assert_answer(d.db,
                     "select string_agg(rejected::text, ' ' order by sop_instance_uid) "
                     "from isthmus.instance",
                     "0 16");
}

Test(put_next, a_repeated_uid_is_a_duplicate_or_a_conflict)
{
    struct sample other = first;

    put_on(&first, INDEX_STORED);
    put_on(&second, INDEX_STORED);
    put_on(&first, INDEX_DUPLICATE);
    put_on(&third, INDEX_STORED);
    other.bytes = 7;
    put_on(&other, INDEX_CONFLICT);
    cr_assert_answer(d.db,
                     "select concat_ws(' ', number_of_study_related_instances, size_bytes) "
                     "from isthmus.study_count",
                     "3 3000");
    cr_assert_answer(d.db, "select number_of_series_related_instances from isthmus.series_count",
                     "3");
}

Test(put_next, a_series_that_was_made_anew_is_not_mistaken)
{
    put_on(&first, INDEX_STORED);
    run_sql(d.db, "delete from isthmus.instance; delete from isthmus.series; "
                  "update isthmus.study set number_of_study_related_series = 0");
    put_on(&second, INDEX_STORED);
    put_on(&third, INDEX_STORED);
    cr_assert_answer(d.db,
                     "select concat_ws(' ', number_of_study_related_instances, "
                     "number_of_series_related_instances, series_key) "
                     "from isthmus.study_count join isthmus.series using (study_key) "
                     "join isthmus.series_count using (series_key)",
                     "2 2 2");
}

/* After a switch-over to a standby that had not heard of it yet, or after a restore: another series
 * has its key, and the connection may count in the lane of the one that stored that. */
Test(put_next, keys_of_another_connection_are_not_trusted)
{
    static const struct sample stranger = {
        .sop = "9.1", .study = "2.9", .series = "3.9", .attributes = {PATIENT_B}};
    struct instance i;

    for (int begun = 0; begun < 2; begun++) {
        put_on(&first, INDEX_STORED);
        run_sql(d.db, "truncate isthmus.patient restart identity cascade");
        db_disconnect(d.db);
        cr_assert_eq(db_connect(d.db), 0);
        put(d.db, &stranger, ++blobs, INDEX_STORED);
        i = make_instance(&second, blobs + 1);
        if (begun)
            index_begin(d.db, &series, &i);
        instance_done(&i);
        put_on(&second, INDEX_STORED);
        cr_assert_answer(d.db,
                         "select string_agg(study_instance_uid || ' ' || sop_instance_uid, ' ' "
                         "order by series_key) from isthmus.study join isthmus.series "
                         "using (study_key) join isthmus.instance using (series_key)",
                         "2.9 9.1 2.1 1.2");
        run_sql(d.db, "truncate isthmus.patient restart identity cascade");
    }
}

Test(put_next, an_instance_that_was_rejected_before_it_came_goes_the_long_way)
{
    put_on(&first, INDEX_STORED);
    run_sql(d.db, "insert into isthmus.rejection (sop_instance_uid, note_uid, title) "
                  "values ('1.2', '9', 1)");
    put_on(&second, INDEX_STORED);
    put_on(&third, INDEX_STORED);
    cr_assert_answer(d.db,
                     "select string_agg(rejected::text, ' ' order by sop_instance_uid) "
                     "from isthmus.instance",
                     "0 1 0");
    cr_assert_answer(d.db, "select rejected_instances from isthmus.study", "1");
}
