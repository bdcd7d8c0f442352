/* Specimen (mapping 3.22, 5.7). Pure. */
#ifndef ISTHMUS_FHIR_SPECIMEN_H
#define ISTHMUS_FHIR_SPECIMEN_H

#include "fhir/build.h"

/* series.specimen: a Reference to each specimen of @series. */
json_t *specimen_references(struct build *b, const struct scope_series *series);

#endif
