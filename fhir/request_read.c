/* Where a data set names requests, and what it says about each (mapping 1.5). */
#include "fhir/coding.h"
#include "fhir/request_record.h"

#include <string.h>

#define ACCESSION_TYPE identifier_type("ACSN", "Accession ID")

static const struct dataset *who_says(const struct request *r, const char *tag)
{
    return dataset_has(r->own, tag) || !r->rest ? r->own : r->rest;
}

static const char *text_of(const struct request *r, const char *tag)
{
    return dataset_text(who_says(r, tag), tag);
}

static json_t *accession_of(const struct mapping *m, const struct request *r)
{
    struct issuer issuer =
        issuer_of(who_says(r, IssuerOfAccessionNumberSequence), IssuerOfAccessionNumberSequence);

    return identifier_new(m, ACCESSION_TYPE, &issuer, KIND_ACCESSION, text_of(r, AccessionNumber));
}

static json_t *order_number(const struct mapping *m, const struct request *r, enum kind kind)
{
    bool placer = kind == KIND_PLACER;
    const char *issuer_tag = placer ? OrderPlacerIdentifierSequence : OrderFillerIdentifierSequence;
    struct issuer issuer = issuer_of(who_says(r, issuer_tag), issuer_tag);
    const char *value = text_of(r, placer ? PlacerOrderNumberImagingServiceRequest
                                          : FillerOrderNumberImagingServiceRequest);

    if (!value)
        value = text_of(r, placer ? PlacerOrderNumberRetired : FillerOrderNumberRetired);
    return identifier_new(m,
                          placer ? identifier_type("PLAC", "Placer Identifier")
                                 : identifier_type("FILL", "Filler Identifier"),
                          &issuer, kind, value);
}

/* Its own default system, else that of the placer. */
static json_t *procedure_id(const struct mapping *m, const struct request *r, const json_t *placer)
{
    const char *value = text_of(r, RequestedProcedureID);
    const char *system = m->systems[KIND_REQUESTED_PROCEDURE];
    json_t *identifier;

    if (!value)
        return NULL;
    identifier = json_object();
    node_set(identifier, "type", identifier_type_text("Requested Procedure ID"));
    node_set_text(identifier, "system", system ? system : node_get_text(placer, "system"));
    node_set_text(identifier, "value", value);
    return identifier;
}

static json_t *identifiers_of(const struct mapping *m, const struct request *r,
                              const json_t *accession)
{
    json_t *identifiers = json_array(), *placer = order_number(m, r, KIND_PLACER);

    (void)node_push(identifiers, json_deep_copy(accession));
    (void)node_push(identifiers, json_incref(placer));
    (void)node_push(identifiers, order_number(m, r, KIND_FILLER));
    (void)node_push(identifiers, procedure_id(m, r, placer));
    json_decref(placer);
    return identifiers;
}

/* The first requested procedure code; the description is what the person at the RIS read. */
static json_t *concept_of_request(const struct mapping *m, const struct request *r)
{
    const struct dataset *says = who_says(r, RequestedProcedureCodeSequence);
    struct dataset item = dataset_item(says, RequestedProcedureCodeSequence, 0);
    const char *description = text_of(r, RequestedProcedureDescription);
    json_t *concept = concept_of(m, &item);

    if (!concept)
        concept = json_object();
    node_set_text(concept, "text", description);
    return concept;
}

static const char *display_of(const struct request *r)
{
    const struct dataset *says = who_says(r, RequestedProcedureCodeSequence);
    struct dataset item = dataset_item(says, RequestedProcedureCodeSequence, 0);
    const char *meaning = dataset_text(&item, CodeMeaning);

    return meaning ? meaning : text_of(r, RequestedProcedureDescription);
}

static bool is_meaning(const struct dataset *d, const char *tag, const char *text)
{
    size_t n = dataset_count(d, tag);

    for (size_t i = 0; i < n; i++) {
        struct dataset item = dataset_item(d, tag, i);
        const char *meaning = dataset_text(&item, CodeMeaning);

        if (meaning && strcmp(meaning, text) == 0)
            return true;
    }
    return false;
}

/* A text beside one code is what that code was called here; else it is a reason of its own. */
static json_t *reasons_of(const struct mapping *m, const struct request *r)
{
    const struct dataset *says = who_says(r, ReasonForRequestedProcedureCodeSequence);
    const char *text = text_of(r, ReasonForTheRequestedProcedure);
    json_t *reasons = json_array();

    concepts_push(reasons, m, says, ReasonForRequestedProcedureCodeSequence);
    if (!text || is_meaning(says, ReasonForRequestedProcedureCodeSequence, text))
        return reasons;
    if (json_array_size(reasons) == 1)
        node_set_text(json_array_get(reasons, 0), "text", text);
    else
        (void)node_push(reasons, node_concept(NULL, text));
    return reasons;
}

