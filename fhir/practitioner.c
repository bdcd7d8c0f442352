#include "fhir/practitioner.h"
#include "fhir/coding.h"
#include "fhir/human_name.h"
#include "fhir/location.h"
#include "fhir/memory.h"
#include "store/base/cleanup.h"

#include <string.h>

#define PARTICIPATION "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"

/* What the data set says about one person. */
struct person {
    json_t *names;       /* array or NULL */
    struct dataset item; /* of the identification sequence; may be empty */
};

static json_t *identifier_of(const struct mapping *m, const struct dataset *code)
{
    _cleanup_free_ char *system = coding_system(m, code);
    json_t *identifier = json_object();
    const char *value = dataset_text(code, CodeValue);

    if (!system && m->systems[KIND_STAFF])
        system = memory_text(m->systems[KIND_STAFF], strlen(m->systems[KIND_STAFF]));
    if (!value)
        value = dataset_text(code, LongCodeValue);
    if (value)
        node_set_text(identifier, "system", system);
    node_set_text(identifier, "value", value);
    return identifier;
}

/* Takes @p's names over; NULL: nobody. */
static json_t *resource_of(const struct mapping *m, struct person *p)
{
    struct dataset code = dataset_item(&p->item, PersonIdentificationCodeSequence, 0);
    const char *meaning = dataset_text(&code, CodeMeaning);
    json_t *practitioner = node_resource("Practitioner", NULL), *name;

    node_set(practitioner, "identifier", node_array(identifier_of(m, &code)));
    if (!p->names && meaning) {
        name = json_object();
        node_set_text(name, "text", meaning);
        p->names = node_array(name);
    }
    node_set(practitioner, "name", TAKE_PTR(p->names));
    if (json_object_size(practitioner) > 1)
        return practitioner;
    json_decref(practitioner);
    return NULL;
}

/* The person in the service of an institution: a contained PractitionerRole #<id>-role around
 * @reference, which is taken over. */
static json_t *in_role(struct build *b, const char *id, const struct dataset *item,
                       json_t *reference)
{
    _cleanup_free_ char *role_id = memory_print("%s-role", id);
    json_t *organization = b->mapping->roles ? location_organization(b, item) : NULL, *role;
    const char *name = node_get_text(reference, "display");
    _cleanup_free_ char *display = name ? memory_text(name, strlen(name)) : NULL;

    if (!organization)
        return reference;
    role = node_resource("PractitionerRole", NULL);
    node_set(role, "practitioner", reference);
    node_set(role, "organization", organization);
    return build_contain(b, role_id, "PractitionerRole", role, display);
}

/* Write @practitioner as an entry of its own when it can be found again, else contained. */
static json_t *refer(struct build *b, const char *id, const struct dataset *item,
                     json_t *practitioner)
{
    const json_t *identifier = identifier_matching(json_object_get(practitioner, "identifier"));
    const char *display = human_name_display(json_object_get(practitioner, "name"));
    json_t *reference = identifier ? build_share(b, MODE_CREATE, practitioner, identifier, display)
                                   : build_contain(b, id, "Practitioner", practitioner, display);

    return in_role(b, id, item, reference);
}

static json_t *referrer_of(struct build *b, const struct dataset *d)
{
    struct person p = {
        .names = human_names(dataset_name(d, ReferringPhysicianName, 0)),
        .item = dataset_item(d, ReferringPhysicianIdentificationSequence, 0),
    };
    json_t *practitioner = resource_of(b->mapping, &p);

    return practitioner ? refer(b, "referrer", &p.item, practitioner) : NULL;
}

json_t *practitioner_referrer(struct build *b)
{
    struct asking a = ask_study(b->scope);
    json_t *referrer = NULL;
    struct dataset d;

    while (!referrer &&
           ASK_NEXT(&a, &d, ReferringPhysicianName, ReferringPhysicianIdentificationSequence))
        referrer = referrer_of(b, &d);
    if (!referrer &&
        ASK_ORDERS(b, &d, ReferringPhysicianName, ReferringPhysicianIdentificationSequence))
        referrer = referrer_of(b, &d);
    return referrer;
}

