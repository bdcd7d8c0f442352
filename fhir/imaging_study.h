/* ImagingStudy (mapping 3, paths 1–25). Pure. */
#ifndef ISTHMUS_FHIR_IMAGING_STUDY_H
#define ISTHMUS_FHIR_IMAGING_STUDY_H

#include "fhir/build.h"

/* The resource; other resources that it needs go to their places in @b, whose patient has
 * been built before. */
json_t *imaging_study_build(struct build *b);

/* ImagingStudy.series[] of one series (series.c). */
json_t *series_build(struct build *b, const struct scope_series *series);

#endif
