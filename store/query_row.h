/* A row of the statement as the answer to the query. */
#ifndef ISTHMUS_STORE_QUERY_ROW_H
#define ISTHMUS_STORE_QUERY_ROW_H

#include "store/query_plan.h"

#include <libpq-fe.h>

/* 0 and the attributes of the answer (the caller's); -ENOENT: a key that the statement does not
 * know does not match; -ENOMEM. */
int row_take(const struct plan *p, const PGresult *row, json_t **ret);

#endif
