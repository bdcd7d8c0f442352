/* A FHIR server that orders are read from: what it turned out not to have, what was fetched from
 * it for the search under way, and what it last answered. State of the process; after a restart
 * it is found out again. */
#ifndef ISTHMUS_FHIR_ORDER_SERVER_H
#define ISTHMUS_FHIR_ORDER_SERVER_H

#include "fhir/search.h"
#include "fhir/settings.h"

#define ORDER_SERVER_IDS 50 /* resources in one search for them */

struct order_server {
    const char *url;
    struct delivery delivery;
    struct client *client;
    bool one_by_one; /* it takes no _include: what belongs to orders is asked for by itself */
    bool no_changes; /* it takes no _lastUpdated: all open orders are read every time */
    json_t *lacking; /* "Task": what cannot be had, and was said */
    json_t *kept;    /* resources by name that were fetched for this search; null: not there */
    json_t *etags;   /* path → ETag of the searches for changes */
    bool failed;     /* a resource could not be had, for now … */
    struct answer failure; /* … for this reason */
};

/* -EINVAL: it cannot be worked with as it is configured; *ret_message (malloc'ed) says why.
 * @settings must outlive it. */
int order_server_open(const struct settings *settings, struct order_server *ret,
                      char **ret_message);
void order_server_close(struct order_server *s);

/* A search with all its pages. 0: they were taken; -ECONNABORTED: @ret says why not; others: what
 * the page function returned. @remember: the same search with the same answer later has no pages
 * again, where the server gives an ETag. @ret_began_at_s (may be NULL): search.h. */
int order_server_search(struct order_server *s, const char *path, search_page *page, void *context,
                        bool remember, int64_t *ret_began_at_s, struct answer *ret);

/* The same beside a search under way: for what belongs to a page of it. What cannot be had at all
 * is left out and said once (@what: in whose absence what is lacking). 0, or -ECONNABORTED and
 * failed is set. */
int order_server_ask(struct order_server *s, const char *what, const char *path, search_page *page,
                     void *context, int pages_max);

/* Whether @answer (which is no VERDICT_DONE) means that the server does not take a search like
 * this, rather than that it cannot now. */
bool order_server_rejects(const struct answer *answer);

/* From now on @what ("Task") is not asked for; said once. */
void order_server_set_lacking(struct order_server *s, const char *what, const char *reason);
bool order_server_lacks(const struct order_server *s, const char *what);

/* A resource that came with no page, for struct pool; NULL: it is not there, or failed is set. */
json_t *order_server_fetch(void *server, const char *reference);

/* The same, and nothing but its absence counts for that: 0 (a new reference), -ENOENT when the
 * server says 404 or 410 for it (@ret_status), -ECONNABORTED and failed is set. */
int order_server_probe(struct order_server *s, const char *reference, json_t **ret,
                       int *ret_status);

#endif
