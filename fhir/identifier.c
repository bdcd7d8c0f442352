#include "fhir/identifier.h"
#include "fhir/coding.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/uri.h"
#include "store/base/cleanup.h"

#include <ctype.h>
#include <string.h>
#include <uuid/uuid.h>

struct issuer issuer_of(const struct dataset *d, const char *tag)
{
    struct dataset item = dataset_item(d, tag, 0);

    return (struct issuer){
        .local = dataset_text(&item, LocalNamespaceEntityID),
        .universal = dataset_text(&item, UniversalEntityID),
        .type = dataset_text(&item, UniversalEntityIDType),
    };
}

struct issuer issuer_of_patient(const struct dataset *d)
{
    struct issuer issuer = issuer_of(d, IssuerOfPatientIDQualifiersSequence);

    issuer.local = dataset_text(d, IssuerOfPatientID);
    return issuer;
}

static char *lower(char *text)
{
    for (char *c = text; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return text;
}

static char *system_of_universal(const struct issuer *issuer)
{
    const char *id = issuer->universal, *type = issuer->type ? issuer->type : "";
    _cleanup_free_ char *uri = NULL;
    uuid_t uuid;

    if (strcmp(type, "ISO") == 0)
        uri = uri_is_oid(id) ? memory_print("urn:oid:%s", id) : NULL;
    else if (strcmp(type, "UUID") == 0)
        uri = uuid_parse(id, uuid) == 0 ? lower(memory_print("urn:uuid:%s", id)) : NULL;
    else if (strcmp(type, "URI") == 0)
        uri = memory_print("%s", id);
    else if (strcmp(type, "DNS") == 0)
        uri = memory_print("dns:%s", id);
    return uri && uri_is_absolute(uri) ? TAKE_PTR(uri) : NULL;
}

char *identifier_system(const struct mapping *m, const struct issuer *issuer, enum kind kind)
{
    const char *system = issuer->universal ? map_get(&m->issuers, issuer->universal) : NULL;
    char *uri;

    if (!system && issuer->local)
        system = map_get(&m->issuers, issuer->local);
    if (system)
        return memory_print("%s", system);
    uri = issuer->universal ? system_of_universal(issuer) : NULL;
    if (!uri && issuer->local)
        uri = uri_from_template(m->issuer_template, "local", issuer->local);
    if (!uri && m->systems[kind])
        uri = memory_print("%s", m->systems[kind]);
    return uri;
}

json_t *identifier_new(const struct mapping *m, json_t *type, const struct issuer *issuer,
                       enum kind kind, const char *value)
{
    _cleanup_free_ char *system = identifier_system(m, issuer, kind);
    json_t *identifier, *assigner;

    if (!value) {
        json_decref(type);
        return NULL;
    }
    identifier = json_object();
    assigner = json_object();
    node_set(identifier, "type", type);
    node_set_text(identifier, "system", system);
    node_set_text(identifier, "value", value);
    node_set_text(assigner, "display", issuer->local);
    node_set(identifier, "assigner", assigner);
    return identifier;
}

json_t *identifier_of_uid(const char *uid)
{
    _cleanup_free_ char *value = memory_print("urn:oid:%s", uid);
    json_t *identifier = json_object();

    node_set_text(identifier, "system", "urn:dicom:uid");
    node_set_text(identifier, "value", value);
    return identifier;
}

json_t *identifier_type(const char *code, const char *display)
{
    return node_concept(node_coding(SYSTEM_V2_0203, code, display), NULL);
}

json_t *identifier_type_text(const char *text)
{
    return node_concept(NULL, text);
}

const json_t *identifier_matching(const json_t *identifiers)
{
    size_t i;
    const json_t *identifier;

    json_array_foreach (identifiers, i, identifier) {
        if (node_get_text(identifier, "system"))
            return identifier;
    }
    return NULL;
}

static void uuid_of_text(const char *namespace, const char *text, char ret[UUID_TEXT])
{
    uuid_t uuid;

    uuid_generate_sha1(uuid, *uuid_get_template(namespace), text, strlen(text));
    uuid_unparse_lower(uuid, ret);
}

void uuid_of_study(const char *study_instance_uid, char ret[UUID_TEXT])
{
    uuid_of_text("oid", study_instance_uid, ret);
}

void uuid_of_names(const char *type, const char *a, const char *b, char ret[UUID_TEXT])
{
    _cleanup_free_ char *text = memory_print("%s|%s|%s", type, a, b);

    uuid_of_text("url", text, ret);
}

/* @text as part of a token: what would divide it is escaped (FHIR search, "Escaping Search
 * Parameters"), or "A,456" would find a stranger who has "456". */
static char *search_token(const char *text)
{
    _cleanup_free_ char *escaped = memory_new(2 * strlen(text) + 1);
    char *to = escaped;

    for (; *text; text++) {
        if (strchr("\\,$|", *text))
            *to++ = '\\';
        *to++ = *text;
    }
    *to = '\0';
    return uri_encode(escaped);
}

char *identifier_token_query(const char *parameter, const char *system, const char *value)
{
    _cleanup_free_ char *system_token = search_token(system);
    _cleanup_free_ char *value_token = search_token(value);

    return memory_print("%s=%s%%7C%s", parameter, system_token, value_token);
}

char *identifier_query(const json_t *identifier)
{
    return identifier_token_query("identifier", node_get_text(identifier, "system"),
                                  node_get_text(identifier, "value"));
}
