#include "fhir/request.h"
#include "fhir/memory.h"
#include "fhir/patient.h"
#include "fhir/release.h"
#include "store/base/cleanup.h"

#include <string.h>

/* The ServiceRequest of @request, without id. Takes @contained and @subject over. */
static json_t *resource_of(const struct build *b, const json_t *request, bool inside)
{
    const json_t *concept = json_object_get(request, "concept");
    _cleanup_json_ json_t *subject = json_object();
    json_t *resource = node_resource("ServiceRequest", NULL);

    patient_set_subject(b, subject, inside, false);
    node_set(resource, "contained", json_incref(json_object_get(subject, "contained")));
    node_set(resource, "identifier", json_deep_copy(json_object_get(request, "identifier")));
    node_set_text(resource, "status", b->mapping->request_status);
    node_set_text(resource, "intent", "order");
    if (concept)
        node_set(resource, "code",
                 release_service_code(b->mapping->release, json_deep_copy(concept)));
    node_set(resource, "subject", json_incref(json_object_get(subject, "subject")));
    release_set_reasons(b->mapping->release, resource,
                        json_deep_copy(json_object_get(request, "reasons")));
    return resource;
}

/* The accession number finds a request best, then filler, placer, Requested Procedure ID. It is the
 * whole condition: "&patient.identifier=…" would keep a number that is used twice from finding the
 * request of another patient, but it is a chained search, which many servers refuse in
 * ifNoneExist, and with it every study. So a number must be unique within its system; where a site
 * uses numbers again, request = logical searches for none. */
static const json_t *matching_of(const json_t *request)
{
    static const char *const best[] = {"ACSN", "FILL", "PLAC"};
    const json_t *identifiers = json_object_get(request, "identifier"), *identifier;
    size_t i;

    for (size_t n = 0; n < sizeof best / sizeof *best; n++)
        json_array_foreach (identifiers, i, identifier) {
            const json_t *codings = json_object_get(json_object_get(identifier, "type"), "coding");
            const char *code = node_get_text(json_array_get(codings, 0), "code");

            if (code && strcmp(code, best[n]) == 0 && node_get_text(identifier, "system"))
                return identifier;
        }
    return identifier_matching(identifiers);
}

static json_t *based_on(struct build *b, const json_t *request, size_t number)
{
    const json_t *matching = matching_of(request), *accession;
    const char *display = node_get_text(request, "display");
    const char *reference = node_get_text(request, "reference");
    _cleanup_free_ char *id = memory_print("request%zu", number);
    _cleanup_json_ json_t *written = NULL;

    accession = json_object_get(request, "accession");
    if (reference)
        return node_reference(reference, "ServiceRequest", json_deep_copy(accession), display);
    if (b->mapping->request == MODE_LOGICAL) {
        if (!accession)
            accession = json_array_get(json_object_get(request, "identifier"), 0);
        if (!accession && !display)
            return NULL;
    } else if (matching) {
        written =
            build_share(b, b->mapping->request, resource_of(b, request, false), matching, NULL);
    } else {
        written = build_contain(b, id, "ServiceRequest", resource_of(b, request, true), NULL);
    }
    return node_reference(node_get_text(written, "reference"), "ServiceRequest",
                          json_deep_copy(accession), display);
}

json_t *requests_based_on(struct build *b, const json_t *requests)
{
    json_t *references = json_array(), *request;
    size_t i, contained = 0;

    json_array_foreach (requests, i, request) {
        if (json_object_get(request, "withheld"))
            continue;
        if (!matching_of(request))
            contained++;
        (void)node_push_new(references, based_on(b, request, contained));
    }
    return references;
}

json_t *requests_accessions(const json_t *requests, bool withheld_only)
{
    json_t *identifiers = json_array(), *request;
    size_t i;

    json_array_foreach (requests, i, request) {
        if (!withheld_only || json_object_get(request, "withheld"))
            (void)node_push_new(identifiers, json_deep_copy(json_object_get(request, "accession")));
    }
    return identifiers;
}

json_t *requests_reasons(const json_t *requests)
{
    json_t *reasons = json_array(), *request, *reason;
    size_t i, j;

    json_array_foreach (requests, i, request) {
        json_array_foreach (json_object_get(request, "reasons"), j, reason) {
            (void)node_push_new(reasons, json_deep_copy(reason));
        }
    }
    return reasons;
}
