/* What the orders of a study, and people, make of its ImagingStudy. */
#include "tests/unit/fhir/study_text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define HERE "http://fhir.example/r"
#define IMAGE                                                                                      \
    "\"0020000D\":\"1.2.3\",\"0020000E\":\"1.2.3.1\",\"00080018\":\"1.2.3.1.1\","                  \
    "\"00080016\":\"1.2.840.10008.5.1.4.1.1.2\",\"00100020\":\"7001\",\"00080060\":\"CT\""
#define ACCESSION "\"00080050\":\"A1\""
#define ACSN                                                                                       \
    "{\"type\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/v2-0203\","        \
    "\"code\":\"ACSN\",\"display\":\"Accession ID\"}]},"                                           \
    "\"system\":\"http://hospital.example/accession\",\"value\":\"A1\"}"
#define ORDER                                                                                      \
    "{\"url\":\"" HERE "\",\"reference\":\"ServiceRequest/9\",\"encounter\":\"Encounter/4\","      \
    "\"accession\":\"A1\",\"attributes\":{" ACCESSION ",\"00402017\":\"F7\","                      \
    "\"00321060\":\"CT Schädel\",\"00321064\":[{\"00080100\":\"CTH\",\"00080102\":\"99X\","       \
    "\"00080104\":\"CT head\"}],\"00401002\":\"Headache\",\"00080090\":\"Doe^Ann\"}}"
#define BASED_ON_9                                                                                 \
    "[{\"reference\":\"ServiceRequest/9\",\"type\":\"ServiceRequest\",\"identifier\":" ACSN        \
    ",\"display\":\"CT head\"}]"
#define FILLED                                                                                     \
    "\"encounter\":{\"reference\":\"Encounter/4\",\"type\":\"Encounter\"},"                        \
    "\"description\":\"CT Schädel\","                                                             \
    "\"referrer\":{\"reference\":\"#referrer\",\"type\":\"Practitioner\",\"display\":\"Ann Doe\"}"
#define PROCEDURE "{\"coding\":[{\"code\":\"CTH\",\"display\":\"CT head\"}],\"text\":\"CT head\"}"

/* What the publisher knows: the members of struct study by name. */
static const struct {
    const char *what, *images, *study, *expected_r5, *expected_r4;
} rows[] = {
    {"an order of this server fills what the images lack", "[{" IMAGE "," ACCESSION "}]",
     "{\"orders\":[" ORDER "],\"state\":\"matched\"}",
     "{\"meta\":null,\"basedOn\":" BASED_ON_9 "," FILLED ",\"procedure\":[{\"concept\":" PROCEDURE
     "}],\"reason\":[{\"concept\":{\"text\":\"Headache\"}}],"
     "\"requests\":0}",
     "{\"meta\":null,\"basedOn\":" BASED_ON_9 "," FILLED ",\"procedureCode\":[" PROCEDURE
     "],\"reasonCode\":[{\"text\":\"Headache\"}],\"requests\":0}"},
    {"what the images have stays",
     "[{" IMAGE "," ACCESSION ",\"00081030\":\"Kopf\",\"00080090\":\"Roe^Rich\","
     "\"00401002\":\"Fall\"}]",
     "{\"orders\":[" ORDER "]}",
     "{\"basedOn\":" BASED_ON_9 ",\"description\":\"Kopf\","
     "\"reason\":[{\"concept\":{\"text\":\"Fall\"}}],"
     "\"referrer\":{\"reference\":\"#referrer\",\"type\":\"Practitioner\",\"display\":\"Rich "
     "Roe\"}}",
     NULL},
    {"an order that was found by UID is referred to too", "[{" IMAGE "}]",
     "{\"orders\":[" ORDER "]}", "{\"basedOn\":" BASED_ON_9 "}", "{\"basedOn\":" BASED_ON_9 "}"},
    {"an order of another server is found by its number", "[{" IMAGE "," ACCESSION "}]",
     "{\"orders\":[{\"url\":\"http://other.example\",\"reference\":\"ServiceRequest/9\","
     "\"encounter\":\"Encounter/4\",\"accession\":\"A1\",\"attributes\":{" ACCESSION
     ",\"00321060\":\"CT Schädel\"}}]}",
     "{\"encounter\":null,\"requests\":1,\"basedOn\":[{\"reference\":"
     "\"urn:uuid:979f0bd3-3b33-5add-8176-631c2c1f55f4\",\"type\":\"ServiceRequest\","
     "\"identifier\":" ACSN ",\"display\":\"CT Schädel\"}]}",
     NULL},
    {"several procedures of one accession number are several orders", "[{" IMAGE "," ACCESSION "}]",
     "{\"orders\":[" ORDER ",{\"url\":\"" HERE "\",\"reference\":\"ServiceRequest/10\","
     "\"accession\":\"A1\",\"attributes\":{" ACCESSION "}}]}",
     "{\"basedOn\":[{\"reference\":\"ServiceRequest/9\",\"type\":\"ServiceRequest\","
     "\"identifier\":" ACSN ",\"display\":\"CT head\"},{\"reference\":\"ServiceRequest/10\","
     "\"type\":\"ServiceRequest\",\"identifier\":" ACSN "}]}",
     NULL},
    {"an order of another patient is not referred to", "[{" IMAGE "," ACCESSION "}]",
     "{\"state\":\"patient differs\",\"open\":true,\"strange\":[\"A1\"]}",
     "{\"basedOn\":null,\"requests\":0,\"meta\":{\"tag\":[{\"system\":\"urn:isthmus:order-state\","
     "\"code\":\"patient-differs\",\"display\":\"Patient differs\"}]},"
     "\"identifier\":[{\"system\":\"urn:dicom:uid\",\"value\":\"urn:oid:1.2.3\"}," ACSN "]}",
     "{\"basedOn\":null,\"requests\":0,\"identifier\":[{\"system\":\"urn:dicom:uid\","
     "\"value\":\"urn:oid:1.2.3\"}," ACSN "]}"},
    {"an accepted state has no tag", "[{" IMAGE "," ACCESSION "}]",
     "{\"state\":\"unknown accession number\"}", "{\"meta\":null,\"requests\":1}",
     "{\"meta\":null,\"requests\":1}"},
    {"the order that a person chose replaces what the images say",
     "[{" IMAGE ",\"00080050\":\"A9\",\"00402016\":\"P9\"}]",
     "{\"orders\":[" ORDER "],\"replaced\":true}", "{\"basedOn\":" BASED_ON_9 "}",
     "{\"basedOn\":" BASED_ON_9
     ",\"identifier\":[{\"system\":\"urn:dicom:uid\",\"value\":\"urn:oid:1.2.3\"}," ACSN "]}"},
    {"a corrected number without an order is the only request",
     "[{" IMAGE "," ACCESSION ",\"00402016\":\"P9\",\"00400275\":[{\"00080050\":\"A9\"}]}]",
     "{\"replaced\":true}",
     "{\"requests\":1,\"basedOn\":[{\"reference\":"
     "\"urn:uuid:979f0bd3-3b33-5add-8176-631c2c1f55f4\",\"type\":\"ServiceRequest\","
     "\"identifier\":" ACSN "}]}",
     NULL},
    {"an unlinked study refers to nothing", "[{" IMAGE "," ACCESSION ",\"00402016\":\"P9\"}]",
     "{\"replaced\":true,\"withheld\":true}",
     "{\"basedOn\":null,\"requests\":0,\"identifier\":[{\"system\":\"urn:dicom:uid\","
     "\"value\":\"urn:oid:1.2.3\"}," ACSN "]}",
     NULL},
};

