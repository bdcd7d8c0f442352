/* Modality Worklist (PS3.4 K.6.1): what is found, shown and answered. */
#include "store/query_why.h"
#include "tests/db/worklist_help.h"

static struct database made;

static void fill(void)
{
    const char *source = getenv("ISTHMUS_SOURCE");
    char directory[4100], *sql;

    made = make_database();
    (void)snprintf(directory, sizeof directory, "%s/tests/db", source ? source : ".");
    sql = read_text(directory, "worklist_orders.sql");
    run_sql(made.db, sql);
    free(sql);
}

static void empty(void)
{
    drop_database(&made);
}

TestSuite(worklist_query, .init = fill, .fini = empty);

Test(worklist_query, keys_of_order_and_step_find_steps)
{
    static const struct {
        const char *order, *step, *steps;
    } rows[] = {
        {"{}", "{}", "S1 S2 S3 S4"},
        {"{\"00080050\":\"A1\"}", "{}", "S1 S2"},
        {"{\"00080050\":\"A?\"}", "{}", "S1 S2 S3 S4"},
        {"{\"00080050\":\"A1\\\\A3\"}", "{}", "S1 S2 S4"},
        {"{\"00080050\":\"a1\"}", "{}", ""},
        {"{\"00401001\":\"RP2\"}", "{}", "S3"},
        {"{\"00100010\":\"muller^*\"}", "{}", "S1 S2"},
        {"{\"00100010\":\"山田*\"}", "{}", "S3"},
        {"{\"00100010\":\"YAMADA*=山田*\"}", "{}", "S3"},
        {"{\"00100020\":\"P1\",\"00100021\":\"HOSPITAL\"}", "{}", "S1 S2"},
        {"{\"00100020\":\"P1\",\"00100021\":\"OTHER\"}", "{}", ""},
        {"{\"00100030\":\"19800101-\"}", "{}", "S3"},
        {"{\"0020000D\":\"1.1\\\\1.3\"}", "{}", "S1 S2 S4"},
        {"{\"00380010\":\"V17\"}", "{}", "S1 S2"},
        {"{\"00102110\":\"Iod*\"}", "{}", "S1 S2"},
        {"{\"001021C0\":\"4\"}", "{}", "S1 S2"},
        {"{\"00101030\":\"70.50\"}", "{}", "S1 S2"},
        {"{\"00321032\":\"angstrom*\"}", "{}", "S1 S2"},
        {"{\"00380050\":\"Wheel*\"}", "{}", "S1 S2"},
        {"{\"00380100\":{\"vr\":\"SQ\",\"Value\":[{\"00420010\":{\"vr\":\"ST\","
         "\"Value\":[\"X\"]}}]}}",
         "{}", "S1 S2 S3 S4"}, /* is not matched */
        {"{\"00321064\":{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\","
         "\"Value\":[\"CT1\"]},\"00080102\":{\"vr\":\"SH\",\"Value\":[\"99X\"]}}]}}",
         "{}", "S1 S2"},
        {"{\"00080050\":\"A1\",\"00080051\":{\"vr\":\"SQ\",\"Value\":[{\"00400031\":"
         "{\"vr\":\"UT\",\"Value\":[\"LIS\"]}}]}}",
         "{}", ""},
        {"{\"00081110\":{\"vr\":\"SQ\",\"Value\":[{\"00081155\":{\"vr\":\"UI\","
         "\"Value\":[\"1.1\"]}}]}}",
         "{}", "S1 S2"},
        {"{}", "{\"00400001\":\"CT2\"}", "S2"},
        {"{}", "{\"00400001\":\"CT1\"}", "S1 S2"},
        {"{}", "{\"00400001\":\"CT1\\\\MR1\"}", "S1 S2 S3"},
        {"{}", "{\"00400001\":\"CT?\"}", "S1 S2"},
        {"{}", "{\"00400001\":\"*\"}", "S1 S2 S3 S4"},
        {"{}", "{\"00080060\":\"CT\"}", "S1 S2 S4"},
        {"{}", "{\"00400002\":\"20260707\"}", "S3 S4"},
        {"{}", "{\"00400002\":\"20260706-20260707\"}", "S2 S3 S4"},
        {"{}", "{\"00400003\":\"0900-1000\"}", "S1 S2"},
        {"{}", "{\"00400006\":\"ozil^*\"}", "S1"},
        {"{}", "{\"00400007\":\"H*\"}", "S1"},
        {"{}", "{\"00400009\":\"S3\"}", "S3"},
        {"{}", "{\"00400010\":\"Aquila\"}", "S1"},
        {"{}", "{\"00400011\":\"Room*\"}", "S1 S3"},
        {"{}", "{\"00400012\":\"Sedate\"}", "S1"},
        {"{}", "{\"00400020\":\"STARTED\\\\READY\"}", "S2 S4"},
        {"{}",
         "{\"00400008\":{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\","
         "\"Value\":[\"K3\"]}}]}}",
         "S2"},
        {"{\"00100010\":\"M*\"}", "{\"00400002\":\"20260706\",\"00400001\":\"CT2\"}", "S2"},
        {"{\"00080052\":\"WORKLIST\"}", "{}", "S1 S2 S3 S4"}, /* some send a level */
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_steps(made.db, rows[i].order, rows[i].step, &worklist, rows[i].steps);
}

Test(worklist_query, two_ranges_of_date_and_time_are_one_range_of_moments)
{
    cr_assert_steps(made.db, "{}",
                    "{\"00400002\":\"20260705-20260707\",\"00400003\":\"1000-1800\"}", &worklist,
                    "S1 S2");
    cr_assert_steps(made.db, "{}",
                    "{\"00400002\":\"20260705-20260707\",\"00400003\":\"1001-1900\"}", &worklist,
                    "S2 S3");
    cr_assert_steps(made.db, "{}", "{\"00400002\":\"20260706\",\"00400003\":\"0800-0830\"}",
                    &worklist, "");
    cr_assert_steps(made.db, "{}", "{\"00400002\":\"20260705-20260707\",\"00400003\":\"0900\"}",
                    &worklist, "S2");
}

Test(worklist_query, words_of_names_and_empty_values_when_negotiated)
{
    struct query_options options = worklist;

    cr_assert_steps(made.db, "{}", "{\"00400011\":\"\\\"\\\"\"}", &worklist, "");
    options.fuzzy_names = options.empty_value = true;
    cr_assert_steps(made.db, "{\"00100030\":\"\\\"\\\"\"}", "{}", &options, "S4");
    cr_assert_steps(made.db, "{\"00100021\":\"\\\"\\\"\"}", "{}", &options, "S4");
    cr_assert_steps(made.db, "{}", "{\"00400011\":\"\\\"\\\"\"}", &options, "S2 S4");
    cr_assert_steps(made.db, "{\"00100010\":\"zo mul\"}", "{}", &options, "S1 S2");
}

/* --- What may be seen ----------------------------------------------------------------------- */

Test(worklist_query, only_steps_to_be_performed_are_shown)
{
    static const char *const hidden[] = {"DEPARTED", "COMPLETED", "CANCELED", "DISCONTINUED"};
    static const char *const done[] = {"draft",     "on-hold",          "revoked",
                                       "completed", "entered-in-error", "unknown"};
    char sql[200];

    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        (void)snprintf(sql, sizeof sql,
                       "update isthmus.worklist_step set status = '%s' "
                       "where scheduled_procedure_step_id = 'S1'",
                       hidden[i]);
        run_sql(made.db, sql);
        cr_assert_steps(made.db, "{\"00080050\":\"A1\"}", "{}", &worklist, "S2");
        cr_assert_steps(made.db, "{}", "{\"00400020\":\"COMPLETED\"}", &worklist, "");
    }
    for (size_t i = 0; i < sizeof done / sizeof *done; i++) {
        (void)snprintf(sql, sizeof sql,
                       "update isthmus.worklist_order set status = '%s' "
                       "where accession_number = 'A2'",
                       done[i]);
        run_sql(made.db, sql);
        cr_assert_steps(made.db, "{}", "{}", &worklist, "S2 S4");
    }
}

