#include "tests/db/database.h"
#include "tests/db/sample.h"

#include <errno.h>

static struct database d;

static void setup(void)
{
    d = make_database();
}

static void teardown(void)
{
    drop_database(&d);
}

TestSuite(put, .init = setup, .fini = teardown, .timeout = 600);

static const struct sample first = {.sop = "1.1", .study = "2.1", .series = "3.1", .bytes = 1};

Test(put, the_first_instance_makes_patient_study_series_and_instance)
{
    static const struct {
        const char *sql, *expected;
    } rows[] = {
        {"select patient_id || ' ' || patient_name || ' ' || patient_name_folded "
         "from isthmus.patient",
         "A-1 Müller^Zoë muller^zoe"},
        {"select study_instance_uid || ' ' || study_date || ' ' || accession_number || ' ' || "
         "order_state from isthmus.study join isthmus.order_match using (study_key)",
         "2.1 2026-01-31 ACC-1 unknown accession number"},
        {"select modality || series_number from isthmus.series", "CT1"},
        {"select blob || ' ' || size_bytes || ' ' || digest || ' ' || calling_ae_title || ' ' || "
         "transfer_syntax_uid || ' ' || instance_number from isthmus.instance",
         "7 1000 \\x01010101010101010101010101010101 CT1 1.2.840.10008.1.2.1 1"},
        {"select number_of_study_related_series || ' ' || number_of_study_related_instances || "
         "' ' || modalities_in_study::text || ' ' || sop_classes_in_study::text || ' ' || "
         "size_bytes from isthmus.study join isthmus.study_count using (study_key)",
         "1 1 {CT} {" CT "} 1000"},
        {"select patient_differs or has_conflict from isthmus.study", "f"},
    };

    put(d.db, &first, 7, INDEX_STORED);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_answer(d.db, rows[i].sql, rows[i].expected);
}

Test(put, the_same_file_put_again_is_stored_and_changes_nothing)
{
    put(d.db, &first, 7, INDEX_STORED);
    put(d.db, &first, 7, INDEX_STORED);
    cr_assert_answer(d.db, "select number_of_study_related_instances from isthmus.study_count",
                     "1");
    cr_assert_answer(d.db, "select count(*) from isthmus.conflict", "0");
}

Test(put, the_same_bytes_in_another_file_are_a_duplicate)
{
    put(d.db, &first, 7, INDEX_STORED);
    put(d.db, &first, 8, INDEX_DUPLICATE);
    cr_assert_answer(d.db, "select blob from isthmus.instance", "7");
    cr_assert_answer(d.db, "select number_of_study_related_instances from isthmus.study_count",
                     "1");
}

Test(put, other_bytes_under_a_taken_uid_are_kept_as_a_conflict_once)
{
    struct sample other = first, third = first;

    other.bytes = 2;
    third.bytes = 3;
    put(d.db, &first, 7, INDEX_STORED);
    put(d.db, &other, 8, INDEX_CONFLICT);
    put(d.db, &other, 8, INDEX_CONFLICT);
    put(d.db, &other, 9, INDEX_DUPLICATE);
    put(d.db, &third, 10, INDEX_CONFLICT);
    cr_assert_answer(d.db, "select blob from isthmus.instance", "7");
    cr_assert_answer(d.db,
                     "select string_agg(blob || ' ' || reason, ', ' order by blob) "
                     "from isthmus.conflict",
                     "8 other bytes, 10 other bytes");
    cr_assert_answer(d.db, "select has_conflict from isthmus.study", "t");
    cr_assert_answer(d.db, "select number_of_study_related_instances from isthmus.study_count",
                     "1");
}

/* Its row was committed, and who was to release its incoming name died. */
Test(put, a_conflict_that_was_settled_before_its_file_is_looked_at_again_stays_settled)
{
    static const char *const settled[] = {
        "select isthmus.keep_conflict(conflict_key, 'me', '') from isthmus.conflict",
        /* as take_out() does: the file of the conflict is that of the replaced instance */
        "update isthmus.conflict set settlement = 'replaced', settled_at = now()"};
    struct sample other = first;

    other.bytes = 2;
    for (size_t i = 0; i < 2; i++) {
        put(d.db, &first, 7, INDEX_STORED);
        put(d.db, &other, 8, INDEX_CONFLICT);
        run_sql(d.db, settled[i]);
        run_sql(d.db, "update isthmus.study set has_conflict = false");
        put(d.db, &other, 8, INDEX_CONFLICT);
        cr_assert_answer(d.db, "select has_conflict from isthmus.study", "f");
        run_sql(d.db, "truncate isthmus.patient, isthmus.conflict cascade");
    }
}

