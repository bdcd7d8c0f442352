/* How every connection to a server of a target is made: for FHIR and for tokens alike. */
#ifndef ISTHMUS_FHIR_TRANSPORT_H
#define ISTHMUS_FHIR_TRANSPORT_H

#include "fhir/settings.h"

#include <curl/curl.h>

/* Time-outs and TLS as @d says, no redirects. @d must outlive the next request of @curl. */
void transport_apply(const struct delivery *d, CURL *curl);

#endif
