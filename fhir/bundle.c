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

static json_t *study_entry(const struct build *b, json_t *study)
{
    json_t *identifier = identifier_of_uid(b->study->study_instance_uid);
    json_t *entry = build_own(b, b->study_id, study, identifier);

    json_decref(identifier);
    return entry;
}

static json_t *transaction(json_t *entries)
{
    json_t *bundle = node_resource("Bundle", NULL);

    node_set_text(bundle, "type", "transaction");
    node_set(bundle, "entry", entries);
    return bundle;
}

static json_t *assemble(struct build *b, json_t *study)
{
    if (b->mapping->self_contained)
        endpoint_push_entries(b->mapping, b->shared);
    (void)node_push(b->shared, study_entry(b, study));
    (void)json_array_extend(b->shared, b->own);
    return transaction(json_incref(b->shared));
}

/* What else of ours the target has goes with it, see withdrawal.h. */
static json_t *assemble_deletion(const struct build *b, json_t *study)
{
    json_t *entry = study_entry(b, study), *request = json_object(), *gone = json_object();

    node_set_text(request, "method", "DELETE");
    node_set_text(request, "url", node_get_text(json_object_get(entry, "request"), "url"));
    node_set(gone, "request", request);
    json_decref(entry);
    return transaction(node_array(gone));
}

int bundle_build(const struct mapping *m, const struct study *study, enum form form, json_t **ret)
{
    struct build b = {.mapping = m, .study = study, .form = form};
    struct scope *scope;
    json_t *imaging_study;

    if (!study->study_instance_uid || !uid_valid(study->study_instance_uid))
        return -EBADMSG;
    scope = scope_new(m, study);
    b.scope = scope;
    begin(&b);
    patient_build(&b);
    imaging_study = imaging_study_build(&b);
    observation_build(&b);
    provenance_build(&b);
    *ret = scope->expired && m->delete_expired ? assemble_deletion(&b, imaging_study)
                                               : assemble(&b, imaging_study);
    end(&b);
    (void)scope_free(scope);
    return 0;
}

size_t bundle_withheld(const struct mapping *m, const struct study *study)
{
    struct scope *scope = scope_new(m, study);
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
    struct scope *scope = scope_new(m, study);
    size_t n = scope->nothing_visible ? 0 : scope->n_instances;

    (void)scope_free(scope);
    if (m->level != FORM_FULL)
        return m->level;
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
