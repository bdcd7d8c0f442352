/* The Bundle of one study while it is being built: what the builders of the resources share.
 * Builders return JSON and put what they need besides into one of three places:
 * contained in the ImagingStudy, an entry that others may own, an entry of our own. Pure. */
#ifndef ISTHMUS_FHIR_BUILD_H
#define ISTHMUS_FHIR_BUILD_H

#include "fhir/identifier.h"
#include "fhir/mapping.h"
#include "fhir/node.h"
#include "fhir/resolve.h"

struct build {
    const struct mapping *mapping;
    const struct study *study;
    const struct scope *scope;
    enum form form;
    char study_id[UUID_TEXT];
    json_t *contained;      /* resources inside the ImagingStudy */
    json_t *shared;         /* entries that may already be on the server */
    json_t *own;            /* entries behind the ImagingStudy */
    json_t *performers;     /* who they are → Reference */
    json_t *specimens;      /* the same */
    json_t *patient;        /* the Patient resource when it has to be contained, else NULL */
    json_t *subject;        /* Reference to it */
    const char *patient_id; /* of the canonical patient; NULL: none */
    struct issuer patient_issuer;
    bool one_patient; /* all instances name the same, or none */
};

/* Put @resource into the ImagingStudy as #@id; the Reference to it. */
json_t *build_contain(struct build *b, const char *id, const char *type, json_t *resource,
                      const char *display);

/* Have @resource created unless the server has one with @identifier (which has a system), or
 * only referred to when @mode says so; the Reference to it. Equal ones are written once. Takes
 * @resource over; @identifier may be part of it. */
json_t *build_share(struct build *b, enum mode mode, json_t *resource, const json_t *identifier,
                    const char *display);

/* An entry that we alone write: PUT of @resource under @id, or found by @identifier. */
json_t *build_own(const struct build *b, const char *id, json_t *resource,
                  const json_t *identifier);
/* The same, found by a search of its own ("_tag=…"). */
json_t *build_own_found(const struct build *b, const char *id, json_t *resource, const char *query);

/* The next instance that speaks for the patient of this study; see ask_next(). */
bool build_ask_patient(const struct build *b, struct asking *a, const char *const *tags,
                       struct dataset *ret);

/* @reference, as the server that has @order writes it, when this is where the Bundle goes; or
 * NULL. */
const char *build_order_reference(const struct build *b, const struct study_order *order,
                                  const char *reference);
/* The first linked order that has a value in one of @tags (NULL-terminated); for what the images
 * lack. */
bool build_ask_orders(const struct build *b, const char *const *tags, struct dataset *ret);
#define ASK_ORDERS(b, ret, ...)                                                                    \
    build_ask_orders((b), (const char *const[]){__VA_ARGS__, NULL}, (ret))

/* The first text of @tag in @a's instances; lives as long as the study. */
const char *build_first_text(struct asking a, const char *tag);
/* dateTime of the first instance of @a that has one. */
json_t *build_first_when(const struct build *b, struct asking a, const char *date_tag,
                         const char *time_tag);

#endif
