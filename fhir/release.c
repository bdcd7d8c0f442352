#include "fhir/release.h"
#include "fhir/coding.h"
#include "fhir/node.h"
#include "fhir/tables.h"

#include <string.h>

const char *release_name(enum release r)
{
    return r == RELEASE_R5 ? "R5" : "R4";
}

const char *release_version(enum release r)
{
    return r == RELEASE_R5 ? "5.0" : "4.0";
}

int release_of_version(const char *version)
{
    if (strncmp(version, "5.0.", 4) == 0)
        return RELEASE_R5;
    return strncmp(version, "4.0.", 4) == 0 ? RELEASE_R4 : -1;
}

json_t *release_code(enum release r, json_t *coding)
{
    return r == RELEASE_R5 && coding ? node_concept(coding, NULL) : coding;
}

bool release_lists_modality(enum release r, const char *code)
{
    const struct modality *m = table_modality(code);

    return r == RELEASE_R5 || !m || m->acquisition;
}

json_t *release_laterality(enum release r, const char *letter)
{
    static const struct {
        char letter;
        const char *code[2], *display[2]; /* by release */
    } rows[] = {
        {'R', {"24028007", "419465000"}, {"Right", "Unilateral right"}},
        {'L', {"7771000", "419161000"}, {"Left", "Unilateral left"}},
        {'B', {"51440002", "51440002"}, {"Bilateral", "Bilateral"}},
        {'U', {"66459002", "66459002"}, {"Unilateral", "Unilateral"}},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if ((letter[0] & ~0x20) == rows[i].letter && letter[1] == '\0')
            return release_code(r, node_coding(SYSTEM_SCT, rows[i].code[r], rows[i].display[r]));
    return NULL;
}

/* {concept: …}: a CodeableReference that names no resource. */
static json_t *by_concept(json_t *concept)
{
    json_t *reference = json_object();

    node_set(reference, "concept", concept);
    return reference;
}

json_t *release_body_site(enum release r, json_t *coding, const char *text)
{
    if (r == RELEASE_R4)
        return coding ? coding : node_coding(NULL, NULL, text);
    return by_concept(node_concept(coding, coding ? NULL : text));
}

static json_t *each_by_concept(json_t *concepts)
{
    json_t *references = json_array(), *concept;
    size_t i;

    json_array_foreach (concepts, i, concept) {
        (void)node_push(references, by_concept(json_incref(concept)));
    }
    json_decref(concepts);
    return references;
}

void release_set_procedures(enum release r, json_t *study, json_t *concepts)
{
    if (r == RELEASE_R5)
        node_set(study, "procedure", each_by_concept(concepts));
    else
        node_set(study, "procedureCode", concepts);
}

void release_set_reasons(enum release r, json_t *resource, json_t *concepts)
{
    if (r == RELEASE_R5)
        node_set(resource, "reason", each_by_concept(concepts));
    else
        node_set(resource, "reasonCode", concepts);
}

bool release_accession_in_identifier(enum release r)
{
    return r == RELEASE_R4;
}

bool release_has_interpreter(enum release r)
{
    return r == RELEASE_R4;
}

json_t *release_service_code(enum release r, json_t *concept)
{
    return r == RELEASE_R5 ? by_concept(concept) : concept;
}

void release_set_connection(enum release r, json_t *endpoint, json_t *coding)
{
    if (r == RELEASE_R5)
        node_set(endpoint, "connectionType", node_array(node_concept(coding, NULL)));
    else
        node_set(endpoint, "connectionType", coding);
}

void release_set_payload(enum release r, json_t *endpoint, json_t *coding, const char *mime_type)
{
    json_t *types = node_array(node_concept(coding, NULL));
    json_t *mime_types = node_array(node_text(mime_type)), *payload;

    if (r == RELEASE_R4) {
        node_set(endpoint, "payloadType", types);
        node_set(endpoint, "payloadMimeType", mime_types);
        return;
    }
    payload = json_object();
    node_set(payload, "type", types);
    node_set(payload, "mimeType", mime_types);
    node_set(endpoint, "payload", node_array(payload));
}
