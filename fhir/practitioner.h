/* Practitioner and PractitionerRole: referrer, performers, readers (mapping 3.10, 3.21, 5.5). Pure.
 */
#ifndef ISTHMUS_FHIR_PRACTITIONER_H
#define ISTHMUS_FHIR_PRACTITIONER_H

#include "fhir/build.h"

/* ImagingStudy.referrer; NULL: none. */
json_t *practitioner_referrer(struct build *b);

/* series.performer: performing physicians and operators of @series. */
json_t *practitioner_performers(struct build *b, const struct scope_series *series);

/* ImagingStudy.interpreter: physicians reading the study. */
json_t *practitioner_interpreters(struct build *b);

#endif
