#include "fhir/endpoint.h"
#include "fhir/coding.h"
#include "fhir/memory.h"
#include "fhir/release.h"
#include "fhir/uri.h"
#include "store/base/cleanup.h"

#include <errno.h>
#include <string.h>

#define CONNECTION_TYPE "http://terminology.hl7.org/CodeSystem/endpoint-connection-type"

size_t endpoint_count(const struct mapping *m)
{
    return m->dicomweb_url ? m->n_dicomweb_connections : 0;
}

/* The address of connection @i: its own behind a '=', or that of all. */
static const char *address_of(const struct mapping *m, size_t i)
{
    const char *own = strchr(m->dicomweb_connections[i], '=');

    return own ? own + 1 : m->dicomweb_url;
}

/* Its code; malloc'ed. */
static char *code_of(const struct mapping *m, size_t i)
{
    return memory_text(m->dicomweb_connections[i], strcspn(m->dicomweb_connections[i], "="));
}

static void id_of(const struct mapping *m, size_t i, char ret[UUID_TEXT])
{
    _cleanup_free_ char *code = code_of(m, i);

    uuid_of_names("Endpoint", code, address_of(m, i), ret);
}

static json_t *identifier_of(const struct mapping *m, const char *id)
{
    json_t *identifier = json_object();

    node_set_text(identifier, "system", m->publisher_system);
    node_set_text(identifier, "value", id);
    return identifier;
}

static bool is_known(const char *code)
{
    static const char *const codes[] = {"dicom-wado-rs", "dicom-qido-rs", "dicom-stow-rs",
                                        "dicom-wado-uri", "ihe-iid"};

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(codes[i], code) == 0)
            return true;
    return false;
}

/* A client appends its path or, for the two that are no -rs, its query. */
static bool fits(const char *code, const char *address)
{
    size_t n = strlen(address), code_n = strlen(code);

    if (!uri_is_absolute(address) || strchr(address, '?'))
        return false;
    if (strcmp(code + code_n - 3, "-rs") != 0)
        return true;
    return address[n - 1] != '/' && (n < 8 || strcmp(address + n - 8, "/studies") != 0);
}

static int refuse(char **ret_message, const char *what, const char *is, const char *should)
{
    *ret_message = memory_print("fhir: %s \"%s\" must be %s", what, is, should);
    return -EINVAL;
}

int endpoint_check(const struct mapping *m, char **ret_message)
{
    for (size_t i = 0; i < endpoint_count(m); i++) {
        _cleanup_free_ char *code = code_of(m, i);

        if (!is_known(code))
            return refuse(ret_message, "dicomweb_connections", code,
                          "dicom-wado-rs, dicom-qido-rs, dicom-stow-rs, dicom-wado-uri or ihe-iid");
        if (!fits(code, address_of(m, i)))
            return refuse(ret_message, "dicomweb_url", address_of(m, i),
                          "a base URL without /studies, ? or a slash at the end");
        if (!m->publisher_system)
            return refuse(ret_message, "publisher_system", "", "set when dicomweb_url is");
    }
    return 0;
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
    _cleanup_free_ char *code = code_of(m, i);
    char id[UUID_TEXT];
    json_t *endpoint;

    id_of(m, i, id);
    endpoint = node_resource("Endpoint", m->search_identity ? NULL : id);
    node_set(endpoint, "identifier", node_array(identifier_of(m, id)));
    node_set_text(endpoint, "status", "active");
    release_set_connection(m->release, endpoint, node_coding(CONNECTION_TYPE, code, NULL));
    release_set_payload(m->release, endpoint, node_coding(SYSTEM_DCM, "113014", "Study"),
                        "application/dicom");
    node_set_text(endpoint, "address", address_of(m, i));
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
