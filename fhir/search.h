/* A FHIR search with all its pages. */
#ifndef ISTHMUS_FHIR_SEARCH_H
#define ISTHMUS_FHIR_SEARCH_H

#include "fhir/client.h"

#include <jansson.h>
#include <stdint.h>

/* What to do with a page (a Bundle): 0, or an error that ends the search. */
typedef int search_page(void *context, json_t *bundle);

struct search {
    const char *path;
    search_page *page;
    void *context;
    const char *etag; /* that of the answer when it was a single page; NULL: none is known */
    int pages_max;    /* what is behind is left; 0: all are read */

    int64_t began_at_s; /* out: when it began, by the server's clock; 0: not said */
    char *new_etag;     /* out: of an answer that is a single page; NULL: none; malloc'ed */
};

/* GET the path of @s from the server at @base_url and the pages that follow. Where the server has
 * nothing new since the ETag there are no pages. When it does not know the next page any more, it
 * begins again, so that a page may come twice. A link to another server is not followed:
 * VERDICT_REFUSED. 0: @ret says how it ended (all pages were taken: VERDICT_DONE); negative: what
 * the page function returned, @ret is not filled. */
int search_all(struct client *c, const char *base_url, struct search *s, struct answer *ret);

/* What a `next` link leads to, as a path for client_send(); malloc'ed; NULL: it leads away from
 * @base_url. Pure. */
char *search_next_path(const char *base_url, const char *link);

/* Whether the server says in @bundle that it left out something of the query: by an outcome among
 * the entries, or by a self link without @parameter. Pure. */
bool search_ignores(const json_t *bundle, const char *parameter);

#endif
