#include "fhir/specimen.h"
#include "fhir/coding.h"
#include "fhir/memory.h"
#include "fhir/patient.h"
#include "store/base/cleanup.h"
#include "store/base/uid.h"

static json_t *identifiers_of(const struct mapping *m, const struct dataset *item)
{
    struct issuer issuer = issuer_of(item, IssuerOfTheSpecimenIdentifierSequence);
    const char *uid = dataset_text(item, SpecimenUID);
    json_t *identifiers = json_array();

    if (uid && uid_valid(uid))
        (void)node_push(identifiers, identifier_of_uid(uid));
    (void)node_push(identifiers, identifier_new(m, NULL, &issuer, KIND_SPECIMEN,
                                                dataset_text(item, SpecimenIdentifier)));
    return identifiers;
}

static json_t *resource_of(const struct build *b, const struct dataset *item, json_t *identifiers)
{
    struct dataset type = dataset_item(item, SpecimenTypeCodeSequence, 0);
    bool inside = !identifier_matching(identifiers);
    json_t *body = json_object(), *specimen = node_resource("Specimen", NULL);

    patient_set_subject(b, body, inside, false);
    node_set(specimen, "contained", json_incref(json_object_get(body, "contained")));
    node_set(specimen, "identifier", identifiers);
    node_set(specimen, "type", concept_of(b->mapping, &type));
    node_set(specimen, "subject", json_incref(json_object_get(body, "subject")));
    json_decref(body);
    return specimen;
}

/* The Reference to a specimen is the same in every series that shows it. */
static json_t *refer(struct build *b, const struct dataset *item)
{
    json_t *identifiers = identifiers_of(b->mapping, item), *reference, *specimen;
    const json_t *first = json_array_get(identifiers, 0), *matching;
    const char *system = node_get_text(first, "system"), *value = node_get_text(first, "value");
    _cleanup_free_ char *key = NULL, *id = NULL;

    if (!first) {
        json_decref(identifiers);
        return NULL;
    }
    key = memory_print("%s|%s", system ? system : "", value);
    reference = json_object_get(b->specimens, key);
    if (reference) {
        json_decref(identifiers);
        return json_incref(reference);
    }
    specimen = resource_of(b, item, identifiers);
    matching = identifier_matching(json_object_get(specimen, "identifier"));
    id = memory_print("specimen%zu", json_object_size(b->specimens) + 1);
    reference = matching ? build_share(b, MODE_CREATE, specimen, matching, NULL)
                         : build_contain(b, id, "Specimen", specimen, NULL);
    (void)json_object_set(b->specimens, key, reference);
    return reference;
}

json_t *specimen_references(struct build *b, const struct scope_series *series)
{
    struct asking a = ask_series(b->scope, series);
    json_t *references = json_array();
    struct dataset d;

    while (ASK_NEXT(&a, &d, SpecimenDescriptionSequence)) {
        size_t n = dataset_count(&d, SpecimenDescriptionSequence);

        for (size_t i = 0; i < n; i++) {
            struct dataset item = dataset_item(&d, SpecimenDescriptionSequence, i);

            (void)node_push_new(references, refer(b, &item));
        }
    }
    return references;
}
