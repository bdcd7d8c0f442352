#include "store/fold.h"
#include "tests/db/worklist_order.h"

#include <stdbool.h>

TestSuite(worklist, .init = open_database, .fini = close_database, .timeout = 600);

Test(worklist, an_order_is_there_with_its_step)
{
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), "", "")), "created");
    cr_assert_answer(
        d.db,
        "select concat_ws(',', accession_number, patient_name, modality, start_date, "
        "scheduled_procedure_step_id, order_status, step_status) from isthmus.worklist",
        "A1,Doe^Jane,CT,2026-01-02,1,active,SCHEDULED");
    cr_assert_answer(d.db,
                     "select bool_and(attributes #>> '{0020000D,Value,0}' = study_instance_uid and "
                     "study_instance_uid ~ '^2[.]25[.][1-9][0-9]+$' and length(study_instance_uid) "
                     "<= 64 and not attributes ? '00400100') from isthmus.worklist_order",
                     "t");
}

Test(worklist, the_same_again_changes_nothing)
{
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), "", "")), "created");
    run_sql(d.db, "create table before as select o.*, o.xmin as x, s.xmin as y from "
                  "isthmus.worklist_order o join isthmus.worklist_step s using (order_key)");
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), "", "")), "unchanged");
    cr_assert_answer(
        d.db,
        "select count(*) from before b join isthmus.worklist_order o using (order_key) "
        "join isthmus.worklist_step s using (order_key) where b.x = o.xmin and b.y = "
        "s.xmin",
        "1");
}

Test(worklist, an_order_that_comes_again_is_changed_and_keeps_its_uid)
{
    cr_assert_str_eq(put(order_of(PLACER("P1"), "", "")), "created");
    run_sql(d.db, "create table before as select * from isthmus.worklist_order");
    cr_assert_str_eq(put(order_of(PLACER("P1"), ATTRIBUTE("00400001", "AE", "CT9"), "")),
                     "updated");
    cr_assert_answer(d.db,
                     "select count(*) from before b join isthmus.worklist w using "
                     "(study_instance_uid, accession_number, requested_procedure_id) where "
                     "scheduled_station_ae_titles = '{CT9}'",
                     "1");
    cr_assert_answer(d.db, "select count(*) from isthmus.worklist", "1");
}

Test(worklist, a_generated_accession_number_gives_way_to_that_of_the_source)
{
    cr_assert_str_eq(put(order_of(PLACER("P1"), "", "")), "created");
    cr_assert_answer(d.db, "select accession_number from isthmus.worklist_order", "I0001");
    cr_assert_str_eq(put(order_of(PLACER("P1") ACCESSION("A7"), "", "")), "updated");
    cr_assert_answer(d.db, "select accession_number from isthmus.worklist_order", "A7");
    cr_assert_str_eq(put(order_of(PLACER("P1") ACCESSION("A8"), "", "")), "created",
                     "another accession number is another order");
}

/* The same for another patient. */
static json_t *of_other_patient(json_t *order)
{
    json_t *id = json_object_get(json_object_get(order, "attributes"), "00100020");

    (void)json_object_set_new(id, "Value", json_pack("[s]", "4712"));
    return order;
}

Test(worklist, requested_procedures_of_one_accession_number_may_be_of_one_study)
{
    static const char refusal[] = "Study Instance UID (0020,000D) is that of an order of another "
                                  "patient or accession number";

    cr_assert_str_eq(put(order_of(UID("1.2.3") ACCESSION("A1") PROCEDURE("R1"), "", "")),
                     "created");
    cr_assert_str_eq(put(order_of(UID("1.2.3") ACCESSION("A1") PROCEDURE("R2"), "", "")),
                     "created");
    cr_assert_str_eq(put(order_of(UID("1.2.3") ACCESSION("A2") PROCEDURE("R3"), "", "")), refusal);
    cr_assert_str_eq(
        put(of_other_patient(order_of(UID("1.2.3") ACCESSION("A1") PROCEDURE("R3"), "", ""))),
        refusal);
    cr_assert_str_eq(put(order_of(UID("1.2.4") PROCEDURE("R1"), "", "")), "created");
    cr_assert_str_eq(put(order_of(UID("1.2.4") PROCEDURE("R2"), "", "")), "created");
    cr_assert_answer(d.db,
                     "select string_agg(concat_ws('/', study_instance_uid, accession_number, "
                     "requested_procedure_id), ' ' order by order_key) from isthmus.worklist_order",
                     "1.2.3/A1/R1 1.2.3/A1/R2 1.2.4/I0001/R1 1.2.4/I0001/R2");
}

