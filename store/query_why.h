/* Why a worklist query finds a scheduled procedure step or not: each of its conditions by itself,
 * the very ones of the query. */
#ifndef ISTHMUS_STORE_QUERY_WHY_H
#define ISTHMUS_STORE_QUERY_WHY_H

#include "store/query.h"

/* The steps of all orders with @accession_number, whether the query shows them or not, as an array
 * (the caller's) of {"accession_number", "requested_procedure_id", "step", "order_status",
 * "status", "modality", "stations", "date", "time", "rules": {"order", "state", "station"},
 * "keys": {"00400001": …}}; rules and keys are true or false. Keys of @identifier that are not
 * columns of the database are left out. 0; -EBADMSG: @ret_problem is filled; errors of db.h. */
int query_why(struct db *db, const json_t *identifier, const struct query_options *options,
              const char *accession_number, json_t **ret, struct query_problem *ret_problem);

#endif
