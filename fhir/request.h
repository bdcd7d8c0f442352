/* Requests: ImagingStudy.basedOn, ServiceRequest and reasons (mapping 1.5, 3.1, 3.9, 3.37, 5.2).
 * Pure. */
#ifndef ISTHMUS_FHIR_REQUEST_H
#define ISTHMUS_FHIR_REQUEST_H

#include "fhir/build.h"

/* Every request that the instances name, once, in order of appearance: an array of
 * {accession, identifier: […], concept, display, reasons: […]}, whose members may be absent. */
json_t *requests_collect(const struct build *b);

/* basedOn of the ImagingStudy; the ServiceRequests are written as their mode says. */
json_t *requests_based_on(struct build *b, const json_t *requests);

/* The accession numbers as Identifiers, and the reasons as CodeableConcepts, of all requests. */
json_t *requests_accessions(const json_t *requests);
json_t *requests_reasons(const json_t *requests);

#endif