Test(worklist_query, the_states_that_are_shown_can_be_chosen)
{
    static const char *const states[] = {"STARTED", "READY"};
    struct worklist_view view = {.states = states, .n_states = 2};
    struct query_options options = {.root = QUERY_WORKLIST, .view = &view};

    cr_assert_steps(made.db, "{}", "{}", &options, "S2 S4");
    view.n_states = 0;
    cr_assert_steps(made.db, "{}", "{}", &options, "");
}

Test(worklist_query, a_group_of_stations_stands_for_its_members)
{
    static const char *const members[] = {"CT1", "CT2"};
    static const struct station_group groups[] = {{"CT", members, 2}};
    struct worklist_view view = usual_view;
    struct query_options options = {.root = QUERY_WORKLIST, .view = &view};

    view.groups = groups;
    view.n_groups = 1;
    cr_assert_steps(made.db, "{}", "{\"00400001\":\"CT1\"}", &options, "S1 S2 S4");
    cr_assert_steps(made.db, "{}", "{\"00400001\":\"CT2\"}", &options, "S2 S4");
    cr_assert_steps(made.db, "{}", "{\"00400001\":\"CT\"}", &options, "S1 S2 S4");
    cr_assert_steps(made.db, "{}", "{\"00400001\":\"MR1\"}", &options, "S3");
}

