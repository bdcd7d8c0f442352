/* What a server says it can (GET metadata) against what a target needs (mapping 9.1). Pure. */
#ifndef ISTHMUS_FHIR_CAPABILITY_H
#define ISTHMUS_FHIR_CAPABILITY_H

#include "fhir/mapping.h"

#include <jansson.h>

/* 0: it fits, and @ret_release is the server's release (@any_release), or that of @m.
 * -EINVAL: it does not; @ret_message (malloc'ed) says what, for a person. What the server does
 * not say is taken as fitting. */
int capability_check(const json_t *statement, const struct mapping *m, bool any_release,
                     enum release *ret_release, char **ret_message);

/* Whether it validates resources of @type that it is shown ($validate). */
bool capability_validates(const json_t *statement, const char *type);

/* Whether what we wrote can be deleted there in the way that @m's identity does it. */
bool capability_deletes(const json_t *statement, const struct mapping *m);

#endif
