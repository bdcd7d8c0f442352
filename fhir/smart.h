/* SMART Backend Services: an access token for a signed assertion (mapping 9.3). There is no
 * refresh token: a new one is asked for shortly before the old one ends. */
#ifndef ISTHMUS_FHIR_SMART_H
#define ISTHMUS_FHIR_SMART_H

#include "fhir/settings.h"

#include <curl/curl.h>

struct smart;

/* -EINVAL: the key cannot be used; @ret_message (malloc'ed) says why. @d must outlive it. */
int smart_new(const struct delivery *d, struct smart **ret, char **ret_message);
struct smart *smart_free(struct smart *s);

/* A token that is valid for some seconds at least; asks for one when needed. NULL: it cannot be
 * had now. Valid until the next call. */
const char *smart_token(struct smart *s);

/* The server does not accept the token: the next call asks for another. */
void smart_forget(struct smart *s);

#endif
