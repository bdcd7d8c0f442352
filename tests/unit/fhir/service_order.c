#include "fhir/service_order.h"
#include "fhir/node.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const stations[] = {"CT=CT7", "CT=CT8"};
static const char *const modalities[] = {"X99=MR"};
static const char *const issuers[] = {"RIS1=http://ris.example", "1.2.3=http://oid.example"};
static const struct order_rules rules = {
    .mapping = {.systems = {[KIND_PATIENT] = "http://h/mrn", [KIND_ACCESSION] = "http://h/acc"},
                .issuers = {issuers, 2},
                .zone = "Europe/Berlin",
                .patient_type = "MR"},
    .stations = {stations, 2},
    .modalities = {modalities, 1},
    .station_system = "urn:dicom:ae-title"};

#define PATIENT                                                                                    \
    "{'resourceType': 'Patient', 'id': 'p', 'identifier': [{'system': 'http://h/mrn', 'value': "   \
    "'4711'}], 'name': [{'family': 'Doe', 'given': ['Jane', 'Q']}], 'birthDate': '1970-02-03', "   \
    "'gender': 'female'}"
#define CT                                                                                         \
    "'code': {'coding': [{'system': 'http://dicom.nema.org/resources/ontology/DCM', 'code': "      \
    "'CT'}], 'text': 'CT of the head'}, "
#define REQUEST(more)                                                                              \
    "{'resourceType': 'ServiceRequest', 'id': 'r', 'status': 'active', 'intent': 'order', " more   \
    "'authoredOn': '2026-01-02T23:30:00Z', 'subject': {'reference': 'Patient/p'}}"

/* JSON with ' for ". */
static json_t *parse(const char *text)
{
    char *copy = strdup(text);
    json_t *root;
    json_error_t error;

    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    root = json_loads(copy, JSON_ALLOW_NUL, &error);
    cr_assert_not_null(root, "%s: %s", error.text, copy);
    free(copy);
    return root;
}

static int read_order(const char *resources, json_t **ret)
{
    _cleanup_json_ json_t *root = parse(resources);
    struct pool *pool = pool_new("http://f/fhir", NULL, NULL);
    const json_t *requests;
    int r = -ESRCH;

    pool_add_all(pool, root);
    requests = pool_requests(pool);
    *ret = NULL;
    if (json_object_size(requests) == 1)
        r = service_order_read(&rules, pool,
                               json_object_iter_value(json_object_iter((json_t *)requests)),
                               "http://f/fhir", ret);
    pool_free(pool);
    return r;
}

/* The value at "00100020" or "00400100/00400001"; names as alphabetic=…; several with \. */
static void value_at(const json_t *order, const char *path, char ret[400])
{
    const json_t *item = json_object_get(order, "attributes"), *value;
    char tag[9];
    size_t i;

    for (; strlen(path) > 8; path += 9) {
        (void)snprintf(tag, sizeof tag, "%s", path);
        item = json_array_get(json_object_get(json_object_get(item, tag), "Value"), 0);
    }
    ret[0] = '\0';
    json_array_foreach (json_object_get(json_object_get(item, path), "Value"), i, value) {
        size_t n = strlen(ret);
        char number[32];

        (void)snprintf(number, sizeof number, "%lld", json_integer_value(value));
        (void)snprintf(ret + n, 400 - n, "%s%s", i ? "\\" : "",
                       json_is_string(value)                ? json_string_value(value)
                       : json_is_integer(value)             ? number
                       : node_get_text(value, "Alphabetic") ? node_get_text(value, "Alphabetic")
                                                            : "?");
    }
}

struct row {
    const char *resources, *path, *value;
};

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_t *order;
        char value[400];
        int r = read_order(rows[i].resources, &order);

        cr_assert_eq(r, 0, "row %zu: %d %s", i, r,
                     r == -EBADMSG ? json_string_value(json_array_get(order, 0)) : "");
        value_at(order, rows[i].path, value);
        cr_assert_str_eq(value, rows[i].value, "row %zu", i);
        json_decref(order);
    }
}

