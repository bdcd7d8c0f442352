/* Location and Organization (mapping 3.4, 5.6). Pure. */
#ifndef ISTHMUS_FHIR_LOCATION_H
#define ISTHMUS_FHIR_LOCATION_H

#include "fhir/build.h"

/* ImagingStudy.location; NULL: none. */
json_t *location_build(struct build *b);

/* A Reference to the institution that @d names (Institution Name, Institution Code Sequence);
 * NULL: none. */
json_t *location_organization(struct build *b, const struct dataset *d);

#endif