Test(put, a_taken_uid_in_another_place_is_a_conflict_whatever_the_bytes)
{
    static const struct {
        const char *study, *series;
    } rows[] = {{"2.2", "3.1"}, {"2.1", "3.2"}, {"2.2", "3.2"}, {NULL, NULL}};

    put(d.db, &first, 7, INDEX_STORED);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sample other = first;

        other.study = rows[i].study;
        other.series = rows[i].series;
        put(d.db, &other, 100 + i, INDEX_CONFLICT);
        put(d.db, &other, 200 + i, INDEX_DUPLICATE);
    }
    cr_assert_answer(d.db, "select count(*) from isthmus.study", "1");
    cr_assert_answer(d.db,
                     "select count(*) from isthmus.conflict "
                     "where reason = 'other study or series'",
                     "4");
}

Test(put, instances_share_their_parents_and_the_counters_follow)
{
    static const struct sample rows[] = {
        {.sop = "1.1", .study = "2.1", .series = "3.1"},
        {.sop = "1.2", .study = "2.1", .series = "3.1"},
        {.sop = "1.3", .study = "2.1", .series = "3.2"},
        {.sop = "1.4",
         .study = "2.1",
         .series = "3.2",
         .sop_class = "1.2.3",
         .attributes = {NULL, NULL, "{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"SR\"]}}", NULL}},
        {.sop = "1.5", .study = "2.2", .series = "3.1"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        put(d.db, &rows[i], i + 1, INDEX_STORED);
    cr_assert_answer(d.db, "select count(*) from isthmus.patient", "1");
    cr_assert_answer(d.db,
                     "select string_agg(study_instance_uid || ':' || "
                     "number_of_study_related_series || ':' || "
                     "number_of_study_related_instances || ':' || modalities_in_study::text || "
                     "':' || sop_classes_in_study::text, ' ' order by study_key) "
                     "from isthmus.study join isthmus.study_count using (study_key)",
                     "2.1:2:4:{CT,SR}:{" CT ",1.2.3} 2.2:1:1:{CT}:{" CT "}");
    cr_assert_answer(d.db,
                     "select string_agg(series_instance_uid || ':' || "
                     "number_of_series_related_instances, ' ' order by series_key) "
                     "from isthmus.series join isthmus.series_count using (series_key)",
                     "3.1:2 3.2:2 3.1:1");
}

Test(put, an_instance_keeps_only_what_differs_from_its_parents)
{
    struct sample other = {
        .sop = "1.2", .study = "2.1", .series = "3.1", .attributes = {NULL, STUDY_2, NULL, NULL}};

    put(d.db, &first, 1, INDEX_STORED);
    put(d.db, &other, 2, INDEX_STORED);
    cr_assert_answer(d.db,
                     "select string_agg(concat(patient_attributes is null, "
                     "study_attributes is null, series_attributes is null), ' ' order by blob) "
                     "from isthmus.instance",
                     "ttt tft");
}

Test(put, another_patient_in_a_study_is_flagged_and_the_first_stays)
{
    struct sample other = first;

    other.sop = "1.2";
    other.attributes[LEVEL_PATIENT] = PATIENT_B;
    put(d.db, &first, 1, INDEX_STORED);
    put(d.db, &other, 2, INDEX_STORED);
    cr_assert_answer(d.db, "select patient_differs from isthmus.study", "t");
    cr_assert_answer(d.db,
                     "select patient_id from isthmus.study join isthmus.patient using "
                     "(patient_key)",
                     "A-1");
}

Test(put, another_name_of_the_same_patient_is_no_other_patient)
{
    struct sample other = first;

    other.sop = "1.2";
    other.attributes[LEVEL_PATIENT] = "{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"A-1\"]}}";
    put(d.db, &first, 1, INDEX_STORED);
    put(d.db, &other, 2, INDEX_STORED);
    cr_assert_answer(d.db, "select patient_differs from isthmus.study", "f");
    cr_assert_answer(d.db, "select count(*) from isthmus.patient", "1");
}

Test(put, the_same_id_of_another_issuer_is_another_patient)
{
    static const char *const issuers[] = {"X", "Y"};
    char patient[200];

    for (int i = 0; i < 2; i++) {
        struct sample s = {.sop = i ? "1.2" : "1.1", .study = i ? "2.2" : "2.1", .series = "3.1"};

        (void)snprintf(patient, sizeof patient,
                       "{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"A-1\"]},"
                       "\"00100021\":{\"vr\":\"LO\",\"Value\":[\"%s\"]}}",
                       issuers[i]);
        s.attributes[LEVEL_PATIENT] = patient;
        put(d.db, &s, (uint64_t)i + 1, INDEX_STORED);
    }
    cr_assert_answer(d.db, "select count(*) from isthmus.patient", "2");
}

Test(put, studies_without_patient_id_are_strangers_to_each_other)
{
    struct sample one = first, two = first;

    one.attributes[LEVEL_PATIENT] = two.attributes[LEVEL_PATIENT] = PATIENT_NONE;
    two.sop = "1.2";
    two.study = "2.2";
    put(d.db, &one, 1, INDEX_STORED);
    put(d.db, &two, 2, INDEX_STORED);
    cr_assert_answer(d.db, "select count(*) from isthmus.patient where patient_id = ''", "2");
}

Test(put, a_stranger_becomes_the_patient_that_a_later_instance_names)
{
    struct sample stranger = first, named = first, late = first;

    stranger.attributes[LEVEL_PATIENT] = late.attributes[LEVEL_PATIENT] = PATIENT_NONE;
    named.sop = "1.2";
    late.sop = "1.3";
    put(d.db, &stranger, 1, INDEX_STORED);
    put(d.db, &named, 2, INDEX_STORED);
    put(d.db, &late, 3, INDEX_STORED);
    cr_assert_answer(d.db,
                     "select patient_id || ' ' || patient_differs from isthmus.study join "
                     "isthmus.patient using (patient_key)",
                     "A-1 false");
}

Test(put, a_study_may_have_a_second_accession_number_or_get_one_late)
{
    static const struct {
        const char *study[3]; /* attributes of three instances */
        const char *expected;
    } rows[] = {
        {{STUDY_NONE, STUDY_NONE, STUDY_NONE}, "- no accession number"},
        {{STUDY_NONE, STUDY_1, STUDY_NONE}, "ACC-1 unknown accession number"},
        {{STUDY_1, STUDY_NONE, STUDY_1}, "ACC-1 unknown accession number"},
        {{STUDY_1, STUDY_2, STUDY_1}, "ACC-1 several accession numbers"},
    };
    char sql[300];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char study[16], sop[16];

        (void)snprintf(study, sizeof study, "2.%zu", i);
        for (size_t n = 0; n < 3; n++) {
            struct sample s = {.sop = sop, .study = study, .series = "3.1"};

            (void)snprintf(sop, sizeof sop, "1.%zu.%zu", i, n);
            s.attributes[LEVEL_STUDY] = rows[i].study[n];
            put(d.db, &s, 10 * i + n + 1, INDEX_STORED);
        }
        (void)snprintf(sql, sizeof sql,
                       "select coalesce(accession_number, '-') || ' ' || order_state "
                       "from isthmus.study join isthmus.order_match using (study_key) "
                       "where study_instance_uid = '%s'",
                       study);
        cr_assert_answer(d.db, sql, rows[i].expected);
    }
}

Test(put, an_object_without_patient_and_study_is_stored_by_itself)
{
    static const struct sample palette = {
        .sop = "1.9", .bytes = 1, .attributes = {"{}", "{}", "{}", "{}"}};

    put(d.db, &palette, 1, INDEX_STORED);
    put(d.db, &palette, 2, INDEX_DUPLICATE);
    cr_assert_answer(d.db, "select count(*) from isthmus.instance where series_key is null", "1");
    cr_assert_answer(d.db, "select count(*) from isthmus.study", "0");
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "0");
}