/* Equal identifier, else equal name: the same person. */
static char *person_key(const json_t *practitioner)
{
    const json_t *identifier = json_array_get(json_object_get(practitioner, "identifier"), 0);
    const char *system = node_get_text(identifier, "system");
    const char *value = node_get_text(identifier, "value");
    const char *name = human_name_display(json_object_get(practitioner, "name"));

    if (value)
        return memory_print("id %s|%s", system ? system : "", value);
    return memory_print("name %s", name ? name : "");
}

/* The Reference to @p, the same for the same person in the whole study. NULL: nobody. */
static json_t *refer_once(struct build *b, const char *prefix, struct person *p)
{
    json_t *practitioner = resource_of(b->mapping, p), *reference;
    _cleanup_free_ char *key = NULL, *known = NULL, *id = NULL;
    json_int_t n;

    if (!practitioner)
        return NULL;
    key = person_key(practitioner);
    known = memory_print("%s %s", prefix, key);
    reference = json_object_get(b->performers, known);
    if (reference) {
        json_decref(practitioner);
        return json_incref(reference);
    }
    n = json_integer_value(json_object_get(b->performers, prefix)) + 1;
    id = memory_print("%s%lld", prefix, n);
    reference = refer(b, id, &p->item, practitioner);
    (void)json_object_set(b->performers, known, reference);
    if (*node_get_text(reference, "reference") == '#')
        (void)json_object_set_new(b->performers, prefix, json_integer(n));
    return reference;
}

/* The persons of one instance, paired by position when there are as many items as names; else
 * first the names alone, then the items alone. */
static void push_persons(struct build *b, json_t *references, const char *prefix,
                         const struct dataset *d, const char *names_tag, const char *items_tag)
{
    size_t n_names = dataset_count(d, names_tag), n_items = dataset_count(d, items_tag);
    size_t n = n_names == n_items ? n_names : n_names + n_items;

    for (size_t i = 0; i < n; i++) {
        bool paired = n_names == n_items, named = paired || i < n_names;
        struct person p = {0};

        if (named)
            p.names = human_names(dataset_name(d, names_tag, i));
        if (paired || !named)
            p.item = dataset_item(d, items_tag, paired ? i : i - n_names);
        (void)node_push_new(references, refer_once(b, prefix, &p));
    }
}

static void push_performers(struct build *b, json_t *performers, const struct scope_series *series,
                            const char *names_tag, const char *items_tag, const char *code,
                            const char *display)
{
    struct asking a = ask_series(b->scope, series);
    _cleanup_json_ json_t *references = json_array();
    json_t *reference;
    struct dataset d;
    size_t i;

    while (ASK_NEXT(&a, &d, names_tag, items_tag))
        push_persons(b, references, "performer", &d, names_tag, items_tag);
    json_array_foreach (references, i, reference) {
        json_t *performer = json_object();

        node_set(performer, "function",
                 node_concept(node_coding(PARTICIPATION, code, display), NULL));
        node_set(performer, "actor", json_incref(reference));
        (void)node_push(performers, performer);
    }
}

json_t *practitioner_performers(struct build *b, const struct scope_series *series)
{
    json_t *performers = json_array();

    push_performers(b, performers, series, PerformingPhysicianName,
                    PerformingPhysicianIdentificationSequence, "PRF", "performer");
    push_performers(b, performers, series, OperatorsName, OperatorIdentificationSequence, "SPRF",
                    "secondary performer");
    return performers;
}

json_t *practitioner_interpreters(struct build *b)
{
    struct asking a = ask_study(b->scope);
    json_t *references = json_array();
    struct dataset d;

    while (ASK_NEXT(&a, &d, NameOfPhysiciansReadingStudy,
                    PhysiciansReadingStudyIdentificationSequence))
        push_persons(b, references, "interpreter", &d, NameOfPhysiciansReadingStudy,
                     PhysiciansReadingStudyIdentificationSequence);
    return references;
}
