#include "fhir/endpoint.h"
#include "fhir/coding.h"
#include "fhir/memory.h"
#include "fhir/release.h"
#include "store/base/cleanup.h"

#include <string.h>

#define CONNECTION_TYPE "http://terminology.hl7.org/CodeSystem/endpoint-connection-type"

size_t endpoint_count(const struct mapping *m)
{
    return m->dicomweb_url ? m->n_dicomweb_connections : 0;
}

static void id_of(const struct mapping *m, size_t i, char ret[UUID_TEXT])
{
    uuid_of_names("Endpoint", m->dicomweb_connections[i], m->dicomweb_url, ret);
}

static json_t *identifier_of(const struct mapping *m, const char *id)
{
    json_t *identifier = json_object();

    node_set_text(identifier, "system", m->publisher_system);
    node_set_text(identifier, "value", id);
    return identifier;
}

/* "Endpoint/<id>", or "Endpoint?identifier=…" where the server gives the ids. */
static char *url_of(const struct mapping *m, const char *id)
{
    _cleanup_json_ json_t *identifier = identifier_of(m, id);
    _cleanup_free_ char *query = NULL;

    if (!m->search_identity)
        return memory_print("Endpoint/%s", id);
    query = identifier_query(identifier);
    return memory_print("Endpoint?%s", query);
}

json_t *endpoint_resource(const struct mapping *m, size_t i, char **ret_url)
{
    char id[UUID_TEXT];
    json_t *endpoint;

    id_of(m, i, id);
    endpoint = node_resource("Endpoint", m->search_identity ? NULL : id);
    node_set(endpoint, "identifier", node_array(identifier_of(m, id)));
    node_set_text(endpoint, "status", "active");
    release_set_connection(m->release, endpoint,
                           node_coding(CONNECTION_TYPE, m->dicomweb_connections[i], NULL));
    release_set_payload(m->release, endpoint, node_coding(SYSTEM_DCM, "113014", "Study"),
                        "application/dicom");
    node_set_text(endpoint, "address", m->dicomweb_url);
    *ret_url = url_of(m, id);
    return endpoint;
}

json_t *endpoint_references(const struct mapping *m)
{
    json_t *references = json_array();

    for (size_t i = 0; i < endpoint_count(m); i++) {
        char id[UUID_TEXT];
        _cleanup_free_ char *url = NULL;

        id_of(m, i, id);
        url = url_of(m, id);
        (void)node_push(references, node_reference(url, "Endpoint", NULL, NULL));
    }
    return references;
}

void endpoint_push_entries(const struct mapping *m, json_t *entries)
{
    for (size_t i = 0; i < endpoint_count(m); i++) {
        char id[UUID_TEXT];
        _cleanup_free_ char *url = NULL, *full_url = NULL;
        json_t *entry = json_object(), *request = json_object(), *resource;

        id_of(m, i, id);
        resource = endpoint_resource(m, i, &url);
        full_url = memory_print("urn:uuid:%s", id);
        node_set_text(request, "method", "PUT");
        node_set_text(request, "url", url);
        node_set_text(entry, "fullUrl", full_url);
        node_set(entry, "resource", resource);
        node_set(entry, "request", request);
        (void)node_push(entries, entry);
    }
}
