#include "fhir/service_order.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/tables.h"
#include "store/base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static bool is_one_of(const char *text, const char *const *set)
{
    for (; *set; set++)
        if (strcmp(text, *set) == 0)
            return true;
    return false;
}

/* --- identifiers --- */

static void put_numbers(struct reading *r)
{
    const json_t *identifiers = read_array(r, r->request, "identifier");
    static const struct {
        const char *code, *tag, *vr, *issuer_tag;
        enum kind kind;
    } numbers[] = {
        {"ACSN", "00080050", "SH", "00080051", KIND_ACCESSION},
        {"PLAC", "00402016", "LO", "00400026", KIND_PLACER},
        {"FILL", "00402017", "LO", "00400027", KIND_FILLER},
        {"RP", "00401001", "SH", NULL, KIND_REQUESTED_PROCEDURE},
    };

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const json_t *found = find_identifier(r, identifiers, numbers[i].code, numbers[i].kind);

        put_identifier(r->attributes, numbers[i].tag, numbers[i].vr, read_text(r, found, "value"));
        if (found && numbers[i].issuer_tag)
            push_issuer(r, r->attributes, numbers[i].issuer_tag, numbers[i].kind,
                        read_text(r, found, "system"));
    }
}

static void put_study_uid(struct reading *r)
{
    const json_t *identifiers = read_array(r, r->request, "identifier");

    for (size_t i = 0; i < json_array_size(identifiers); i++) {
        const json_t *identifier = read_element(r, identifiers, i);
        const char *system = read_text(r, identifier, "system");
        const char *value = read_text(r, identifier, "value");

        if (system && value && strcmp(system, "urn:dicom:uid") == 0)
            put_identifier(r->attributes, "0020000D", "UI",
                           strncmp(value, "urn:oid:", 8) == 0 ? value + 8 : value);
    }
}

/* --- what is ordered, and why --- */

/* R5: {concept}, R4: the concept itself. */
static const json_t *concept_in(struct reading *r, const json_t *value)
{
    const json_t *concept = read_object(r, value, "concept");

    return concept ? concept : value;
}

static const char *put_procedure(struct reading *r)
{
    const json_t *concept = concept_in(r, read_object(r, r->request, "code"));
    const char *text = concept_text(r, concept);

    push_codes(r, r->attributes, "00321064", concept);
    put_text(r->attributes, "00321060", "LO", text);
    return text;
}

static void put_reasons(struct reading *r)
{
    const json_t *r5 = read_array(r, r->request, "reason");
    const json_t *r4 = read_array(r, r->request, "reasonCode");
    const json_t *reasons = r5 ? r5 : r4;

    for (size_t i = 0; i < json_array_size(reasons); i++) {
        const json_t *concept = concept_in(r, read_element(r, reasons, i));

        put_text(r->attributes, "00401002", "LO", concept_text(r, concept));
        push_codes(r, r->attributes, "0040100A", concept);
    }
}

static void put_notes(struct reading *r)
{
    const json_t *notes = read_array(r, r->request, "note");

    for (size_t i = 0; i < json_array_size(notes); i++)
        put_text(r->attributes, "00401400", "LT", read_text(r, read_element(r, notes, i), "text"));
}

static void put_priority(struct reading *r)
{
    const char *priority = read_text(r, r->request, "priority");

    if (priority)
        put_text(r->attributes, "00401003", "SH",
                 strcmp(priority, "stat") == 0      ? "STAT"
                 : strcmp(priority, "routine") == 0 ? "ROUTINE"
                                                    : "HIGH");
}

/* --- people and visit --- */

static void put_requester(struct reading *r)
{
    const json_t *reference = read_object(r, r->request, "requester");
    const json_t *who = pool_find(r->pool, r->request, reference);
    const char *display = read_text(r, reference, "display");

    if (is_resource(who, "PractitionerRole")) {
        const json_t *organization = read_object(r, who, "organization");

        put_text(r->attributes, "00321033", "LO", read_text(r, organization, "display"));
        reference = read_object(r, who, "practitioner");
        display = read_text(r, reference, "display");
        who = pool_find(r->pool, who, reference);
    }
    if (is_resource(who, "Organization")) {
        put_text(r->attributes, "00321033", "LO", read_text(r, who, "name"));
        return;
    }
    put_name(r, r->attributes, "00321032", read_array(r, who, "name"), display);
    put_name(r, r->attributes, "00080090", read_array(r, who, "name"), display);
}