#define CHECK_ROWS(rows) check_rows((rows), sizeof(rows) / sizeof *(rows))
#define WITH(request, other) "[" request ", " PATIENT ", " other "]"
#define IDENTIFIER(system, value, code)                                                            \
    "'identifier': [{'system': '" system "', 'value': '" value                                     \
    "', 'type': {'coding': [{'code': '" code "'}]}}], "

Test(service_order, values_stand_where_a_worklist_item_has_them)
{
    static const struct row rows[] = {
        {"[" REQUEST(CT) ", " PATIENT "]", "00100020", "4711"},
        {"[" REQUEST(CT) ", " PATIENT "]", "00100010", "Doe^Jane^Q"},
        {"[" REQUEST(CT) ", " PATIENT "]", "00100030", "19700203"},
        {"[" REQUEST(CT) ", " PATIENT "]", "00100040", "F"},
        {"[" REQUEST(CT) ", " PATIENT "]", "00321060", "CT of the head"},
        {"[" REQUEST(CT) ", " PATIENT "]", "00321064/00080102", "DCM"},
        {"[" REQUEST(CT) ", " PATIENT "]", "00400100/00080060", "CT"},
        {"[" REQUEST(CT) ", " PATIENT "]", "00400100/00400001", "CT7\\CT8"},
        {"[" REQUEST(CT) ", " PATIENT "]", "00400100/00400002", "20260103"},
        {"[" REQUEST(CT) ", " PATIENT "]", "00400100/00400003", "003000"},
        {"[" REQUEST("'code': {'concept': {'text': 'MR knee'}}, ") ", " PATIENT "]",
         "00400100/00080060", "MR"},
        {"[" REQUEST("'code': {'concept': {'coding': [{'code': 'X99'}]}}, ") ", " PATIENT "]",
         "00400100/00080060", "MR"},
        {"[" REQUEST(CT "'orderDetail': [{'parameter': [{'valueCodeableConcept': {'coding': "
                        "[{'system': 'http://dicom.nema.org/resources/ontology/DCM', 'code': "
                        "'US'}]}}]}], ") ", " PATIENT "]",
         "00400100/00080060", "US"},
        {"[" REQUEST(CT IDENTIFIER("http://h/acc", "A1", "ACSN")) ", " PATIENT "]", "00080050",
         "A1"},
        {"[" REQUEST(CT IDENTIFIER("http://h/acc", "A1", "")) ", " PATIENT "]", "00080050", "A1"},
        {"[" REQUEST(CT IDENTIFIER("http://h/acc", "A1", "ACSN")) ", " PATIENT "]",
         "00080051/00400031", ""},
        {"[" REQUEST(CT IDENTIFIER("http://ris.example", "A1", "ACSN")) ", " PATIENT "]",
         "00080051/00400031", "RIS1"},
        {"[" REQUEST(CT IDENTIFIER("http://oid.example", "A1", "ACSN")) ", " PATIENT "]",
         "00080051/00400032", "1.2.3"},
        {"[" REQUEST(CT IDENTIFIER("urn:oid:1.9", "P1", "PLAC")) ", " PATIENT "]",
         "00400026/00400033", "ISO"},
        {"[" REQUEST(CT IDENTIFIER("x", "P1", "PLAC")) ", " PATIENT "]", "00402016", "P1"},
        {"[" REQUEST(CT IDENTIFIER("x", "F1", "FILL")) ", " PATIENT "]", "00402017", "F1"},
        {"[" REQUEST(CT IDENTIFIER("urn:dicom:uid", "urn:oid:1.2.3", "")) ", " PATIENT "]",
         "0020000D", "1.2.3"},
        {"[" REQUEST(CT "'reason': [{'concept': {'text': 'Pain'}}], ") ", " PATIENT "]", "00401002",
         "Pain"},
        {"[" REQUEST(CT "'reasonCode': [{'text': 'Pain'}], ") ", " PATIENT "]", "00401002", "Pain"},
        {"[" REQUEST(CT "'priority': 'urgent', ") ", " PATIENT "]", "00401003", "HIGH"},
        {"[" REQUEST(CT "'requester': {'display': 'Dr. Who'}, ") ", " PATIENT "]", "00321032",
         "Dr. Who"},
        {"[" REQUEST(CT "'occurrenceDateTime': '2026-07-01T10:00:00+02:00', ") ", " PATIENT "]",
         "00400100/00400003", "100000"},
        {"[" REQUEST(CT "'occurrenceDateTime': '2026-07-01', ") ", " PATIENT "]",
         "00400100/00400003", ""},
    };

    CHECK_ROWS(rows);
}

