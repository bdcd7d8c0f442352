#include "fhir/location.h"
#include "fhir/coding.h"
#include "store/base/cleanup.h"

json_t *location_organization(struct build *b, const struct dataset *d)
{
    const char *name = dataset_text(d, InstitutionName);
    struct dataset code = dataset_item(d, InstitutionCodeSequence, 0);
    _cleanup_free_ char *system = coding_system(b->mapping, &code);
    const char *value = dataset_text(&code, CodeValue);
    json_t *organization, *identifier;

    if (!name)
        name = dataset_text(&code, CodeMeaning);
    if (!system || !value)
        return name ? node_reference(NULL, "Organization", NULL, name) : NULL;
    organization = node_resource("Organization", NULL);
    identifier = json_object();
    node_set_text(identifier, "system", system);
    node_set_text(identifier, "value", value);
    node_set(organization, "identifier", node_array(json_incref(identifier)));
    node_set_text(organization, "name", name);
    json_decref(identifier);
    return build_share(b, MODE_CREATE, organization, identifier, name);
}

json_t *location_build(struct build *b)
{
    struct asking a = ask_study(b->scope);
    struct dataset d;
    const char *place, *department, *name, *system = b->mapping->systems[KIND_LOCATION];
    json_t *location, *identifier;

    if (!ASK_NEXT(&a, &d, PerformedLocation, InstitutionalDepartmentName))
        return NULL;
    place = dataset_text(&d, PerformedLocation);
    department = dataset_text(&d, InstitutionalDepartmentName);
    name = place ? place : department;
    location = node_resource("Location", NULL);
    if (system) {
        identifier = json_object();
        node_set_text(identifier, "system", system);
        node_set_text(identifier, "value", name);
        node_set(location, "identifier", node_array(identifier));
    }
    node_set_text(location, "name", name);
    if (place && department)
        node_set(location, "alias", node_array(node_text(department)));
    node_set(location, "managingOrganization", location_organization(b, &d));
    if (!system)
        return build_contain(b, "location", "Location", location, name);
    return build_share(b, MODE_CREATE, location,
                       json_array_get(json_object_get(location, "identifier"), 0), name);
}
