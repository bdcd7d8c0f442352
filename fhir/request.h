/* Requests: ImagingStudy.basedOn, ServiceRequest and reasons (mapping 1.5, 3.1, 3.9, 3.37, 5.2).
 * Pure. */
#ifndef ISTHMUS_FHIR_REQUEST_H
#define ISTHMUS_FHIR_REQUEST_H

#include "fhir/build.h"

/* Every request that the instances name, once, in order of appearance: an array of
 * {accession, identifier: […], concept, display, reasons: […], reference, withheld: true}, whose
 * members may be absent. reference: the ServiceRequest that the server has; withheld: it is of
 * another patient, or a person said that it is not meant, so that nothing may refer to it. */
json_t *requests_collect(const struct build *b);

/* basedOn of the ImagingStudy; the ServiceRequests are written as their mode says. */
json_t *requests_based_on(struct build *b, const json_t *requests);

/* The accession numbers as Identifiers, of all requests or of those that are withheld; the reasons
 * of all as CodeableConcepts. */
json_t *requests_accessions(const json_t *requests, bool withheld_only);
json_t *requests_reasons(const json_t *requests);

#endif
