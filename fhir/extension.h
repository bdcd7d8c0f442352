/* Our own extensions, where the configuration gives them a base URL; fhir/definitions/ has their
 * StructureDefinitions. Pure. */
#ifndef ISTHMUS_FHIR_EXTENSION_H
#define ISTHMUS_FHIR_EXTENSION_H

#include "fhir/mapping.h"
#include "store/study.h"

#include <jansson.h>

/* Instance Availability (0008,0056) UNAVAILABLE: [{url, valueCode}], or NULL unless @away. */
json_t *extension_availability(const struct mapping *m, bool away);

/* The extensions of an instance: SOP Instance Status (0100,0410), and availability. */
json_t *extension_of_instance(const struct mapping *m, const struct study_instance *instance);

#endif