#define APPOINTMENT(more)                                                                          \
    "{'resourceType': 'Appointment', 'id': 'a', 'status': 'booked', 'start': "                     \
    "'2026-03-01T08:00:00Z', 'basedOn': [{'reference': 'http://f/fhir/ServiceRequest/r'}]" more    \
    "}"
#define DEVICE(more)                                                                               \
    "{'resourceType': 'Device', 'id': 'd', 'identifier': [{'system': 'urn:dicom:ae-title', "       \
    "'value': 'CT1'}]" more "}"
#define TASK                                                                                       \
    "{'resourceType': 'Task', 'id': 't', 'status': 'in-progress', 'basedOn': [{'reference': "      \
    "'ServiceRequest/r'}], 'executionPeriod': {'start': '2026-03-02T08:00:00+01:00'}, 'owner': "   \
    "{'reference': 'Device/d'}}"
#define WHERE ", 'participant': [{'actor': {'reference': 'Device/d'}}]"
#define WEIGHT(id, time, value, unit)                                                              \
    "{'resourceType': 'Observation', 'id': '" id "', 'subject': {'reference': 'Patient/p'}, "      \
    "'effectiveDateTime': '" time "', 'code': {'coding': [{'code': '29463-7'}]}, "                 \
    "'valueQuantity': {'value': " value ", 'code': '" unit "'}}"

Test(service_order, what_belongs_to_it_says_when_where_and_who)
{
    static const struct row rows[] = {
        {WITH(REQUEST(CT), APPOINTMENT("")), "00400100/00400009", "a"},
        {WITH(REQUEST(CT), APPOINTMENT("")), "00400100/00400003", "090000"},
        {WITH(REQUEST(CT), APPOINTMENT("")), "00400100/00400020", "SCHEDULED"},
        {WITH(REQUEST(CT), APPOINTMENT(WHERE) ", " DEVICE("")), "00400100/00400001", "CT1"},
        {WITH(REQUEST(""),
              APPOINTMENT(WHERE) ", " DEVICE(", 'type': [{'coding': [{'system': "
                                             "'http://dicom.nema.org/resources/ontology/DCM', "
                                             "'code': 'NM'}]}]")),
         "00400100/00080060", "NM"},
        {WITH(REQUEST(CT), APPOINTMENT(WHERE) ", " DEVICE(", 'name': [{'value': 'Scan 1'}]")),
         "00400100/00400010", "Scan 1"},
        {WITH(REQUEST(CT), APPOINTMENT(WHERE) ", " DEVICE(", 'deviceName': [{'name': 'Scan 1'}]")),
         "00400100/00400010", "Scan 1"},
        {WITH(REQUEST(CT), TASK ", " DEVICE("")), "00400100/00400020", "STARTED"},
        {WITH(REQUEST(CT), TASK ", " DEVICE("")), "00400100/00400003", "080000"},
        {WITH(REQUEST(CT), TASK ", " DEVICE("")), "00400100/00400001", "CT1"},
        {WITH(REQUEST(CT), WEIGHT("1", "2026", "70.5", "kg") ", " WEIGHT("2", "2025", "9", "kg")),
         "00101030", "70.5"},
        {WITH(REQUEST(CT), WEIGHT("1", "2026", "3200", "g")), "00101030", "3.2"},
        {WITH(REQUEST(CT), WEIGHT("1", "2026", "-1", "kg")), "00101030", ""},
        {WITH(REQUEST(CT),
              "{'resourceType': 'AllergyIntolerance', 'id': 'x', 'patient': {'reference': "
              "'Patient/p'}, 'code': {'text': 'Iodine\\\\x'}}"),
         "00102110", "Iodine x"},
        {WITH(REQUEST(CT),
              "{'resourceType': 'Observation', 'id': 'x', 'subject': {'reference': 'Patient/p'}, "
              "'code': {'coding': [{'code': '82810-3'}]}, 'valueCodeableConcept': {'coding': "
              "[{'code': '77386006'}]}}"),
         "001021C0", "4"},
        {WITH(REQUEST(CT "'encounter': {'reference': 'Encounter/e'}, "),
              "{'resourceType': 'Encounter', 'id': 'e', 'identifier': [{'value': 'V1'}]}"),
         "00380010", "V1"},
    };

    CHECK_ROWS(rows);
}

