/* A FHIR search with all its pages. */
#ifndef ISTHMUS_FHIR_SEARCH_H
#define ISTHMUS_FHIR_SEARCH_H

#include "fhir/client.h"

#include <jansson.h>

/* What to do with a page (a Bundle): 0, or an error that ends the search. */
typedef int search_page(void *context, json_t *bundle);

/* GET @path of the server at @base_url and the pages that follow. A link to another server is not
 * followed: VERDICT_REFUSED. 0: @ret says how it ended (all pages were taken: VERDICT_DONE);
 * negative: what @page returned, @ret is not filled. */
int search_all(struct client *c, const char *base_url, const char *path, search_page *page,
               void *context, struct answer *ret);

/* What a `next` link leads to, as a path for client_send(); malloc'ed; NULL: it leads away from
 * @base_url. Pure. */
char *search_next_path(const char *base_url, const char *link);

#endif
