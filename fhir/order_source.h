/* Orders from a FHIR server: a look every now and then (order_look.h). */
#ifndef ISTHMUS_FHIR_ORDER_SOURCE_H
#define ISTHMUS_FHIR_ORDER_SOURCE_H

#include "fhir/settings.h"
#include "store/db.h"
#include "store/worklist.h"

struct order_rules;

/* Read orders from the server of @s until asked to stop (stop.h). Returns 0 then, or -EINVAL when
 * the server cannot be worked with as it is configured (already logged). */
int order_source_run(struct db *db, const struct settings *s, const struct order_rules *rules,
                     const struct worklist_options *options);

#endif