Test(put, flags_of_all_instances_are_seen_at_the_study)
{
    struct sample one = first, two = first;

    one.flags = INSTANCE_TEXT_UNDECODABLE;
    two.flags = INSTANCE_VALUE_INVALID;
    two.sop = "1.2";
    put(d.db, &one, 1, INDEX_STORED);
    put(d.db, &two, 2, INDEX_STORED);
    cr_assert_answer(d.db, "select flags from isthmus.study", "9");
}

Test(put, a_very_long_patient_id_is_no_reason_to_refuse)
{
    char patient[9000];
    struct sample s = first;
    int n = snprintf(patient, sizeof patient, "{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"");

    for (int i = 0; i < 4000; i++)
        n += snprintf(patient + n, sizeof patient - (size_t)n, "%c%c", 'a' + i * 7 % 26,
                      'A' + i * i % 25);
    (void)snprintf(patient + n, sizeof patient - (size_t)n, "\"]}}");
    s.attributes[LEVEL_PATIENT] = patient;
    put(d.db, &s, 1, INDEX_STORED);
    cr_assert_answer(d.db, "select length(patient_id) from isthmus.patient", "256");
}

Test(put, the_listener_may_do_all_this_with_its_own_role_and_nothing_else)
{
    struct sample other = first;

    other.bytes = 2;
    run_sql(d.db, "select isthmus.register_target('t', '', '1s', '1s')");
    run_sql(d.db, "set role isthmus_scp");
    put(d.db, &first, 7, INDEX_STORED);
    put(d.db, &other, 8, INDEX_CONFLICT);
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "1");
    cr_assert_eq(db_script(d.db, "delete from isthmus.instance"), -EINVAL);
    cr_assert_str_eq(db_problem(d.db), "42501");
    cr_assert_eq(db_script(d.db, "create table isthmus.x (n int)"), -EINVAL);
}

Test(put, a_lost_connection_is_opened_again_and_the_instance_stored)
{
    struct db *other = connect_to(d.conninfo);

    put(d.db, &first, 1, INDEX_STORED);
    run_sql(other, "select pg_terminate_backend(pid) from pg_stat_activity "
                   "where datname = current_database() and pid <> pg_backend_pid()");
    put(d.db, &(struct sample){.sop = "1.2", .study = "2.1", .series = "3.1"}, 2, INDEX_STORED);
    cr_assert_answer(d.db, "select count(*) from isthmus.instance", "2");
    db_free(other);
}
