/* What a person asks of the publisher without publishing: the Bundle of a study, how much of the
 * mapping studies fill, whether a target can be worked with (behind `isthmus publish`), what orders
 * it has. */
#ifndef ISTHMUS_FHIR_INSPECT_H
#define ISTHMUS_FHIR_INSPECT_H

#include "store/base/conf.h"

#include <stdbool.h>

struct inspection {
    const char *study;   /* Study Instance UID, or NULL */
    const char *target;  /* name; NULL: the first */
    const char *release; /* "R4", "R5"; NULL: the target's own, asked from its server if need be */
    bool json;
};

/* Each prints its result to standard output, problems to standard error, and returns the exit
 * status: 0; 1 found something wrong; 2 wrong usage; 3 cannot (database or server away). */
int inspect_show(const struct conf *c, const struct inspection *i);
/* Without a study: over all of them. */
int inspect_coverage(const struct conf *c, const struct inspection *i);
int inspect_target(const struct conf *c, const struct inspection *i);
/* One look for orders, which go into the worklist. */
int inspect_orders(const struct conf *c, const struct inspection *i);

#endif