static char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text ? strdup(text) : NULL;
}

static struct study *study_of(const char *images, const char *description, json_t **ret_root)
{
    struct study *s = study_from_text(images);
    json_t *root = json_loads(description, 0, NULL), *order;
    size_t i;

    cr_assert(root, "%s", description);
    s->order_state = text_of(root, "state");
    s->order_open = json_is_true(json_object_get(root, "open"));
    s->request_replaced = json_is_true(json_object_get(root, "replaced"));
    s->request_withheld = json_is_true(json_object_get(root, "withheld"));
    s->strange_accessions = json_object_get(root, "strange");
    s->orders = calloc(4, sizeof *s->orders);
    json_array_foreach (json_object_get(root, "orders"), i, order)
        s->orders[s->n_orders++] = (struct study_order){
            .source_url = text_of(order, "url"),
            .source_reference = text_of(order, "reference"),
            .encounter_reference = text_of(order, "encounter"),
            .accession_number = text_of(order, "accession"),
            .attributes = study_add_document(s, json_object_get(order, "attributes")),
        };
    *ret_root = root;
    return s;
}

static void free_all(struct study *s, json_t *root)
{
    for (size_t i = 0; i < s->n_orders; i++) {
        free(s->orders[i].source_url);
        free(s->orders[i].source_reference);
        free(s->orders[i].encounter_reference);
        free(s->orders[i].accession_number);
    }
    free(s->orders);
    free(s->order_state);
    study_text_free(s);
    json_decref(root);
}

static json_int_t count_requests(const json_t *bundle)
{
    json_int_t n = 0;
    const json_t *entry;
    size_t i;

    json_array_foreach (json_object_get(bundle, "entry"), i, entry)
        n += strcmp(json_string_value(
                        json_object_get(json_object_get(entry, "resource"), "resourceType")),
                    "ServiceRequest") == 0;
    return n;
}

/* The elements of the ImagingStudy that @expected names, null: absent; "requests": how many
 * ServiceRequests are written. */
static void check(const json_t *bundle, const char *expected, const char *what)
{
    const json_t *study = bundle_resource(bundle, "ImagingStudy");
    json_t *elements = json_loads(expected, 0, NULL), *value;
    const char *key;

    cr_assert(elements, "%s: %s", what, expected);
    json_object_foreach (elements, key, value) {
        char *text = json_dumps(value, JSON_ENCODE_ANY);

        if (strcmp(key, "requests") == 0)
            cr_assert_eq(count_requests(bundle), json_integer_value(value), "%s", what);
        else
            assert_json(json_object_get(study, key), text, what);
        free(text);
    }
    json_decref(elements);
}

Test(study_order, the_imaging_study_follows_the_order_of_the_study)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int release = RELEASE_R5; release <= RELEASE_R4; release++) {
            const char *expected =
                release == RELEASE_R5 ? rows[i].expected_r5 : rows[i].expected_r4;
            struct mapping m = mapping_for_tests((enum release)release);
            json_t *root, *bundle = NULL;
            struct study *s = study_of(rows[i].images, rows[i].study, &root);

            m.server_url = HERE;
            m.order_state_system = "urn:isthmus:order-state";
            cr_assert_eq(bundle_build(&m, s, FORM_FULL, &bundle), 0);
            if (expected)
                check(bundle, expected, rows[i].what);
            json_decref(bundle);
            free_all(s, root);
        }
}
