#include "fhir/patient.h"
#include "fhir/coding.h"
#include "fhir/human_name.h"
#include "fhir/memory.h"
#include "fhir/when.h"
#include "store/base/cleanup.h"

#include <ctype.h>
#include <string.h>

#define BIRTH_TIME "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
#define US_CORE_ETHNICITY "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity"
#define OMB_ETHNICITY "urn:oid:2.16.840.1.113883.6.238"
#define NULL_FLAVOR "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"

#define ASK_PATIENT(b, a, ret, ...)                                                                \
    build_ask_patient((b), (a), (const char *const[]){__VA_ARGS__, NULL}, (ret))

static const char *first_text(const struct build *b, const char *tag)
{
    struct asking a = ask_study(b->scope);
    struct dataset d;

    return ASK_PATIENT(b, &a, &d, tag) ? dataset_text(&d, tag) : NULL;
}

static void find_subject(struct build *b)
{
    struct asking a = ask_study(b->scope);
    struct dataset d;

    b->one_patient = true;
    if (!ASK_NEXT(&a, &d, PatientID))
        return;
    b->patient_id = dataset_text(&d, PatientID);
    b->patient_issuer = issuer_of_patient(&d);
    b->one_patient = !b->study->patient_differs;
}

static json_t *identifier_type_of(const struct mapping *m)
{
    if (!m->patient_type)
        return NULL;
    return identifier_type(m->patient_type,
                           strcmp(m->patient_type, "MR") == 0 ? "Medical record number" : NULL);
}

static bool same_identifier(const json_t *a, const json_t *b)
{
    return json_equal(json_object_get(a, "value"), json_object_get(b, "value")) &&
           json_equal(json_object_get(a, "system"), json_object_get(b, "system"));
}

static void push_other_id(json_t *identifiers, json_t *identifier)
{
    size_t i;
    const json_t *there;

    json_array_foreach (identifiers, i, there) {
        if (same_identifier(there, identifier)) {
            json_decref(identifier);
            return;
        }
    }
    (void)node_push(identifiers, identifier);
}

static void push_other_ids(const struct build *b, json_t *identifiers)
{
    struct asking a = ask_study(b->scope);
    struct dataset d;

    while (ASK_PATIENT(b, &a, &d, OtherPatientIDsSequence)) {
        size_t n = dataset_count(&d, OtherPatientIDsSequence);

        for (size_t i = 0; i < n; i++) {
            struct dataset item = dataset_item(&d, OtherPatientIDsSequence, i);
            struct issuer issuer = issuer_of_patient(&item);

            push_other_id(identifiers, identifier_new(b->mapping, NULL, &issuer, KIND_PATIENT,
                                                      dataset_text(&item, PatientID)));
        }
    }
}

static json_t *identifiers_of(const struct build *b)
{
    json_t *identifiers = json_array();

    if (b->patient_id)
        (void)node_push(identifiers,
                        identifier_new(b->mapping, identifier_type_of(b->mapping),
                                       &b->patient_issuer, KIND_PATIENT, b->patient_id));
    push_other_ids(b, identifiers);
    return identifiers;
}

static json_t *names_of(const struct build *b)
{
    struct asking a = ask_study(b->scope);
    struct dataset d;

    while (ASK_PATIENT(b, &a, &d, PatientName)) {
        json_t *names = human_names(dataset_name(&d, PatientName, 0));

        if (names)
            return names;
    }
    return NULL;
}

static json_t *telecom_of(const struct build *b)
{
    struct asking a = ask_study(b->scope);
    struct dataset d;
    json_t *telecom = json_array();

    if (ASK_PATIENT(b, &a, &d, PatientTelephoneNumbers)) {
        size_t n = dataset_count(&d, PatientTelephoneNumbers);

        for (size_t i = 0; i < n; i++) {
            const char *value = dataset_value(&d, PatientTelephoneNumbers, i);
            json_t *point = json_object();

            if (value)
                node_set_text(point, "system", "phone");
            node_set_text(point, "value", value);
            (void)node_push_new(telecom, point);
        }
    }
    return telecom;
}

static const char *gender_of(const char *sex)
{
    if (!sex)
        return NULL;
    if (sex[0] && !sex[1])
        switch (toupper((unsigned char)sex[0])) {
        case 'M':
            return "male";
        case 'F':
            return "female";
        case 'O':
            return "other";
        }
    return "unknown";
}