Test(worklist, a_step_without_start_time_is_due_at_midnight)
{
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), "", "")), "created");
    cr_assert_answer(d.db, "select start_time from isthmus.worklist", "00:00:00");
}

Test(worklist, every_fault_is_named_and_the_good_ones_go_in)
{
    static const struct {
        const char *attributes, *step, *more, *fault;
    } rows[] = {
        {"", "", "",
         "it has neither accession number, order number, Requested Procedure ID nor Study Instance "
         "UID: it could not be recognized when it comes again"},
        {ACCESSION("A1234567890123456"), "", "",
         "Accession Number (0008,0050) is longer than 16 characters"},
        {ACCESSION("A\\u0007"), "", "",
         "(0008,0050) has control characters or a backslash in a value"},
        {ACCESSION("A\\\\B"), "", "",
         "(0008,0050) has control characters or a backslash in a value"},
        {ATTRIBUTE("0020000D", "UI", "1.2.x"), "", "",
         "Study Instance UID (0020,000D) is not a UID"},
        {ATTRIBUTE("00100030", "DA", "20260231"), "", "",
         "Patient's Birth Date (0010,0030) is not a date (YYYYMMDD)"},
        {"", ATTRIBUTE("00400003", "TM", "2561"), "",
         "(0040,0003) of scheduled procedure step 1 is not a time (HHMMSS)"},
        {"", ATTRIBUTE("00400001", "AE", "ABCDEFGHIJKLMNOPQ"), "",
         "Scheduled Station AE Title (0040,0001) of scheduled procedure step 1 is longer than 16 "
         "characters"},
        {"", ATTRIBUTE("00400020", "CS", "WAITING"), "",
         "Scheduled Procedure Step Status (0040,0020) of scheduled procedure step 1 is not a "
         "status"},
        {"", "", ", \"status\": \"done\"", "status is not one of FHIR's request-status codes"},
        {"", "", ", \"source\": 7", "a member of the order is not a text"},
        {"\"x'; drop\": {}, ", "", "",
         "a member of attributes is not a tag of 8 hexadecimal digits"},
        {"\"00080051\": {\"vr\": \"SQ\", \"Value\": [7]}, ", "", "",
         "an item of a sequence is not a JSON object"},
        {"\"00080050\": {\"vr\": \"SH\", \"Value\": {}}, ", "", "",
         "(0008,0050) has a Value that is not an array"},
        {"\"00080050\": {\"vr\": \"SH\", \"Value\": [[]]}, ", "", "",
         "(0008,0050) has a value of the wrong type"},
        {"\"00080050\": [], ", "", "", "(0008,0050) has no vr that is a value representation"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_str_eq(put(order_of(rows[i].attributes, rows[i].step, rows[i].more)),
                         rows[i].fault, "row %zu", i);
    json_t *orders = json_pack("[o, {}, i, o]", order_of(ACCESSION("A1"), "", ""), 7,
                               order_of(ACCESSION("A2"), "", ""));
    json_t *results = put_into(d.db, orders);
    cr_assert_eq(json_array_size(results), 4);
    cr_assert_eq(json_array_size(json_object_get(json_array_get(results, 1), "faults")), 3);
    json_decref(results);
    cr_assert_answer(d.db, "select string_agg(accession_number, ' ') from isthmus.worklist",
                     "A1 A2");
}

Test(worklist, hostile_texts_are_kept_as_they_are)
{
    static const char *const texts[] = {"'; drop table x; --", "%s%n", "$1", "{}", "\"", "a%b_c"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *order = order_of(ACCESSION("A1"), "", "");
        json_t *id = json_object_get(json_object_get(order, "attributes"), "00100020");

        (void)json_object_set_new(id, "Value", json_pack("[s]", texts[i]));
        cr_assert_str_eq(put(order), i == 0 ? "created" : "updated");
        cr_assert_str_eq(ask(d.db, "select patient_id from isthmus.worklist"), texts[i]);
    }
}

Test(worklist, numbers_have_no_gaps_whatever_fails)
{
    struct db *other = connect_to(d.conninfo);

    run_sql(d.db, "begin");
    cr_assert_str_eq(put(order_of(PLACER("P1"), "", "")), "created");
    run_sql(d.db, "rollback");
    cr_assert_str_eq(put(order_of(PLACER("P2"), "", "")), "created");
    cr_assert_str_eq(put(order_of(PLACER("P3"), "", ", \"source_updated_at\": \"never\"")),
                     "the database refuses it (22007)");
    cr_assert_str_eq(put(order_of(ACCESSION("I0002"), "", "")), "created");
    json_decref(put_into(other, order_of(PLACER("P4"), "", "")));
    cr_assert_answer(d.db,
                     "select string_agg(accession_number, ' ' order by accession_number) "
                     "from isthmus.worklist_order",
                     "I0001 I0002 I0003");
    db_free(other);
}

Test(worklist, two_at_once_make_one_order)
{
    struct db *other = connect_to(d.conninfo);
    PGconn *waiting = db_connection(other);

    run_sql(d.db, "begin");
    cr_assert_str_eq(put(order_of(PLACER("P1"), "", "")), "created");
    json_t *order = order_of(PLACER("P1"), "", "");
    char *text = json_dumps(order, 0);
    const char *const values[] = {text};
    cr_assert_eq(PQsendQueryParams(waiting, "select isthmus.worklist_put($1::jsonb, 'I', 4)", 1,
                                   NULL, values, NULL, NULL, 0),
                 1);
    while (strcmp(ask(d.db, "select count(*) from pg_locks where locktype = 'advisory' and not "
                            "granted and database = (select oid from pg_database where datname = "
                            "current_database())"),
                  "1") != 0)
        ;
    run_sql(d.db, "commit");
    PGresult *result = PQgetResult(waiting);
    cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK);
    cr_assert_not_null(strstr(PQgetvalue(result, 0, 0), "unchanged"));
    PQclear(result);
    cr_assert_null(PQgetResult(waiting));
    cr_assert_answer(d.db, "select count(*) from isthmus.worklist", "1");
    free(text);
    json_decref(order);
    db_free(other);
}

static const char *statuses(void)
{
    return ask(d.db, "select order_status || ' ' || string_agg(step_status, ' ' order by "
                     "scheduled_procedure_step_id) from isthmus.worklist group by order_status");
}

Test(worklist, steps_follow_their_order)
{
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), "", "")), "created");
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), "", ", \"status\": \"revoked\"")), "updated");
    cr_assert_str_eq(statuses(), "revoked CANCELED");
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), "", ", \"status\": \"active\"")), "updated");
    cr_assert_str_eq(statuses(), "active SCHEDULED");
    cr_assert_answer(
        d.db, "select isthmus.worklist_set_step_status(step_key, 'STARTED') from isthmus.worklist",
        "t");
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), ATTRIBUTE("00400020", "CS", "ARRIVED"), "")),
                     "updated");
    cr_assert_str_eq(statuses(), "active STARTED", "what has begun is not planned again");
    cr_assert_answer(
        d.db, "select isthmus.worklist_set_step_status(step_key, 'READY') from isthmus.worklist",
        "f");
    cr_assert_answer(
        d.db, "select isthmus.worklist_set_status(order_key, 'completed') from isthmus.worklist",
        "t");
    cr_assert_str_eq(statuses(), "completed COMPLETED");
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), ATTRIBUTE("00400007", "LO", "new"), "")),
                     "updated");
    cr_assert_str_eq(statuses(), "completed COMPLETED", "a status that was set here stays");
}

