/* Orders of a server: which they are, which version is the newest, and when they are gone. */
#include "tests/db/worklist_order.h"

TestSuite(worklist_source, .init = open_database, .fini = close_database, .timeout = 600);

Test(worklist_source, orders_of_a_server_are_known_by_their_reference)
{
    const char *first =
        ", \"source_url\": \"http://f\", \"source_reference\": \"ServiceRequest/1\"";
    const char *other =
        ", \"source_url\": \"http://f\", \"source_reference\": \"ServiceRequest/2\"";

    cr_assert_str_eq(put(order_of(ACCESSION("A1"), "", "")), "created");
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), "", first)), "updated", "the server adopts it");
    cr_assert_str_eq(put(order_of(ACCESSION("A2"), "", first)), "updated", "a corrected number");
    cr_assert_str_eq(put(order_of(ACCESSION("A2"), "", other)), "created",
                     "two requests under one accession number");
    cr_assert_answer(d.db,
                     "select count(*) || ' ' || count(distinct (accession_number, "
                     "requested_procedure_id)) from isthmus.worklist_order",
                     "2 2");
}

#define AT_SERVER(version, updated)                                                                \
    ", \"source_url\": \"http://f\", \"source_reference\": \"ServiceRequest/1\", "                 \
    "\"source_version\": \"" version "\", \"source_updated_at\": \"" updated "\""

Test(worklist_source, an_older_version_of_its_server_changes_nothing)
{
    static const struct {
        const char *server, *result;
    } rows[] = {
        {AT_SERVER("2", "2026-01-02T10:00:00Z"), "updated"},
        {AT_SERVER("1", "2026-01-02T09:00:00Z"), "unchanged"},
        {AT_SERVER("x", "2026-01-02T09:59:59Z"), "unchanged"},
        {AT_SERVER("1", "2026-01-02T10:00:00Z"), "unchanged"},
        {AT_SERVER("3", "2026-01-02T08:00:00Z"), "updated"}, /* the clock was set back */
        {AT_SERVER("1", "2026-01-02T07:00:00Z") ", \"current\": true", "updated"},
        {AT_SERVER("1", "2026-01-02T11:00:00Z"), "updated"}, /* another server there */
        {", \"source_url\": \"http://f\", \"source_reference\": \"ServiceRequest/1\"", "updated"},
    };

    cr_assert_str_eq(put(order_of(ACCESSION("A1"), "", AT_SERVER("1", "2026-01-02T09:00:00Z"))),
                     "created");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char reason[80];

        (void)snprintf(reason, sizeof reason, ATTRIBUTE("00401002", "LO", "reason %zu"), i);
        cr_assert_str_eq(put(order_of(reason, "", rows[i].server)), rows[i].result, "row %zu", i);
    }
}

Test(worklist_source, an_older_version_is_known_by_that_which_changed_nothing)
{
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), "", AT_SERVER("1", "2026-01-02T09:00:00Z"))),
                     "created");
    cr_assert_str_eq(put(order_of(ACCESSION("A1"), "", AT_SERVER("3", "2026-01-02T11:00:00Z"))),
                     "unchanged", "there and back");
    cr_assert_str_eq(put(order_of(ACCESSION("A2"), "", AT_SERVER("2", "2026-01-02T10:00:00Z"))),
                     "unchanged");
    cr_assert_answer(d.db, "select accession_number from isthmus.worklist", "A1");
}

Test(worklist_source, an_order_that_its_server_has_no_more_is_revoked_until_it_is_back)
{
    json_t *order = order_of(ACCESSION("A1"), "", AT_SERVER("1", "2026-01-02T09:00:00Z"));

    cr_assert_str_eq(put(json_incref(order)), "created");
    cr_assert_answer(d.db,
                     "select isthmus.worklist_gone('http://g', 'ServiceRequest/1', 'gone'), "
                     "isthmus.worklist_gone('http://f', 'ServiceRequest/1', 'gone'), "
                     "isthmus.worklist_gone('http://f', 'ServiceRequest/1', 'gone')",
                     "f");
    cr_assert_answer(d.db,
                     "select concat_ws(' ', o.status, o.status_reason, w.step_status) from "
                     "isthmus.worklist_order o join isthmus.worklist w using (order_key)",
                     "revoked gone CANCELED");
    cr_assert_str_eq(put(order), "updated");
    cr_assert_answer(d.db,
                     "select concat_ws(' ', o.status, o.status_reason, w.step_status) from "
                     "isthmus.worklist_order o join isthmus.worklist w using (order_key)",
                     "active SCHEDULED");
}

Test(worklist_source, a_step_goes_with_the_appointment_that_its_server_has_no_more)
{
    const char *more = AT_SERVER(
        "1", "2026-01-02T09:00:00Z") ", \"step_references\": {\"a1\": \"Appointment/a1\"}";
    json_t *order = order_of(ACCESSION("A1"), ATTRIBUTE("00400009", "SH", "a1"), more);

    cr_assert_str_eq(put(json_incref(order)), "created");
    run_sql(d.db, "select isthmus.worklist_step_gone('http://g', 'Appointment/a1')");
    cr_assert_answer(d.db, "select step_status from isthmus.worklist", "SCHEDULED");
    run_sql(d.db, "select isthmus.worklist_step_gone('http://f', 'Appointment/a1')");
    cr_assert_answer(d.db, "select order_status || ' ' || step_status from isthmus.worklist",
                     "active CANCELED");
    cr_assert_str_eq(put(order), "updated");
    cr_assert_answer(d.db, "select step_status from isthmus.worklist", "SCHEDULED");
}

Test(worklist_source, an_order_that_is_over_leaves_whatever_its_faults)
{
    const char *faulty = "{\"attributes\": {}, \"status\": \"%s\"%s}";
    const char *server = AT_SERVER("2", "2026-01-02T10:00:00Z");
    static const struct {
        const char *status, *reference, *result;
    } rows[] = {
        {"active", NULL, "Patient ID (0010,0020) is missing"},
        {"revoked", ", \"source_url\": \"http://f\", \"source_reference\": \"ServiceRequest/2\"",
         "ignored"},
        {"revoked", "", "Patient ID (0010,0020) is missing"},
        {"revoked", AT_SERVER("0", "2026-01-01T10:00:00Z"), "unchanged"},
        {"revoked", NULL, "updated"},
        {"revoked", NULL, "unchanged"},
    };

    cr_assert_str_eq(put(order_of(ACCESSION("A1"), "", AT_SERVER("1", "2026-01-02T09:00:00Z"))),
                     "created");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[400];

        (void)snprintf(text, sizeof text, faulty, rows[i].status,
                       rows[i].reference ? rows[i].reference : server);
        cr_assert_str_eq(put(json_loads(text, 0, NULL)), rows[i].result, "row %zu", i);
    }
    cr_assert_answer(d.db, "select order_status || ' ' || step_status from isthmus.worklist",
                     "revoked CANCELED");
}
