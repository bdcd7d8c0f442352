/* Fingerprint of a Bundle: the same one is not sent twice. Pure. */
#ifndef ISTHMUS_FHIR_DIGEST_H
#define ISTHMUS_FHIR_DIGEST_H

#include <jansson.h>

#define DIGEST_TEXT 33

/* XXH3-128 of @bundle as it is sent, for @target (where it goes: another address has not seen
 * it), as 32 hexadecimal digits. */
void digest_of(const json_t *bundle, const char *target, char ret[DIGEST_TEXT]);

#endif