/* {url, <key>: value} */
static json_t *extension(const char *url, const char *key, json_t *value)
{
    json_t *node = json_object();

    node_set_text(node, "url", url);
    node_set(node, key, value);
    return node;
}

/* Date, time and offset of one instance. */
static void set_birth(const struct build *b, json_t *patient)
{
    struct asking a = ask_study(b->scope);
    struct dataset d;

    while (ASK_PATIENT(b, &a, &d, PatientBirthDate)) {
        _cleanup_free_ char *when = when_of(b->mapping, &d, PatientBirthDate, PatientBirthTime);
        char *time = when ? strchr(when, 'T') : NULL;
        json_t *primitive;

        if (!when)
            continue;
        node_set(patient, "birthDate",
                 json_stringn(when, time ? (size_t)(time - when) : strlen(when)));
        if (time) {
            primitive = json_object();
            node_set(primitive, "extension",
                     node_array(extension(BIRTH_TIME, "valueDateTime", node_text(when))));
            node_set(patient, "_birthDate", primitive);
        }
        return;
    }
}

static json_t *ethnicity_coding(const char *text)
{
    char letters[65];
    size_t n = 0;

    for (; *text && n < sizeof letters - 1; text++)
        if (isalpha((unsigned char)*text))
            letters[n++] = (char)toupper((unsigned char)*text);
    letters[n] = '\0';
    if (strcmp(letters, "H") == 0 || strncmp(letters, "HISPANIC", 8) == 0 ||
        strncmp(letters, "LATIN", 5) == 0)
        return node_coding(OMB_ETHNICITY, "2135-2", "Hispanic or Latino");
    if (strcmp(letters, "N") == 0 || strncmp(letters, "NOTHISPANIC", 11) == 0 ||
        strncmp(letters, "NONHISPANIC", 11) == 0)
        return node_coding(OMB_ETHNICITY, "2186-5", "Not Hispanic or Latino");
    if (strcmp(letters, "U") == 0 || strcmp(letters, "UNK") == 0 || strcmp(letters, "UNKNOWN") == 0)
        return node_coding(NULL_FLAVOR, "UNK", "Unknown");
    return NULL;
}

static json_t *ethnicity_of(const struct build *b)
{
    const char *text = b->mapping->ethnicity ? first_text(b, EthnicGroup) : NULL;
    json_t *parts, *coding;

    if (!text)
        return NULL;
    parts = json_array();
    coding = ethnicity_coding(text);
    if (coding)
        (void)node_push(parts, extension("ombCategory", "valueCoding", coding));
    (void)node_push(parts, extension("text", "valueString", node_text(text)));
    return node_array(extension(US_CORE_ETHNICITY, "extension", parts));
}

static json_t *resource_of(const struct build *b)
{
    const char *address = first_text(b, PatientAddress);
    json_t *patient = node_resource("Patient", NULL), *text = json_object();

    node_set(patient, "extension", ethnicity_of(b));
    node_set(patient, "identifier", identifiers_of(b));
    node_set(patient, "name", names_of(b));
    node_set(patient, "telecom", telecom_of(b));
    node_set_text(patient, "gender", gender_of(first_text(b, PatientSex)));
    set_birth(b, patient);
    node_set_text(text, "text", address);
    node_set(patient, "address", node_array(text));
    return patient;
}

void patient_build(struct build *b)
{
    json_t *patient;
    const char *display;

    find_subject(b);
    patient = resource_of(b);
    display = human_name_display(json_object_get(patient, "name"));
    if (b->patient_id) {
        const json_t *first = json_array_get(json_object_get(patient, "identifier"), 0);

        b->subject = build_share(b, b->mapping->patient, patient, first, display);
    } else {
        b->subject = build_contain(b, "patient", "Patient", patient, display);
        b->patient = json_incref(json_array_get(b->contained, 0));
    }
}

void patient_set_subject(const struct build *b, json_t *resource, bool inside, bool display)
{
    json_t *subject = json_copy(b->subject);

    if (b->patient && !inside)
        node_set(resource, "contained", node_array(json_incref(b->patient)));
    if (!display)
        (void)json_object_del(subject, "display");
    node_set(resource, "subject", subject);
}