static bool same_at(const json_t *a, const json_t *b, const char *key)
{
    const json_t *one = json_object_get(a, key), *other = json_object_get(b, key);

    return one && other ? json_equal(one, other) : one == other;
}

/* The same accession number of the same system; without one, the same numbers and code. */
static bool same_request(const json_t *a, const json_t *b)
{
    const json_t *one = json_object_get(a, "accession"), *other = json_object_get(b, "accession");

    if (one && other)
        return same_at(one, other, "system") && same_at(one, other, "value");
    return !one && !other && same_at(a, b, "identifier") && same_at(a, b, "concept");
}

/* One order may have several requested procedures: their numbers and reasons belong to it. */
static void merge(json_t *request, const json_t *same, const char *key)
{
    json_t *there = json_object_get(request, key), *more;
    size_t i;

    if (!there)
        node_set(request, key, json_deep_copy(json_object_get(same, key)));
    else
        json_array_foreach (json_object_get(same, key), i, more) {
            (void)node_push_new(there, json_deep_copy(more));
        }
}

json_t *request_record(const struct mapping *m, const struct request *r)
{
    json_t *accession = accession_of(m, r), *record = json_object();

    node_set(record, "accession", accession);
    node_set(record, "identifier", identifiers_of(m, r, accession));
    node_set(record, "concept", concept_of_request(m, r));
    if (node_is_empty(record)) { /* neither a number nor a code: nothing was requested */
        json_decref(record);
        return NULL;
    }
    node_set_text(record, "display", display_of(r));
    node_set(record, "reasons", reasons_of(m, r));
    return record;
}

json_t *request_record_of_accession(const struct mapping *m, const struct dataset *d)
{
    struct request r = {.own = d};
    json_t *accession = accession_of(m, &r), *record = json_object();

    node_set(record, "accession", json_incref(accession));
    node_set(record, "identifier", node_array(accession));
    return record;
}

static void push(json_t *requests, const struct mapping *m, const struct request *r)
{
    json_t *record = request_record(m, r), *there;
    size_t i;

    if (!record)
        return;
    json_array_foreach (requests, i, there) {
        if (same_request(there, record)) {
            merge(there, record, "identifier");
            merge(there, record, "reasons");
            json_decref(record);
            return;
        }
    }
    (void)node_push(requests, record);
}

/* Whether the top level names an accession number that no item has. */
static bool differs(const struct dataset *d, const char *tag)
{
    const char *top = dataset_text(d, AccessionNumber);
    size_t n = dataset_count(d, tag);

    for (size_t i = 0; top && i < n; i++) {
        struct dataset item = dataset_item(d, tag, i);
        const char *own = dataset_text(&item, AccessionNumber);

        if (own && strcmp(own, top) == 0)
            return false;
    }
    return top != NULL;
}

static void push_of_dataset(json_t *requests, const struct mapping *m, const struct dataset *d)
{
    static const char *const tags[] = {RequestAttributesSequence, ReferencedRequestSequence};
    size_t n = dataset_count(d, tags[0]) + dataset_count(d, tags[1]);
    struct dataset only = {.documents = {NULL}};

    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i < dataset_count(d, tags[t]); i++) {
            struct dataset item = dataset_item(d, tags[t], i);

            push(requests, m, &(struct request){.own = &item, .rest = n == 1 ? d : NULL});
            only = item;
        }
    if (n == 1 && !dataset_has(&only, AccessionNumber))
        return; /* what the top level says went to the item */
    if (n == 0 || (differs(d, tags[0]) && differs(d, tags[1])))
        push(requests, m, &(struct request){.own = d});
}

json_t *requests_of_images(const struct build *b)
{
    struct asking a = ask_study(b->scope);
    json_t *requests = json_array();
    struct dataset d;

    while (ASK_NEXT(&a, &d, RequestAttributesSequence, ReferencedRequestSequence, AccessionNumber,
                    RequestedProcedureID, PlacerOrderNumberImagingServiceRequest,
                    FillerOrderNumberImagingServiceRequest, PlacerOrderNumberRetired,
                    FillerOrderNumberRetired, RequestedProcedureCodeSequence))
        push_of_dataset(requests, b->mapping, &d);
    return requests;
}