Test(worklist_query, who_sees_only_its_own_stations_sees_no_other_whatever_it_asks)
{
    static const char *const members[] = {"CT1", "CT2"}, *const own[] = {"CT2", "MR1"};
    static const struct station_group groups[] = {{"CT", members, 2}};
    struct worklist_view view = usual_view;
    struct query_options options = {.root = QUERY_WORKLIST, .view = &view};

    view.own_stations = true;
    view.stations = own;
    view.n_stations = 1;
    cr_assert_steps(made.db, "{}", "{}", &options, "S2");
    cr_assert_steps(made.db, "{}", "{\"00400001\":\"CT1\"}", &options, "S2");
    cr_assert_steps(made.db, "{}", "{\"00400001\":\"MR1\"}", &options, "");
    view.n_stations = 2;
    cr_assert_steps(made.db, "{}", "{}", &options, "S2 S3");
    view.groups = groups;
    view.n_groups = 1;
    cr_assert_steps(made.db, "{}", "{}", &options, "S2 S3 S4");
}

/* --- Answers -------------------------------------------------------------------------------- */

static void cr_assert_answer_of(const json_t *identifier, const char *expected)
{
    json_t *all = answers(made.db, identifier, &worklist), *wanted = json_loads(expected, 0, NULL);
    char *text = json_dumps(all, JSON_SORT_KEYS);

    cr_assert_not_null(wanted);
    cr_assert(json_equal(all, wanted), "%s", text);
    free(text);
    json_decref(wanted);
    json_decref(all);
}

Test(worklist_query, answers_have_what_was_asked_for_and_nothing_else)
{
    json_t *identifier = make_worklist_identifier(
        "{\"00080050\":\"A3\",\"00080090\":\"\",\"00081110\":\"\",\"00100010\":\"\","
        "\"00100030\":\"\",\"00101030\":\"\",\"0020000D\":\"\"}",
        "{\"00080060\":\"\",\"00400001\":\"\",\"00400002\":\"\",\"00400003\":\"\","
        "\"00400006\":\"\",\"00400008\":\"\",\"00400010\":\"\"}");

    cr_assert_answer_of(
        identifier,
        "[{\"00080050\":{\"vr\":\"SH\",\"Value\":[\"A3\"]},\"00080090\":{\"vr\":\"PN\"},"
        "\"00081110\":{\"vr\":\"SQ\"},"
        "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Smith\"}]},"
        "\"00100030\":{\"vr\":\"DA\"},\"00101030\":{\"vr\":\"DS\"},"
        "\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.3\"]},"
        "\"00400100\":{\"vr\":\"SQ\",\"Value\":[{"
        "\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]},"
        "\"00400001\":{\"vr\":\"AE\",\"Value\":[\"CT\"]},"
        "\"00400002\":{\"vr\":\"DA\",\"Value\":[\"20260707\"]},"
        "\"00400003\":{\"vr\":\"TM\"},\"00400006\":{\"vr\":\"PN\"},"
        "\"00400008\":{\"vr\":\"SQ\"},\"00400009\":{\"vr\":\"SH\",\"Value\":[\"S4\"]},"
        "\"00400010\":{\"vr\":\"SH\"}}]}}]");
    json_decref(identifier);
}

