#include "fhir/capability.h"
#include "fhir/memory.h"
#include "fhir/node.h"

#include <errno.h>
#include <string.h>

#define REFUSE(...) (*ret_message = memory_print(__VA_ARGS__), -EINVAL)

static int check_release(const json_t *statement, const struct mapping *m, bool any_release,
                         enum release *ret_release, char **ret_message)
{
    const char *version = node_get_text(statement, "fhirVersion");
    int release = version ? release_of_version(version) : -1;

    if (release < 0)
        return REFUSE("the server's metadata name no FHIR version that we write (R5 or R4)");
    if (!any_release && release != (int)m->release)
        return REFUSE("the server is FHIR %s, the target is configured for %s",
                      release_name((enum release)release), release_name(m->release));
    *ret_release = (enum release)release;
    return 0;
}

/* The element of @array whose @key is @value. */
static const json_t *find(const json_t *array, const char *key, const char *value)
{
    const json_t *element;
    size_t i;

    json_array_foreach (array, i, element) {
        const char *text = node_get_text(element, key);

        if (text && strcmp(text, value) == 0)
            return element;
    }
    return NULL;
}

static bool denies(const json_t *resource, const char *key)
{
    return json_is_false(json_object_get(resource, key));
}

static int check_resources(const json_t *resources, const struct mapping *m, char **ret_message)
{
    const json_t *study = find(resources, "type", "ImagingStudy");
    const json_t *patient = find(resources, "type", "Patient");

    if (!resources)
        return 0;
    if (!study)
        return REFUSE("the server does not take ImagingStudy");
    if (!m->search_identity && denies(study, "updateCreate"))
        return REFUSE("the server does not take ids from clients (updateCreate); use "
                      "identity = search");
    if (m->search_identity && denies(study, "conditionalUpdate"))
        return REFUSE("the server has no conditional update, which identity = search needs");
    if (m->patient == MODE_CREATE && denies(patient, "conditionalCreate"))
        return REFUSE("the server has no conditional create of Patient; use another patient mode");
    return 0;
}

bool capability_validates(const json_t *statement, const char *type)
{
    const json_t *rest = find(json_object_get(statement, "rest"), "mode", "server");
    const json_t *resource = find(json_object_get(rest, "resource"), "type", type);

    return resource && (find(json_object_get(resource, "operation"), "name", "validate") ||
                        find(json_object_get(rest, "operation"), "name", "validate"));
}

bool capability_deletes(const json_t *statement, const struct mapping *m)
{
    const json_t *rest = find(json_object_get(statement, "rest"), "mode", "server");
    const json_t *resources = json_object_get(rest, "resource");
    const json_t *observation = find(resources, "type", "Observation");
    const char *conditional = node_get_text(observation, "conditionalDelete");
    const json_t *interactions = json_object_get(observation, "interaction");

    if (m->search_identity)
        return conditional && strcmp(conditional, "not-supported") != 0;
    return !resources || (observation && (!interactions || find(interactions, "code", "delete")));
}

int capability_check(const json_t *statement, const struct mapping *m, bool any_release,
                     enum release *ret_release, char **ret_message)
{
    const char *type = node_get_text(statement, "resourceType");
    const json_t *rest, *interactions;
    int r;

    if (!type || strcmp(type, "CapabilityStatement") != 0)
        return REFUSE("the address does not answer as a FHIR server (no CapabilityStatement)");
    r = check_release(statement, m, any_release, ret_release, ret_message);
    if (r < 0)
        return r;
    rest = find(json_object_get(statement, "rest"), "mode", "server");
    interactions = json_object_get(rest, "interaction");
    if (interactions && !find(interactions, "code", "transaction"))
        return REFUSE("the server takes no transactions");
    return check_resources(json_object_get(rest, "resource"), m, ret_message);
}