Test(worklist, steps_that_a_source_names_no_more_are_cancelled_only_if_it_names_all)
{
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), ATTRIBUTE("00400009", "SH", "S1"), "")),
                     "created");
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), ATTRIBUTE("00400009", "SH", "S2"), "")),
                     "updated");
    cr_assert_str_eq(statuses(), "active SCHEDULED SCHEDULED");
    cr_assert_str_eq(
        put(order_of(ACCESSION("A1"), ATTRIBUTE("00400009", "SH", "S2"), ", \"all_steps\": true")),
        "updated");
    cr_assert_str_eq(statuses(), "active CANCELED SCHEDULED");
}

Test(worklist, an_order_that_was_over_before_it_was_known_is_not_needed)
{
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), "", ", \"status\": \"revoked\"")), "ignored");
    cr_assert_answer(d.db, "select count(*) from isthmus.worklist", "0");
}

/* Names are folded here in SQL and looked for as fold.c folds them. */
static void compare_folds(const char *const *texts, int n)
{
    PGresult *result;

    for (int i = 0; i < n; i++) {
        char *name = fold_name(texts[i]), *text = fold_text(texts[i]);

        cr_assert_eq(db_query(d.db, "select isthmus.fold_name($1), isthmus.fold_text($1)", 1,
                              &texts[i], &result),
                     0);
        cr_assert_str_eq(PQgetvalue(result, 0, 0), name, "%s", texts[i]);
        cr_assert_str_eq(PQgetvalue(result, 0, 1), text, "%s", texts[i]);
        PQclear(result);
        free(name);
        free(text);
    }
}

