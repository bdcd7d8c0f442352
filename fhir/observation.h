/* Observations: weight, size and age (mapping 3.26, 3.30, 5.3). Pure. */
#ifndef ISTHMUS_FHIR_OBSERVATION_H
#define ISTHMUS_FHIR_OBSERVATION_H

#include "fhir/build.h"

/* Add an entry for each of them that the study has. */
void observation_build(struct build *b);

#endif
