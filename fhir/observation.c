#include "fhir/observation.h"
#include "fhir/coding.h"
#include "fhir/memory.h"
#include "fhir/number.h"
#include "fhir/patient.h"
#include "store/base/cleanup.h"

#include <string.h>

#define CATEGORY "http://terminology.hl7.org/CodeSystem/observation-category"

/* dateTime of the study, precise to the day at least: study, series, acquisition or content. */
static json_t *effective_of(const struct build *b)
{
    static const char *const tags[][2] = {{StudyDate, StudyTime},
                                          {SeriesDate, SeriesTime},
                                          {AcquisitionDate, AcquisitionTime},
                                          {ContentDate, ContentTime}};

    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        json_t *when = build_first_when(b, ask_study(b->scope), tags[i][0], tags[i][1]);

        if (json_string_length(when) >= strlen("2025-11-03"))
            return when;
        json_decref(when);
    }
    return NULL;
}

static json_t *quantity(json_t *value, const char *unit, const char *code)
{
    json_t *node = json_object();

    node_set(node, "value", value);
    node_set_text(node, "unit", unit);
    node_set_text(node, "system", SYSTEM_UCUM);
    node_set_text(node, "code", code);
    return node;
}

/* Metres are not allowed in a vital sign: × 100, in centimetres. */
static json_t *measure(const struct build *b, const char *tag)
{
    struct asking a = ask_study(b->scope);
    bool size = strcmp(tag, PatientSize) == 0;
    struct dataset d;

    while (build_ask_patient(b, &a, (const char *const[]){tag, NULL}, &d)) {
        json_t *value =
            number_decimal(dataset_text(&d, tag), size ? 2 : 0,
                           size ? OBSERVATION_SIZE_LIMIT_CM : OBSERVATION_WEIGHT_LIMIT_KG);

        if (value)
            return size ? quantity(value, "cm", "cm") : quantity(value, "kg", "kg");
    }
    return NULL;
}

static json_t *age(const struct build *b)
{
    struct asking a = ask_study(b->scope);
    struct dataset d;

    while (build_ask_patient(b, &a, (const char *const[]){PatientAge, NULL}, &d)) {
        char unit;
        int n = number_age(dataset_text(&d, PatientAge), &unit);

        if (n < 0)
            continue;
        switch (unit) {
        case 'D':
            return quantity(json_integer(n), "days", "d");
        case 'W':
            return quantity(json_integer(n), "weeks", "wk");
        case 'M':
            return quantity(json_integer(n), "months", "mo");
        default:
            return quantity(json_integer(n), "years", "a");
        }
    }
    return NULL;
}

static json_t *identifier_of(const struct build *b, const char *loinc)
{
    _cleanup_free_ char *value = memory_print("%s#%s", b->study->study_instance_uid, loinc);
    json_t *identifier = json_object();

    node_set_text(identifier, "system", b->mapping->publisher_system);
    node_set_text(identifier, "value", value);
    return identifier;
}

static void push(struct build *b, const char *loinc, const char *display, bool vital_sign,
                 json_t *effective, json_t *value)
{
    _cleanup_free_ char *study = memory_print("urn:uuid:%s", b->study_id);
    _cleanup_json_ json_t *identifier = identifier_of(b, loinc), *subject = json_object();
    bool search = b->mapping->search_identity;
    char id[UUID_TEXT];
    json_t *observation;

    if (!value)
        return;
    uuid_of_names("Observation", b->study->study_instance_uid, loinc, id);
    observation = node_resource("Observation", search ? NULL : id);
    patient_set_subject(b, subject, false, false);
    node_set(observation, "contained", json_incref(json_object_get(subject, "contained")));
    if (search)
        node_set(observation, "identifier", node_array(json_incref(identifier)));
    node_set(observation, "partOf", node_array(node_reference(study, "ImagingStudy", NULL, NULL)));
    node_set_text(observation, "status", "final");
    if (vital_sign)
        node_set(
            observation, "category",
            node_array(node_concept(node_coding(CATEGORY, "vital-signs", "Vital Signs"), NULL)));
    node_set(observation, "code", node_concept(node_coding(SYSTEM_LOINC, loinc, display), NULL));
    node_set(observation, "subject", json_incref(json_object_get(subject, "subject")));
    node_set(observation, "effectiveDateTime", json_incref(effective));
    node_set(observation, "valueQuantity", value);
    (void)node_push(b->own, build_own(b, id, observation, identifier));
}

void observation_build(struct build *b)
{
    _cleanup_json_ json_t *effective = NULL;

    if (b->patient && !b->mapping->orphan_observations)
        return;
    effective = effective_of(b);
    if (!effective)
        return;
    push(b, "29463-7", "Body weight", true, effective, measure(b, PatientWeight));
    push(b, "8302-2", "Body height", true, effective, measure(b, PatientSize));
    push(b, "30525-0", "Age", false, effective, age(b));
}