Test(worklist, names_are_folded_as_everywhere)
{
    static const char *const texts[] = {
        "Müller^Jörg",
        "MULLER ^ JORG^^",
        "山田^太郎=やまだ^たろう",
        "Ｙａｍａｄａ^Ｔａｒｏ",
        "Ямада^^^=",
        "Straße^ẞ",
        "  a   b  ",
        "",
        "^",
        "=",
        "홍^길동",
        "ﾔﾏﾀﾞ^ﾀﾛｳ",
        "İstanbul",
        "ΣΊΣΥΦΟΣ",
        "Nguyễn^Thị Ánh",
        "قُبَّاني^نِزار",
        "שָׁרוֹן",
        "a = b ^ c = ^",
        "x\xc2\xa0y",
        "soft\xc2\xadhyphen",
        "ŉ",
        "ﬁn",
        "Å",
        "𐐀",
        "①²",
        "^^a^^=^^=b^",
    };

    compare_folds(texts, (int)(sizeof texts / sizeof *texts));
}

/* A lone Greek iota that belongs below a letter; and what is newer than PostgreSQL 15. */
static bool is_excused(int c)
{
    return c == 0x345 || c == 0x37a || (c >= 0x1e030 && c <= 0x1e06d);
}

Test(worklist, every_character_is_folded_as_everywhere)
{
    PGresult *result;
    char text[8];

    cr_assert_eq(db_query(d.db,
                          "select c, chr(c), isthmus.fold_name(chr(c)) from generate_series(1, "
                          "205743) c where c not between 55296 and 57343",
                          0, NULL, &result),
                 0, "%s", db_problem(d.db));
    for (int i = 0; i < PQntuples(result); i++) {
        int c = atoi(PQgetvalue(result, i, 0));

        (void)snprintf(text, sizeof text, "%s", PQgetvalue(result, i, 1));
        char *folded = fold_name(text);
        if (!is_excused(c))
            cr_assert_str_eq(PQgetvalue(result, i, 2), folded ? folded : "", "U+%04X", (unsigned)c);
        free(folded);
    }
    PQclear(result);
}

Test(worklist, a_role_that_may_call_it_needs_no_other_right)
{
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), "", "")), "created");
    run_sql(d.db, "begin; create role worklist_ris; grant usage on schema isthmus to worklist_ris; "
                  "grant execute on function isthmus.worklist_put to worklist_ris; "
                  "grant select on isthmus.worklist to worklist_ris; set role worklist_ris");
    cr_assert_answer(
        d.db,
        "select isthmus.worklist_put(jsonb_build_object('attributes', "
        "order_attributes || '{\"00080050\": {\"vr\": \"SH\", \"Value\": [\"A2\"]}, "
        "\"0020000D\": {\"vr\": \"UI\"}}' || jsonb_build_object('00400100', "
        "jsonb_build_object('vr', 'SQ', 'Value', jsonb_build_array(step_attributes))))) "
        "#>> '{0,result}' from isthmus.worklist",
        "created");
    cr_assert_answer(d.db, "select count(*) from isthmus.worklist", "2");
    cr_assert_answer(d.db,
                     "select has_table_privilege('isthmus.worklist_order', 'select')::text || "
                     "has_function_privilege('public', 'isthmus.worklist_put(jsonb, text, "
                     "integer)', 'execute')",
                     "falsefalse");
    run_sql(d.db, "rollback");
}
