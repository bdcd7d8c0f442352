#include "store/study.h"
#include "tests/db/order_help.h"

#include <stdio.h>

static struct database d;

static void setup(void)
{
    d = make_database();
    run_sql(d.db, "select isthmus.register_target('t', '', '10s', '300s')");
}

static void teardown(void)
{
    drop_database(&d);
}

TestSuite(reconcile, .init = setup, .fini = teardown, .timeout = 600);

static const struct order order_1 = {ORDER("ACC-1", "RP-1", "2.100", "A-1")};
static const struct order order_2 = {ORDER("ACC-2", "RP-2", "2.101", "A-1")};
static const struct order order_of_b = {ORDER("ACC-1", "RP-9", "2.102", "B-2")};

/* One more instance of the only study. */
static void image(const char *patient, const char *study)
{
    static uint64_t n;
    char sop[32];
    struct sample s = {.sop = sop, .study = "2.1", .series = "3.1"};

    (void)snprintf(sop, sizeof sop, "1.%d", (int)++n);
    s.attributes[LEVEL_PATIENT] = patient;
    s.attributes[LEVEL_STUDY] = study;
    put(d.db, &s, n, INDEX_STORED);
}

#define cr_assert_state(expected) cr_assert_str_eq(order_match_text(d.db), expected)

static void decide(const char *call)
{
    char sql[800];

    run_sql(d.db, "delete from isthmus.outbox");
    (void)snprintf(sql, sizeof sql, "select isthmus.%s from isthmus.study", call);
    run_sql(d.db, sql);
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "1");
}

static void accept_study(void)
{
    decide("reconcile_accept(study_key, 'alice', 'because')");
}

static void correct_accession(const char *accession)
{
    char call[200];

    (void)snprintf(call, sizeof call,
                   "reconcile_correct(study_key, '%s', null, null, null, null, null, null, null, "
                   "'{}', 'alice', 'because')",
                   accession);
    decide(call);
}

static void correct_patient(const char *id)
{
    char call[400];

    (void)snprintf(call, sizeof call,
                   "reconcile_correct(study_key, null, null, '%s', null, null, null, null, null, "
                   "'{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"%s\"]}}', 'alice', null)",
                   id, id);
    decide(call);
}

static const char *order_key(const char *accession)
{
    char sql[200];

    (void)snprintf(sql, sizeof sql,
                   "select order_key from isthmus.worklist_order where accession_number = '%s'",
                   accession);
    return ask(d.db, sql);
}

static void link_order(const char *accession)
{
    char call[200];

    (void)snprintf(call, sizeof call, "reconcile_link(study_key, '{%s}', 'alice', 'because')",
                   order_key(accession));
    decide(call);
}

static struct study *load(void)
{
    struct study *s = NULL;
    int64_t key = 0;
    int r;

    cr_assert_eq(study_find(d.db, "2.1", &key), 0);
    r = study_load(d.db, key, &s);
    cr_assert_eq(r, 0, "%d: %s", r, db_problem(d.db));
    return s;
}

static const char *text_of(const struct study *s, size_t instance, enum level level,
                           const char *tag)
{
    const json_t *attributes = s->series[0].instances[instance].attributes[level];

    return json_string_value(
        json_array_get(json_object_get(json_object_get(attributes, tag), "Value"), 0));
}

Test(reconcile, an_accepted_study_waits_for_nobody_until_something_new_contradicts)
{
    image(NULL, STUDY_1);
    accept_study();
    cr_assert_state("unknown accession number");
    image(NULL, STUDY_1);
    cr_assert_state("unknown accession number");
    image(NULL, STUDY_2);
    cr_assert_state("several accession numbers, open");
    accept_study();
    cr_assert_state("several accession numbers");
    put_order(d.db, &order_1);
    cr_assert_state("several accession numbers: ACC-1 RP-1");
    put_order(d.db, &order_2);
    cr_assert_state("several accession numbers: ACC-1 RP-1, ACC-2 RP-2");
    image(PATIENT_B, STUDY_1);
    cr_assert_state("patient differs, open, strange ACC-1, ACC-2");
    accept_study();
    cr_assert_state("patient differs, strange ACC-1, ACC-2");
    image(PATIENT_B, STUDY_2);
    cr_assert_state("patient differs, strange ACC-1, ACC-2");
    cr_assert_answer(d.db, "select count(*) from isthmus.reconciliation", "3");
}

