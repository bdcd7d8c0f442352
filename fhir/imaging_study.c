#include "fhir/imaging_study.h"
#include "fhir/coding.h"
#include "fhir/endpoint.h"
#include "fhir/extension.h"
#include "fhir/location.h"
#include "fhir/memory.h"
#include "fhir/patient.h"
#include "fhir/practitioner.h"
#include "fhir/release.h"
#include "fhir/request.h"
#include "store/base/cleanup.h"

#include <ctype.h>
#include <string.h>

static json_t *study_id_of(const struct build *b)
{
    const char *value = build_first_text(ask_study(b->scope), StudyID);
    json_t *identifier;

    if (!value)
        return NULL;
    identifier = json_object();
    node_set(identifier, "type", identifier_type_text("Study ID"));
    node_set_text(identifier, "system", b->mapping->systems[KIND_STUDY_ID]);
    node_set_text(identifier, "value", value);
    return identifier;
}

/* An accession number that basedOn may not have stands here in every release. */
static json_t *identifiers_of(const struct build *b, const json_t *requests)
{
    json_t *identifiers = json_array(), *accessions;

    (void)node_push(identifiers, identifier_of_uid(b->study->study_instance_uid));
    (void)node_push(identifiers, study_id_of(b));
    accessions =
        requests_accessions(requests, !b->mapping->accession_always &&
                                          !release_accession_in_identifier(b->mapping->release));
    (void)json_array_extend(identifiers, accessions);
    json_decref(accessions);
    return identifiers;
}

static int compare_code(const void *a, const void *b)
{
    return strcmp(node_get_text(*(json_t *const *)a, "code"),
                  node_get_text(*(json_t *const *)b, "code"));
}

/* Distinct modalities of @series that the release lists; a series may have several. */
static void push_modalities(const struct build *b, const struct scope_series *series,
                            json_t *codings)
{
    struct asking a = ask_series(b->scope, series);
    struct dataset d;
    bool any = false;

    while (ASK_NEXT(&a, &d, Modality)) {
        (void)node_push_new(codings, coding_modality(dataset_text(&d, Modality)));
        any = true;
    }
    if (!any)
        (void)node_push_new(codings, coding_modality(NULL));
}

static json_t *modalities_of(const struct build *b)
{
    _cleanup_json_ json_t *codings = json_array();
    _cleanup_free_ json_t **sorted = NULL;
    json_t *modalities = json_array();
    size_t n;

    for (size_t i = 0; !b->scope->nothing_visible && i < b->scope->n_series; i++)
        push_modalities(b, &b->scope->series[i], codings);
    n = json_array_size(codings);
    sorted = memory_new(n * sizeof(json_t *));
    for (size_t i = 0; i < n; i++)
        sorted[i] = json_array_get(codings, i);
    qsort(sorted, n, sizeof(json_t *), compare_code);
    for (size_t i = 0; i < n; i++)
        if (release_lists_modality(b->mapping->release, node_get_text(sorted[i], "code")))
            (void)node_push(modalities, release_code(b->mapping->release, json_incref(sorted[i])));
    return modalities;
}

static json_t *procedures_of(const struct build *b)
{
    struct asking a = ask_study(b->scope);
    json_t *concepts = json_array();
    struct dataset d;

    while (ASK_NEXT(&a, &d, ProcedureCodeSequence))
        concepts_push(concepts, b->mapping, &d, ProcedureCodeSequence);
    if (json_array_size(concepts) == 0 && ASK_ORDERS(b, &d, RequestedProcedureCodeSequence))
        concepts_push(concepts, b->mapping, &d, RequestedProcedureCodeSequence);
    return concepts;
}

static const char *description_of(const struct build *b)
{
    const char *text = build_first_text(ask_study(b->scope), StudyDescription);
    struct dataset d;

    return !text && ASK_ORDERS(b, &d, RequestedProcedureDescription)
               ? dataset_text(&d, RequestedProcedureDescription)
               : text;
}

static json_t *encounter_of(const struct build *b)
{
    for (size_t i = 0; i < b->study->n_orders; i++) {
        const struct study_order *order = &b->study->orders[i];
        const char *reference = build_order_reference(b, order, order->encounter_reference);

        if (reference)
            return node_reference(reference, "Encounter", NULL, NULL);
    }
    return NULL;
}

static json_t *series_of(struct build *b)
{
    json_t *list = json_array();

    for (size_t i = 0; !b->scope->nothing_visible && i < b->scope->n_series; i++)
        (void)node_push(list, series_build(b, &b->scope->series[i]));
    return list;
}

/* Elements between identifier and series. */
static void set_study_level(struct build *b, json_t *study, const json_t *requests)
{
    const struct scope *s = b->scope;

    node_set_text(study, "status", s->status);
    node_set(study, "modality", modalities_of(b));
    patient_set_subject(b, study, true, true);
    node_set(study, "encounter", encounter_of(b));
    node_set(study, "started", build_first_when(b, ask_study(s), StudyDate, StudyTime));
    node_set(study, "basedOn", requests_based_on(b, requests));
    node_set(study, "referrer", practitioner_referrer(b));
    if (release_has_interpreter(b->mapping->release))
        node_set(study, "interpreter", practitioner_interpreters(b));
    node_set(study, "endpoint", endpoint_references(b->mapping));
    node_set_count(study, "numberOfSeries", s->nothing_visible ? 0 : (long long)s->n_series);
    node_set_count(study, "numberOfInstances", s->nothing_visible ? 0 : (long long)s->n_instances);
    release_set_procedures(b->mapping->release, study, procedures_of(b));
    node_set(study, "location", location_build(b));
    release_set_reasons(b->mapping->release, study, requests_reasons(requests));
    node_set_text(study, "description", description_of(b));
}

/* "patient-differs", "Patient differs" */
static json_t *state_tag(const struct build *b)
{
    const char *state = b->study->order_state;
    _cleanup_free_ char *code = NULL, *display = NULL;

    if (!state || !*state || !b->study->order_open || !b->mapping->order_state_system)
        return NULL;
    code = memory_text(state, strlen(state));
    display = memory_text(state, strlen(state));
    for (char *c = code; *c; c++)
        if (*c == ' ')
            *c = '-';
    display[0] = (char)toupper((unsigned char)display[0]);
    return node_coding(b->mapping->order_state_system, code, display);
}

static json_t *meta_of(const struct build *b)
{
    json_t *meta = json_object();

    node_set(meta, "profile", node_array(node_text(b->mapping->study_profile)));
    node_set(meta, "tag", node_array(state_tag(b)));
    return meta;
}

json_t *imaging_study_build(struct build *b)
{
    _cleanup_json_ json_t *requests = requests_collect(b), *elements = json_object();
    json_t *study = node_resource("ImagingStudy", b->mapping->search_identity ? NULL : b->study_id);

    set_study_level(b, elements, requests);
    if (b->form != FORM_STUDY)
        node_set(elements, "series", series_of(b));
    node_set(study, "meta", meta_of(b));
    node_set(study, "contained", json_incref(b->contained));
    node_set(study, "extension", extension_availability(b->mapping, b->scope->away));
    node_set(study, "identifier", identifiers_of(b, requests));
    (void)json_object_update(study, elements);
    return study;
}
