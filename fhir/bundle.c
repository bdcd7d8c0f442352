#include "fhir/bundle.h"
#include "fhir/build.h"
#include "fhir/endpoint.h"
#include "fhir/imaging_study.h"
#include "fhir/memory.h"
#include "fhir/observation.h"
#include "fhir/patient.h"
#include "fhir/provenance.h"
#include "store/base/uid.h"

#include <errno.h>

#define PRECISION JSON_REAL_PRECISION(15) /* 70.1, not 70.099999999999994 */

static void begin(struct build *b)
{
    uuid_of_study(b->study->study_instance_uid, b->study_id);
    b->contained = json_array();
    b->shared = json_array();
    b->own = json_array();
    b->performers = json_object();
    b->specimens = json_object();
}

static void end(struct build *b)
{
    json_decref(b->contained);
    json_decref(b->shared);
    json_decref(b->own);
    json_decref(b->performers);
    json_decref(b->specimens);
    json_decref(b->patient);
    json_decref(b->subject);
}

static json_t *assemble(struct build *b, json_t *study)
{
    json_t *bundle = node_resource("Bundle", NULL), *identifier;

    if (b->mapping->self_contained)
        endpoint_push_entries(b->mapping, b->shared);
    identifier = identifier_of_uid(b->study->study_instance_uid);
    (void)node_push(b->shared, build_own(b, b->study_id, study, identifier));
    json_decref(identifier);
    (void)json_array_extend(b->shared, b->own);
    node_set_text(bundle, "type", "transaction");
    node_set(bundle, "entry", json_incref(b->shared));
    return bundle;
}

int bundle_build(const struct mapping *m, const struct study *study, enum form form, json_t **ret)
{
    struct build b = {.mapping = m, .study = study, .form = form};
    struct scope *scope;
    json_t *imaging_study;

    if (!study->study_instance_uid || !uid_valid(study->study_instance_uid))
        return -EBADMSG;
    scope = scope_new(study);
    b.scope = scope;
    begin(&b);
    patient_build(&b);
    imaging_study = imaging_study_build(&b);
    observation_build(&b);
    provenance_build(&b);
    *ret = assemble(&b, imaging_study);
    end(&b);
    (void)scope_free(scope);
    return 0;
}

size_t bundle_withheld(const struct study *study)
{
    struct scope *scope = scope_new(study);
    size_t n = 0;

    for (size_t i = 0; i < study->n_series; i++)
        n += study->series[i].n_instances;
    if (!scope->nothing_visible)
        n -= scope->n_instances;
    (void)scope_free(scope);
    return n;
}

enum form bundle_form(const struct mapping *m, const struct study *study)
{
    size_t n = 0;

    if (m->level != FORM_FULL)
        return m->level;
    for (size_t i = 0; i < study->n_series; i++)
        for (size_t j = 0; j < study->series[i].n_instances; j++)
            n += study->series[i].instances[j].visible;
    return n > m->full_limit ? FORM_SERIES : FORM_FULL;
}

const char *bundle_form_name(enum form form)
{
    static const char *const names[] = {"full", "series", "study"};

    return names[form];
}

void bundle_study_id(const struct study *study, char ret[BUNDLE_ID])
{
    uuid_of_study(study->study_instance_uid, ret);
}

char *bundle_text(const json_t *bundle, bool indented)
{
    char *text = json_dumps(bundle, PRECISION | (indented ? JSON_INDENT(1) : JSON_COMPACT)), *line;

    if (!text || !indented)
        return text;
    line = memory_print("%s\n", text);
    free(text);
    return line;
}