Test(reconcile, accepted_accession_numbers_are_linked_to_the_orders_that_are_there)
{
    put_order(d.db, &order_1);
    put_order(d.db, &order_2);
    image(NULL, STUDY_1);
    image(NULL, STUDY_2);
    cr_assert_state("several accession numbers, open");
    accept_study();
    cr_assert_state("several accession numbers: ACC-1 RP-1, ACC-2 RP-2");
}

Test(reconcile, an_order_of_another_patient_is_linked_by_a_person_only)
{
    struct study *s;

    image(NULL, STUDY_1);
    put_order(d.db, &order_of_b);
    cr_assert_state("patient differs, open, strange ACC-1");
    accept_study();
    cr_assert_state("patient differs, strange ACC-1");
    s = load();
    cr_assert_eq(s->n_orders, 0);
    cr_assert_eq(json_array_size(s->strange_accessions), 1);
    cr_assert(!s->order_open);
    study_free(s);
    link_order("ACC-1");
    cr_assert_state("matched: ACC-1 RP-9");
    image(NULL, STUDY_1);
    cr_assert_state("matched: ACC-1 RP-9");
}

Test(reconcile, a_link_outlasts_what_comes_later_but_not_unseen)
{
    struct study *s;

    image(NULL, STUDY_1);
    put_order(d.db, &order_2);
    link_order("ACC-2");
    cr_assert_state("matched: ACC-2 RP-2");
    put_order(d.db, &order_1); /* would have matched */
    image(NULL, STUDY_2);      /* the number of the order that the person chose */
    cr_assert_state("matched: ACC-2 RP-2");
    image(NULL, "{\"00080050\":{\"vr\":\"SH\",\"Value\":[\"ACC-3\"]}}");
    cr_assert_state("several accession numbers, open: ACC-2 RP-2");
    accept_study();
    cr_assert_state("matched: ACC-2 RP-2");
    image(PATIENT_B, STUDY_1);
    cr_assert_state("patient differs, open, strange ACC-1: ACC-2 RP-2");
    s = load();
    cr_assert(s->request_replaced && !s->request_withheld && s->patient_differs);
    study_free(s);
}

Test(reconcile, an_unlinked_study_is_not_matched_again)
{
    struct study *s;

    image(NULL, STUDY_1);
    put_order(d.db, &order_1);
    cr_assert_state("matched: ACC-1 RP-1");
    decide("reconcile_link(study_key, '{}', 'alice', 'because')");
    cr_assert_state("unknown accession number");
    image(NULL, STUDY_1);
    look_again(d.db);
    match_orders(d.db);
    cr_assert_state("unknown accession number");
    s = load();
    cr_assert(s->request_withheld && s->n_orders == 0);
    study_free(s);
    link_order("ACC-1");
    cr_assert_state("matched: ACC-1 RP-1");
}

Test(reconcile, a_corrected_accession_number_is_shown_and_the_stored_ones_are_kept)
{
    struct study *s;

    put_order(d.db, &order_2);
    image(NULL, STUDY_1);
    image(NULL, STUDY_NONE);
    correct_accession("ACC-2");
    cr_assert_state("matched: ACC-2 RP-2");
    image(NULL, STUDY_1); /* like those before */
    cr_assert_state("matched: ACC-2 RP-2");
    cr_assert_answer(d.db, "select accession_number from isthmus.study", "ACC-2");
    cr_assert_answer(d.db,
                     "select attributes #>> '{00080050,Value,0}' || ' ' || "
                     "(attributes_as_stored #>> '{00080050,Value,0}') from isthmus.study",
                     "ACC-2 ACC-1");
    cr_assert_answer(d.db,
                     "select string_agg(coalesce(study_attributes::text, 'as the study'), ', ' "
                     "order by instance_key) from isthmus.instance",
                     "as the study, {}, as the study");
    s = load();
    cr_assert_eq(s->series[0].n_instances, 3);
    for (size_t i = 0; i < 3; i++)
        cr_assert_str_eq(text_of(s, i, LEVEL_STUDY, "00080050"), "ACC-2");
    cr_assert_str_eq(text_of(s, 0, LEVEL_STUDY, "00080020"), "20260131");
    cr_assert(s->request_replaced);
    cr_assert_eq(s->n_orders, 1);
    study_free(s);
    correct_accession("ACC-9");
    cr_assert_state("unknown accession number, open");
    cr_assert_answer(
        d.db, "select attributes_as_stored #>> '{00080050,Value,0}' from isthmus.study", "ACC-1");
}