Test(service_order, an_order_says_where_it_comes_from)
{
    json_t *order;

    cr_assert_eq(
        read_order("[" REQUEST(CT "'meta': {'versionId': '3'}, ") ", " PATIENT "]", &order), 0);
    cr_assert_str_eq(node_get_text(order, "source_url"), "http://f/fhir");
    cr_assert_str_eq(node_get_text(order, "source_reference"), "ServiceRequest/r");
    cr_assert_str_eq(node_get_text(order, "source_version"), "3");
    cr_assert_str_eq(node_get_text(order, "patient_reference"), "Patient/p");
    cr_assert_str_eq(node_get_text(order, "status"), "active");
    cr_assert(json_is_true(json_object_get(order, "all_steps")));
    json_decref(order);
}

Test(service_order, groups_of_a_name_go_where_they_belong)
{
    json_t *order;
    const json_t *name;

    cr_assert_eq(
        read_order(
            "[" REQUEST(
                CT) ", {'resourceType': 'Patient', 'id': 'p', 'name': ["
                    "{'use': 'old', 'family': 'Before'}, {'family': '山田', 'given': ['太郎'], "
                    "'extension': [{'url': "
                    "'http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation', "
                    "'valueCode': 'IDE'}]}, {'text': 'a^b=c'}]}]",
            &order),
        0);
    name = json_array_get(
        json_object_get(json_object_get(json_object_get(order, "attributes"), "00100010"), "Value"),
        0);
    cr_assert_str_eq(node_get_text(name, "Ideographic"), "山田^太郎");
    cr_assert_str_eq(node_get_text(name, "Alphabetic"), "a b c");
    json_decref(order);
}

Test(service_order, every_fault_is_a_sentence)
{
    static const struct {
        const char *resources;
        size_t n;
        const char *first;
    } rows[] = {
        {"[" REQUEST(CT) "]", 1, "the Patient that subject names is missing"},
        {"[{'resourceType': 'ServiceRequest', 'id': 'r', " CT "'status': 'active'}]", 1,
         "subject is missing"},
        {"[" REQUEST(CT "'identifier': {}, ") ", " PATIENT "]", 1, "identifier is not an array"},
        {"[" REQUEST(CT "'identifier': [7], 'requester': 'x', 'priority': {}, ") ", " PATIENT "]",
         3, "an element of an array is not an object"},
        {"[" REQUEST(CT "'priority': 'a\\u0000b', ") ", " PATIENT "]", 1,
         "priority holds a NUL character"},
        {"[" REQUEST(CT "'occurrenceDateTime': '2026-02-31', ") ", " PATIENT "]", 1,
         "a time of the schedule is not a dateTime"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *faults;

        cr_assert_eq(read_order(rows[i].resources, &faults), -EBADMSG, "row %zu", i);
        cr_assert_eq(json_array_size(faults), rows[i].n, "row %zu", i);
        cr_assert_str_eq(json_string_value(json_array_get(faults, 0)), rows[i].first, "row %zu", i);
        json_decref(faults);
    }
}

Test(service_order, what_is_no_order_for_imaging_is_left_out)
{
    static const char *const rows[] = {
        "[" REQUEST("'code': {'text': 'Blood count'}, ") ", " PATIENT "]",
        "[{'resourceType': 'ServiceRequest', 'id': 'r', 'intent': 'plan', " CT
        "'status': 'active'}]",
    };
    json_t *order;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(read_order(rows[i], &order), -ENOENT, "row %zu", i);
}

Test(service_order, nonsense_is_no_resource)
{
    static const char *const rows[] = {"[]", "[7, [], {}]", "{'resourceType': 7}",
                                       "{'resourceType': 'Bundle', 'entry': 7}",
                                       "{'resourceType': 'Bundle', 'entry': [7, {'resource': 7}]}"};
    json_t *order;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(read_order(rows[i], &order), -ESRCH, "row %zu", i);
}
