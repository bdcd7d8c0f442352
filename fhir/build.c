#include "fhir/build.h"
#include "fhir/memory.h"
#include "fhir/when.h"
#include "store/base/cleanup.h"

#include <string.h>

json_t *build_contain(struct build *b, const char *id, const char *type, json_t *resource,
                      const char *display)
{
    _cleanup_free_ char *reference = memory_print("#%s", id);
    json_t *with_id = node_resource(type, id);

    (void)json_object_update_missing(with_id, resource);
    json_decref(resource);
    (void)node_push(b->contained, with_id);
    return node_reference(reference, type, NULL, display);
}

static bool is_written(const json_t *entries, const char *full_url)
{
    size_t i;
    const json_t *entry;

    json_array_foreach (entries, i, entry) {
        if (strcmp(node_get_text(entry, "fullUrl"), full_url) == 0)
            return true;
    }
    return false;
}

/* @resource and @request are taken over. */
static json_t *entry_new(const char *full_url, json_t *resource, json_t *request)
{
    json_t *entry = json_object();

    node_set_text(entry, "fullUrl", full_url);
    node_set(entry, "resource", resource);
    node_set(entry, "request", request);
    return entry;
}

static json_t *request_new(const char *method, const char *url, const char *if_none_exist)
{
    json_t *request = json_object();

    node_set_text(request, "method", method);
    node_set_text(request, "url", url);
    node_set_text(request, "ifNoneExist", if_none_exist);
    return request;
}

json_t *build_share(struct build *b, enum mode mode, json_t *resource, const json_t *identifier,
                    const char *display)
{
    const char *type = node_get_text(resource, "resourceType");
    _cleanup_json_ json_t *owned = resource;
    _cleanup_free_ char *query = NULL, *url = NULL, *conditional = NULL;
    char id[UUID_TEXT];
    json_t *request;

    if (mode == MODE_LOGICAL)
        return node_reference(NULL, type, json_deep_copy(identifier), display);
    query = identifier_query(identifier);
    conditional = memory_print("%s?%s", type, query);
    if (mode == MODE_EXISTING)
        return node_reference(conditional, type, NULL, display);
    uuid_of_names(type, node_get_text(identifier, "system"), node_get_text(identifier, "value"),
                  id);
    url = memory_print("urn:uuid:%s", id);
    if (!is_written(b->shared, url)) {
        request = mode == MODE_UPDATE ? request_new("PUT", conditional, NULL)
                                      : request_new("POST", type, query);
        (void)node_push(b->shared, entry_new(url, json_incref(resource), request));
    }
    return node_reference(url, type, NULL, display);
}

json_t *build_own_found(const struct build *b, const char *id, json_t *resource, const char *query)
{
    const char *type = node_get_text(resource, "resourceType");
    _cleanup_free_ char *full_url = memory_print("urn:uuid:%s", id), *url = NULL;

    url = b->mapping->search_identity ? memory_print("%s?%s", type, query)
                                      : memory_print("%s/%s", type, id);
    return entry_new(full_url, resource, request_new("PUT", url, NULL));
}

json_t *build_own(const struct build *b, const char *id, json_t *resource, const json_t *identifier)
{
    _cleanup_free_ char *query = b->mapping->search_identity ? identifier_query(identifier) : NULL;

    return build_own_found(b, id, resource, query);
}

static bool same_text(const char *a, const char *b)
{
    return !a || !b || strcmp(a, b) == 0;
}

/* In a study with images of several patients only those of its subject, and those that name
 * nobody, may say something about the subject. */
bool build_ask_patient(const struct build *b, struct asking *a, const char *const *tags,
                       struct dataset *ret)
{
    for (;;) {
        if (!b->one_patient) /* what one patient's image said counts anew for another's */
            memset(a->asked, 0, sizeof a->asked);
        if (!ask_next(a, tags, ret))
            return false;
        if (b->one_patient ||
            (same_text(dataset_text(ret, PatientID), b->patient_id) &&
             same_text(dataset_text(ret, IssuerOfPatientID), b->patient_issuer.local)))
            return true;
    }
}

const char *build_order_reference(const struct build *b, const struct study_order *order,
                                  const char *reference)
{
    const char *server = b->mapping->server_url;

    return server && order->source_url && strcmp(server, order->source_url) == 0 ? reference : NULL;
}

bool build_ask_orders(const struct build *b, const char *const *tags, struct dataset *ret)
{
    for (size_t i = 0; i < b->study->n_orders; i++) {
        struct dataset d = {.documents = {b->study->orders[i].attributes}};

        for (const char *const *tag = tags; *tag; tag++)
            if (dataset_has(&d, *tag)) {
                *ret = d;
                return true;
            }
    }
    return false;
}

const char *build_first_text(struct asking a, const char *tag)
{
    struct dataset d;

    return ASK_NEXT(&a, &d, tag) ? dataset_text(&d, tag) : NULL;
}

json_t *build_first_when(const struct build *b, struct asking a, const char *date_tag,
                         const char *time_tag)
{
    struct dataset d;

    while (ASK_NEXT(&a, &d, date_tag)) {
        _cleanup_free_ char *when = when_of(b->mapping, &d, date_tag, time_tag);

        if (when)
            return node_text(when);
    }
    return NULL;
}