Test(worklist_query, without_the_sequence_of_steps_none_is_answered)
{
    json_t *identifier = make_identifier(NULL, "{\"00080050\":\"A1\"}");

    cr_assert_answer_of(identifier, "[{\"00080050\":{\"vr\":\"SH\",\"Value\":[\"A1\"]}},"
                                    "{\"00080050\":{\"vr\":\"SH\",\"Value\":[\"A1\"]}}]");
    json_decref(identifier);
}

Test(worklist_query, a_sequence_without_attributes_asks_for_the_whole_step)
{
    static const char *const whole[] = {"{\"vr\":\"SQ\"}", "{\"vr\":\"SQ\",\"Value\":[{}]}"};

    for (size_t i = 0; i < 2; i++) {
        char keys[100];
        json_t *identifier;

        (void)snprintf(keys, sizeof keys, "{\"00401001\":\"RP2\",\"00400100\":%s}", whole[i]);
        identifier = make_identifier(NULL, keys);
        cr_assert_answer_of(identifier,
                            "[{\"00401001\":{\"vr\":\"SH\",\"Value\":[\"RP2\"]},"
                            "\"00400100\":{\"vr\":\"SQ\",\"Value\":[{"
                            "\"00080060\":{\"vr\":\"CS\",\"Value\":[\"MR\"]},"
                            "\"00321070\":{\"vr\":\"LO\"},"
                            "\"00400001\":{\"vr\":\"AE\",\"Value\":[\"MR1\"]},"
                            "\"00400002\":{\"vr\":\"DA\",\"Value\":[\"20260707\"]},"
                            "\"00400003\":{\"vr\":\"TM\",\"Value\":[\"183000.5\"]},"
                            "\"00400006\":{\"vr\":\"PN\"},"
                            "\"00400007\":{\"vr\":\"LO\",\"Value\":[\"Knee\"]},"
                            "\"00400008\":{\"vr\":\"SQ\"},"
                            "\"00400009\":{\"vr\":\"SH\",\"Value\":[\"S3\"]},"
                            "\"00400010\":{\"vr\":\"SH\"},"
                            "\"00400011\":{\"vr\":\"SH\",\"Value\":[\"Room 2\"]},"
                            "\"00400012\":{\"vr\":\"LO\"},"
                            "\"00400020\":{\"vr\":\"CS\",\"Value\":[\"ARRIVED\"]}}]}}]");
        json_decref(identifier);
    }
}

Test(worklist_query, what_does_not_fit_is_refused_and_named)
{
    static const struct {
        const char *order, *step;
        uint32_t tag;
    } rows[] = {
        {"{\"00100030\":\"yesterday\"}", "{}", 0x00100030},
        {"{}", "{\"00400002\":\"20260231\"}", 0x00400002},
        {"{}", "{\"00400003\":\"25\"}", 0x00400003},
        {"{\"0020000D\":\"1*\"}", "{}", 0x0020000D},
        {"{\"00101030\":\"heavy\"}", "{}", 0x00101030},
        {"{\"00321064\":{\"vr\":\"SQ\",\"Value\":[{},{}]}}", "{}", 0x00321064},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *identifier = make_worklist_identifier(rows[i].order, rows[i].step);
        struct query_problem problem = {0};
        struct query *q = NULL;

        cr_assert_eq(query_begin(made.db, identifier, &worklist, &q, &problem), -EBADMSG, "row %zu",
                     i);
        cr_assert_eq(problem.status, 0xA900);
        cr_assert_eq(problem.offending_tag, rows[i].tag, "row %zu: %08X", i, problem.offending_tag);
        json_decref(identifier);
    }
}

