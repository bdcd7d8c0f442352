/* What belongs to ServiceRequests and did not come with them: asked for, put into the pool. */
#ifndef ISTHMUS_FHIR_ORDER_BELONGING_H
#define ISTHMUS_FHIR_ORDER_BELONGING_H

#include "fhir/order_server.h"
#include "fhir/pool.h"
#include "store/db.h"

/* What the worklist has of @requests (by name): name → {"version", "steps": ["Appointment/7", …]},
 * steps that have not begun. 0, errors of db.h. */
int order_belonging_held(struct db *db, const char *url, const json_t *requests, json_t **ret);

/* All below: 0, or -ECONNABORTED and failed of the server is set.
 *
 * Appointments and Tasks based on @requests. */
int order_belonging_steps(struct order_server *s, struct pool *pool, const json_t *requests);

/* What schedules steps of @requests in the worklist and is not in the pool: an answer may lack it
 * for many reasons, and only a resource that the server says is not there takes its step away, then
 * at once. Also errors of db.h. */
int order_belonging_missing(struct order_server *s, struct db *db, struct pool *pool,
                            const json_t *requests, const json_t *held);

/* Weight, height, pregnancy, allergies of the patients of @requests. */
int order_belonging_patients(struct order_server *s, struct pool *pool, const json_t *requests);

#endif
