/* Observations: weight, size and age (mapping 3.26, 3.30, 5.3). Pure. */
#ifndef ISTHMUS_FHIR_OBSERVATION_H
#define ISTHMUS_FHIR_OBSERVATION_H

#include "fhir/build.h"

/* Above these a value is taken for wrong. */
#define OBSERVATION_WEIGHT_LIMIT_KG 1000
#define OBSERVATION_SIZE_LIMIT_CM 300

/* Add an entry for each of them that the study has. */
void observation_build(struct build *b);

#endif