Test(worklist_query, the_sequence_of_steps_has_one_item)
{
    static const char *const bad[] = {"[{},{}]", "[\"S1\"]", "[7]"};

    for (size_t i = 0; i < 3; i++) {
        char keys[100];
        json_t *identifier;
        struct query_problem problem = {0};
        struct query *q = NULL;

        (void)snprintf(keys, sizeof keys, "{\"00400100\":{\"vr\":\"SQ\",\"Value\":%s}}", bad[i]);
        identifier = make_identifier(NULL, keys);
        cr_assert_eq(query_begin(made.db, identifier, &worklist, &q, &problem), -EBADMSG);
        cr_assert_eq(problem.offending_tag, 0x00400100);
        json_decref(identifier);
    }
}

Test(worklist_query, what_the_worklist_does_not_have_is_ignored_and_said)
{
    static const struct {
        const char *order, *step;
        bool unsupported;
    } rows[] = {
        {"{\"00080050\":\"\"}", "{}", false},
        {"{\"00080005\":\"ISO_IR 192\",\"00080201\":\"+0100\",\"00080000\":\"\"}", "{}", false},
        {"{\"00091001\":\"X\"}", "{}", true},
        {"{\"00080060\":\"MR\"}", "{}", true}, /* belongs into the item */
        {"{}", "{\"00100010\":\"X\"}", true},
        {"{\"0020000E\":\"1\"}", "{}", true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *identifier = make_worklist_identifier(rows[i].order, rows[i].step);
        struct query_problem problem;
        struct query *q;

        cr_assert_eq(query_begin(made.db, identifier, &worklist, &q, &problem), 0);
        cr_assert_eq(query_has_unsupported(q), rows[i].unsupported, "row %zu", i);
        query_end(q);
        json_decref(identifier);
        cr_assert_steps(made.db, rows[i].order, rows[i].step, &worklist, "S1 S2 S3 S4");
    }
}

/* --- Why ------------------------------------------------------------------------------------ */

/* "step: what does not fit …; …" of the steps of order A1. */
static const char *reasons(const char *step_keys, const struct query_options *options)
{
    static char text[1000];
    json_t *identifier = make_worklist_identifier("{}", step_keys), *steps = NULL, *step, *value;
    struct query_problem problem;
    const char *name;
    size_t i, at = 0;
    int r = query_why(made.db, identifier, options, "A1", &steps, &problem);

    cr_assert_eq(r, 0, "%d %s", r, db_problem(made.db));
    text[0] = '\0';
    json_array_foreach (steps, i, step) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s:", i ? "; " : "",
                               json_string_value(json_object_get(step, "step")));
        json_object_foreach (json_object_get(step, "rules"), name, value)
            if (!json_is_true(value))
                at += (size_t)snprintf(text + at, sizeof text - at, " %s", name);
        json_object_foreach (json_object_get(step, "keys"), name, value)
            if (!json_is_true(value))
                at += (size_t)snprintf(text + at, sizeof text - at, " %s", name);
    }
    json_decref(steps);
    json_decref(identifier);
    return text;
}

Test(worklist_query, each_condition_of_a_query_tells_whether_it_is_met)
{
    static const char *const own[] = {"CT2"};
    struct worklist_view view = usual_view;
    struct query_options options = {.root = QUERY_WORKLIST, .view = &view};

    cr_assert_str_eq(reasons("{}", &options), "S1:; S2:");
    cr_assert_str_eq(reasons("{\"00400001\":\"CT2\"}", &options), "S1: 00400001; S2:");
    cr_assert_str_eq(reasons("{\"00400002\":\"20260705\",\"00400011\":\"Room 1\"}", &options),
                     "S1:; S2: 00400002 00400011");
    view.own_stations = true;
    view.stations = own;
    view.n_stations = 1;
    cr_assert_str_eq(reasons("{}", &options), "S1: station; S2:");
    run_sql(made.db, "update isthmus.worklist_step set status = 'COMPLETED' "
                     "where scheduled_procedure_step_id = 'S2'");
    cr_assert_str_eq(reasons("{}", &options), "S1: station; S2: state");
    run_sql(made.db, "update isthmus.worklist_order set status = 'revoked'");
    cr_assert_str_eq(reasons("{}", &options), "S1: order station; S2: order state");
}
