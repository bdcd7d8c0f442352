/* What differs between FHIR R5 (5.0.0) and R4 (4.0.1), all of it (mapping 5). Pure. Values
 * called @concept, @coding, @concepts … are taken over. */
#ifndef ISTHMUS_FHIR_RELEASE_H
#define ISTHMUS_FHIR_RELEASE_H

#include <jansson.h>
#include <stdbool.h>

enum release { RELEASE_R5, RELEASE_R4 };

const char *release_name(enum release r);    /* "R5" */
const char *release_version(enum release r); /* "5.0", as in fhirVersion of a media type */
/* The release of a server's fhirVersion ("5.0.0"), or -1. */
int release_of_version(const char *version);

/* ImagingStudy.modality, series.modality, series.laterality: CodeableConcept | Coding. */
json_t *release_code(enum release r, json_t *coding);
/* Whether ImagingStudy.modality lists this one: all | only what acquires images. */
bool release_lists_modality(enum release r, const char *code);
/* Laterality R, L, B, U in that shape; NULL for another letter. */
json_t *release_laterality(enum release r, const char *letter);
/* series.bodySite: CodeableReference | Coding; @text when there is no code. */
json_t *release_body_site(enum release r, json_t *coding, const char *text);
/* ImagingStudy.procedure[].concept | procedureCode[]. */
void release_set_procedures(enum release r, json_t *study, json_t *concepts);
/* reason[].concept | reasonCode[], of ImagingStudy and ServiceRequest. */
void release_set_reasons(enum release r, json_t *resource, json_t *concepts);
/* Whether accession numbers belong into ImagingStudy.identifier. */
bool release_accession_in_identifier(enum release r);
/* Whether ImagingStudy has interpreter. */
bool release_has_interpreter(enum release r);
/* ServiceRequest.code: CodeableReference | CodeableConcept. */
json_t *release_service_code(enum release r, json_t *concept);
/* Endpoint.connectionType and payload: lists | one Coding and payloadType, payloadMimeType. */
void release_set_connection(enum release r, json_t *endpoint, json_t *coding);
void release_set_payload(enum release r, json_t *endpoint, json_t *coding, const char *mime_type);

#endif