Test(reconcile, a_corrected_patient_is_the_one_that_is_known_by_the_id)
{
    struct study *s;

    image(PATIENT_B, STUDY_1);
    image(PATIENT_NONE, STUDY_1);
    run_sql(d.db, "insert into isthmus.patient (patient_id, patient_name, patient_name_folded, "
                  "patient_birth_date, attributes) values ('A-1', 'Müller^Zoë', 'muller^zoe', "
                  "'1970-01-31', '" PATIENT_A "')");
    put_order(d.db, &order_1);
    cr_assert_state("patient differs, open, strange ACC-1");
    correct_patient("A-1");
    cr_assert_state("matched: ACC-1 RP-1");
    cr_assert_answer(d.db,
                     "select patient_id || ' ' || patient_name from isthmus.study join "
                     "isthmus.patient using (patient_key)",
                     "A-1 Müller^Zoë");
    s = load();
    for (size_t i = 0; i < 2; i++)
        cr_assert_str_eq(text_of(s, i, LEVEL_PATIENT, "00100020"), "A-1");
    study_free(s);
    image(PATIENT_B, STUDY_1); /* as before */
    image(PATIENT_A, STUDY_1); /* the right one */
    cr_assert_state("matched: ACC-1 RP-1");
    cr_assert_answer(d.db,
                     "select patient_id from isthmus.study join isthmus.patient "
                     "using (patient_key)",
                     "A-1");
    image("{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"C-3\"]}}", STUDY_1);
    cr_assert_state("patient differs, open: ACC-1 RP-1");
    cr_assert_answer(d.db,
                     "select concat_ws(' ', who, action, old_values ->> 'patient_id', "
                     "new_values ->> 'patient_id', old_values ->> 'order_state', "
                     "new_values ->> 'order_state') from isthmus.reconciliation",
                     "alice correct B-2 A-1 patient differs matched");
}

Test(reconcile, a_mistyped_id_keeps_the_name_of_the_images)
{
    image(PATIENT_B, STUDY_1);
    correct_patient("B-22");
    cr_assert_answer(d.db,
                     "select patient_id || ' ' || patient_name from isthmus.study join "
                     "isthmus.patient using (patient_key)",
                     "B-22 Other^One");
}

Test(reconcile, the_name_of_another_patient_with_this_id_is_refused)
{
    image(NULL, STUDY_1);
    run_sql(d.db, "update isthmus.patient set patient_birth_date = '1970-01-31'");
    cr_assert_lt(db_script(d.db,
                           "select isthmus.reconcile_correct(study_key, null, null, 'A-1', null, "
                           "'X', 'x', '1999-09-09', null, '{\"00100010\":{}}', 'alice', null) "
                           "from isthmus.study"),
                 0);
    cr_assert_eq(strncmp(db_problem(d.db), "IS001", 5), 0, "%s", db_problem(d.db));
    cr_assert_answer(d.db, "select count(*) from isthmus.reconciliation", "0");
}

Test(reconcile, what_waits_is_listed_with_the_orders_it_may_be_of)
{
    image(NULL, STUDY_1);
    put_order(d.db, &order_2);
    put_order(d.db, &order_of_b);
    cr_assert_answer(d.db,
                     "select concat_ws('; ', study, why, accession_numbers::text, patient_id, "
                     "(select string_agg(concat_ws(' ', c ->> 'accession_number', c ->> 'linked', "
                     "c ->> 'same_patient'), ', ') from jsonb_array_elements(candidates) c)) "
                     "from isthmus.reconcile_list where open",
                     "2.1; the order is of another patient; {ACC-1}; A-1; "
                     "ACC-2 false true, ACC-1 false false");
    correct_accession("ACC-2");
    cr_assert_answer(d.db, "select count(*) from isthmus.reconcile_list where open", "0");
}
