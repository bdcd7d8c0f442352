/* Patient (mapping 5.1, paths 28–36). Pure. */
#ifndef ISTHMUS_FHIR_PATIENT_H
#define ISTHMUS_FHIR_PATIENT_H

#include "fhir/build.h"

/* Find out who the subject of the study is and write the Patient as its mode says. */
void patient_build(struct build *b);

/* Set subject in @resource. @inside: it is the ImagingStudy or contained there; another
 * resource gets a copy of a Patient that has to be contained. @display: with the name. */
void patient_set_subject(const struct build *b, json_t *resource, bool inside, bool display);

#endif
