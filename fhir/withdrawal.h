/* Resources of our own beside the ImagingStudy whose source has vanished since the target
 * accepted the study: they are deleted with the next Bundle (mapping 6.7). Shared resources, the
 * Endpoint and the ImagingStudy itself never are. Pure. */
#ifndef ISTHMUS_FHIR_WITHDRAWAL_H
#define ISTHMUS_FHIR_WITHDRAWAL_H

#include <jansson.h>

/* The addresses ("Observation/<id>", "Observation?identifier=…") under which @bundle writes such
 * resources, separated by spaces; "" when there are none. malloc'ed. */
char *withdrawal_list(const json_t *bundle);

/* Add a DELETE to @bundle for each address of @before, withdrawal_list()s of earlier ones, that it
 * does not write. How many. */
size_t withdrawal_add(json_t *bundle, const char *before);

#endif
