/* Identifiers: issuers → systems (mapping 2.6), FHIR Identifier, deterministic ids (6.2). Pure. */
#ifndef ISTHMUS_FHIR_IDENTIFIER_H
#define ISTHMUS_FHIR_IDENTIFIER_H

#include "fhir/dataset.h"
#include "fhir/mapping.h"

/* An HD: who issued an identifier. */
struct issuer {
    const char *local, *universal, *type; /* each may be NULL */
};

/* The issuer that the first item of @tag names. */
struct issuer issuer_of(const struct dataset *d, const char *tag);
/* The same of a Patient ID: (0010,0021) and (0010,0024). */
struct issuer issuer_of_patient(const struct dataset *d);

/* URI of the system of an identifier; NULL: none is known. malloc'ed. */
char *identifier_system(const struct mapping *m, const struct issuer *issuer, enum kind kind);

/* {type, system, value, assigner}; @type is taken over and may be NULL. NULL without @value. */
json_t *identifier_new(const struct mapping *m, json_t *type, const struct issuer *issuer,
                       enum kind kind, const char *value);
/* {system: urn:dicom:uid, value: urn:oid:<uid>} */
json_t *identifier_of_uid(const char *uid);

/* A type: CodeableConcept of v2-0203, or with text only. */
json_t *identifier_type(const char *code, const char *display);
json_t *identifier_type_text(const char *text);

/* The first Identifier of @identifiers that has a system, or NULL. Borrowed. */
const json_t *identifier_matching(const json_t *identifiers);

#define UUID_TEXT 37
/* Version 5 UUIDs, lower case. */
void uuid_of_study(const char *study_instance_uid, char ret[UUID_TEXT]);
/* "<type>|<a>|<b>" in the namespace of URLs. */
void uuid_of_names(const char *type, const char *a, const char *b, char ret[UUID_TEXT]);

/* "identifier=<system>%7C<value>" of an Identifier with a system, escaped as a search token and
 * then percent-encoded; malloc'ed. */
char *identifier_query(const json_t *identifier);
/* "<parameter>=<system>%7C<value>", the same way; malloc'ed. */
char *identifier_token_query(const char *parameter, const char *system, const char *value);

#endif
