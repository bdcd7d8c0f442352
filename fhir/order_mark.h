/* How far the changes of a FHIR server have been read (worklist_source), by the server's own
 * clock. */
#ifndef ISTHMUS_FHIR_ORDER_MARK_H
#define ISTHMUS_FHIR_ORDER_MARK_H

#include "store/db.h"

#include <jansson.h>
#include <stdint.h>

/* The latest change seen in a search, in seconds since 1970; 0: none. */
struct order_mark {
    const char *type; /* whose changes are looked for */
    int64_t newest_s;
};

/* Note meta.lastUpdated of a resource of the type. Pure. */
void order_mark_note(struct order_mark *m, const json_t *resource);

/* What may be taken as read after a search that began at @began_at_s by the server's clock (0: not
 * known): what changed while it went on may have been missed. 0: nothing new. Pure. */
int64_t order_mark_reached(const struct order_mark *m, int64_t began_at_s);

/* 0 in *@ret_s: @type of @url was not read yet. Errors of db.h. */
int order_mark_load(struct db *db, const char *url, const char *type, int64_t *ret_s);
/* For each of @types (NULL at the end) at once. 0 seconds are not saved. */
int order_mark_save(struct db *db, const char *url, const char *const *types, int64_t s);
/* All that is known of @url is forgotten. */
int order_mark_forget(struct db *db, const char *url);

/* "_lastUpdated=ge2026-01-02T03%3A04%3A05Z". malloc'ed. */
char *order_mark_query(int64_t since_s);

#endif
