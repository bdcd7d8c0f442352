/* Endpoint: where the images can be had by DICOMweb (mapping 5.4). Pure. */
#ifndef ISTHMUS_FHIR_ENDPOINT_H
#define ISTHMUS_FHIR_ENDPOINT_H

#include "fhir/build.h"

/* Whether connection types and addresses are what clients can use. -EINVAL: @ret_message
 * (malloc'ed) is a sentence for the user. */
int endpoint_check(const struct mapping *m, char **ret_message);

/* Number of Endpoints that are configured. */
size_t endpoint_count(const struct mapping *m);

/* Endpoint @i and the URL of its PUT ("Endpoint/<id>", or by identifier); malloc'ed. */
json_t *endpoint_resource(const struct mapping *m, size_t i, char **ret_url);

/* ImagingStudy.endpoint. */
json_t *endpoint_references(const struct mapping *m);

/* Bundle entries of all, for bundles that stand alone. */
void endpoint_push_entries(const struct mapping *m, json_t *entries);

#endif
