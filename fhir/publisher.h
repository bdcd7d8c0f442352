/* The way of one study to one target: claim → load → build → send → settle.
 *
 * Whatever happens, the outbox row stays until the target has accepted the study: a killed
 * publisher, a lost database or a server that is down cost time, never a study. */
#ifndef ISTHMUS_FHIR_PUBLISHER_H
#define ISTHMUS_FHIR_PUBLISHER_H

#include "fhir/settings.h"
#include "store/db.h"

/* Publish to the target of @s until asked to stop (stop.h). Returns 0 then, or -EINVAL when the
 * target cannot be worked with as it is configured (already logged). */
int publisher_run(struct db *db, const struct settings *s);

#endif