static void put_encounter(struct reading *r)
{
    const json_t *encounter = read_reference(r, r->request, "encounter");
    const json_t *identifier = read_element(r, read_array(r, encounter, "identifier"), 0);
    const json_t *location = read_element(r, read_array(r, encounter, "location"), 0);
    const json_t *reference = read_object(r, location, "location");
    const char *name = read_text(r, reference, "display");

    put_identifier(r->attributes, "00380010", "LO", read_text(r, identifier, "value"));
    if (!name)
        name = read_text(r, pool_find(r->pool, encounter, reference), "name");
    put_text(r->attributes, "00380300", "LO", name);
}

/* --- whether it is ours --- */

static bool is_imaging(struct reading *r)
{
    static const char *const codes[] = {"363679005", "394914008", "RAD", "imaging",
                                        "Imaging",   "radiology", NULL};
    const json_t *categories = read_array(r, r->request, "category");

    for (size_t i = 0; i < json_array_size(categories); i++) {
        const json_t *codings = read_array(r, read_element(r, categories, i), "coding");

        for (size_t k = 0; k < json_array_size(codings); k++) {
            const char *code = read_text(r, read_element(r, codings, k), "code");

            if (code && is_one_of(code, codes))
                return true;
        }
    }
    return false;
}

static bool is_order(struct reading *r)
{
    static const char *const others[] = {"proposal", "plan", "directive", "option", NULL};
    const char *intent = read_text(r, r->request, "intent");

    return !intent || !is_one_of(intent, others);
}

static bool has_modality(const json_t *attributes)
{
    const json_t *steps = json_object_get(json_object_get(attributes, "00400100"), "Value"), *step;
    size_t i;

    json_array_foreach (steps, i, step)
        if (json_object_get(step, "00080060"))
            return true;
    return false;
}

/* --- the order around the item --- */

/* The base of "http://f/fhir/ServiceRequest/1". malloc'ed or NULL. */
static char *base_of(const struct pool *pool, const json_t *request, const char *id)
{
    const char *url = pool_full_url(pool, request);
    _cleanup_free_ char *tail = memory_print("/ServiceRequest/%s", id ? id : "");
    size_t n = url ? strlen(url) : 0, n_tail = strlen(tail);

    if (!id || n <= n_tail || strcmp(url + n - n_tail, tail) != 0 || strncmp(url, "http", 4) != 0)
        return NULL;
    return memory_text(url, n - n_tail);
}

static json_t *make_order(struct reading *r, const char *base_url)
{
    const char *id = read_text(r, r->request, "id");
    const json_t *meta = read_object(r, r->request, "meta");
    _cleanup_free_ char *own_base = base_url ? NULL : base_of(r->pool, r->request, id);
    _cleanup_free_ char *name = id ? memory_print("ServiceRequest/%s", id) : NULL;
    const char *status = read_text(r, r->request, "status");
    json_t *order = json_object();

    if (!status)
        reading_fault(r, "status is missing");
    node_set_text(order, "source", "fhir");
    node_set_text(order, "source_url", base_url ? base_url : own_base);
    node_set_text(order, "source_reference", name);
    node_set_text(order, "source_version", read_text(r, meta, "versionId"));
    node_set_text(order, "source_updated_at", read_text(r, meta, "lastUpdated"));
    node_set_text(order, "patient_reference",
                  read_text(r, read_object(r, r->request, "subject"), "reference"));
    node_set_text(order, "encounter_reference",
                  read_text(r, read_object(r, r->request, "encounter"), "reference"));
    node_set_text(order, "status", status);
    (void)json_object_set_new(order, "all_steps", json_true());
    node_set(order, "step_references", json_incref(r->references));
    (void)json_object_set(order, "attributes", r->attributes);
    return order;
}

static void read_all(struct reading *r)
{
    put_numbers(r);
    put_study_uid(r);
    read_patient(r);
    put_reasons(r);
    put_notes(r);
    put_priority(r);
    put_requester(r);
    put_encounter(r);
    read_steps(r, put_procedure(r));
}

int service_order_read(const struct order_rules *rules, const struct pool *pool,
                       const json_t *request, const char *base_url, json_t **ret)
{
    _cleanup_json_ json_t *attributes = json_object(), *faults = json_array();
    _cleanup_json_ json_t *references = json_object();
    struct reading r = {rules, pool, request, attributes, faults, references};
    json_t *order;

    if (!is_order(&r))
        return -ENOENT;
    read_all(&r);
    if (!has_modality(attributes) && !is_imaging(&r))
        return -ENOENT;
    order = make_order(&r, base_url);
    if (json_array_size(faults) > 0) {
        json_decref(order);
        *ret = json_incref(faults);
        return -EBADMSG;
    }
    *ret = order;
    return 0;
}
