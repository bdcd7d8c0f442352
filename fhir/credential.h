/* Who we are to a FHIR server (mapping 9.3). Secrets come from files, and are read again when
 * the files change. */
#ifndef ISTHMUS_FHIR_CREDENTIAL_H
#define ISTHMUS_FHIR_CREDENTIAL_H

#include "fhir/settings.h"

#include <curl/curl.h>

struct credential;

/* 0, or -EINVAL with a sentence for the user (malloc'ed). @d must outlive it. */
int credential_new(const struct delivery *d, struct credential **ret, char **ret_message);
struct credential *credential_free(struct credential *c);

/* Put it on the next request of @curl. 0; -EAGAIN: it cannot be had now. */
int credential_apply(struct credential *c, CURL *curl);

/* The server did not accept it: forget what was kept. Whether there may be a new one. */
bool credential_renew(struct credential *c);

/* The first line of @path without its end; malloc'ed; NULL: cannot be read or is empty. */
char *credential_read_line(const char *path);

#endif
