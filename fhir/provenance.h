/* Provenance: what the images of a study were converted from (mapping 8.3). Pure.
 *
 * One for each study with converted instances, PUT under an id of its own. Its entities are the
 * distinct sources in order of bytes. Where there are more than are listed, one entity says how
 * many: `isthmus provenance` has them all. Listed are as many as instances may be listed in
 * FORM_FULL, PROVENANCE_LISTED_MAX in FORM_SERIES, none in FORM_STUDY.
 *
 * Provenance has no identifier in any release: where the server gives the ids, ours is found by a
 * tag in its meta. */
#ifndef ISTHMUS_FHIR_PROVENANCE_H
#define ISTHMUS_FHIR_PROVENANCE_H

#include "fhir/build.h"

#define PROVENANCE_LISTED_MAX 500

/* Put it among the entries of our own. */
void provenance_build(struct build *b);

#endif
