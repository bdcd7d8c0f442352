/* Which of the 39 paths of the mapping (section 3) a study fills, and why the others are empty.
 * Pure. */
#ifndef ISTHMUS_FHIR_COVERAGE_H
#define ISTHMUS_FHIR_COVERAGE_H

#include "fhir/flaw.h"
#include "fhir/mapping.h"
#include "store/study.h"

#include <jansson.h>

#define COVERAGE_PATHS 39
#define COVERAGE_ATTRIBUTES 51

struct coverage {
    unsigned paths[COVERAGE_PATHS];           /* studies that fill it */
    unsigned attributes[COVERAGE_ATTRIBUTES]; /* studies whose images have it */
    unsigned studies;
    struct flaws flaws; /* values that cannot be used */
};

/* Add one study with the Bundle that was built from it. */
void coverage_add(struct coverage *c, enum release release, const struct study *study,
                  const json_t *bundle);

/* {"paths": [{"path", "attributes": […], "studies", "why"}], "attributes": […], "flaws": [{"tag",
 * "reason", "values"}], …}; "why" only where no study fills the path. The caller owns it. */
json_t *coverage_report(const struct coverage *c, enum release release);

#endif
