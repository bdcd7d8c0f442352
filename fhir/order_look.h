/* One look at the orders of a FHIR server, put into the worklist:
 *   1. ServiceRequests that changed since the last look (the first time: that are open);
 *   2. orders whose Appointment, Task or Patient changed;
 *   3. some of the open orders that are held here, whether they changed or not: those that the
 *      server has no more are revoked, and what was missed is made good. The next look goes on.
 * How far it came is kept in the database after the orders are in; looking twice changes nothing,
 * so a look that is broken off is repeated. */
#ifndef ISTHMUS_FHIR_ORDER_LOOK_H
#define ISTHMUS_FHIR_ORDER_LOOK_H

#include "fhir/order_intake.h"
#include "fhir/order_mark.h"

struct order_look {
    struct db *db;
    const struct settings *settings;
    struct order_server server;
    struct order_intake intake;
    struct order_mark mark; /* of the search under way */
    json_t *again;          /* ids of ServiceRequests that are to be read again */
    json_t *seen, *seeing; /* name → version of what changed beside them: by earlier looks, now */
    long long gone;
};

/* All must outlive @ret. -EINVAL: the server cannot be worked with as it is configured;
 * *ret_message (malloc'ed) says why. */
int order_look_open(struct db *db, const struct settings *settings, const struct order_rules *rules,
                    const struct worklist_options *options, struct order_look *ret,
                    char **ret_message);
void order_look_close(struct order_look *l);

/* 0; -ECONNABORTED: @ret says what the server answered; errors of db.h. The counts of @l and its
 * intake are those of this look. */
int order_look(struct order_look *l, struct answer *ret);

/* Its third part (order_check.c). */
int order_check(struct order_look *l, struct answer *ret);

/* Read @ids (an array) again, with what belongs to them. As order_look(). */
int order_look_at_ids(struct order_look *l, const json_t *ids, enum intake_mode mode,
                      struct answer *ret);

#endif
