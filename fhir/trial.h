/* A study that nobody has, with which a target is tried: it is validated there, never stored.
 * Pure. */
#ifndef ISTHMUS_FHIR_TRIAL_H
#define ISTHMUS_FHIR_TRIAL_H

#include "fhir/mapping.h"

#include <jansson.h>

/* Its Bundle, as the settings @m make it. The caller frees it with json_decref(). */
json_t *trial_bundle(const struct mapping *m);

#endif
