/* Fingerprint of what the configuration says about the content of Bundles: when it changes, every
 * study of the target is sent again. Pure. */
#ifndef ISTHMUS_FHIR_FINGERPRINT_H
#define ISTHMUS_FHIR_FINGERPRINT_H

#include "fhir/digest.h"
#include "store/base/conf.h"

/* Of fhir {…} and of what target @i says about where its Bundles go and what is in them; not of
 * the release, which the server may decide. */
void fingerprint_of(const struct conf *c, size_t i, char ret[DIGEST_TEXT]);

#endif
