/* A plan as one statement: conditions for the keys on typed columns, and a select list of what was
 * asked for. No value of the identifier is in the text. Pure. */
#ifndef ISTHMUS_STORE_QUERY_SQL_H
#define ISTHMUS_STORE_QUERY_SQL_H

#include "store/query_plan.h"

struct statement_text {
    char *sql;
    size_t n_values;
    char **values; /* text parameters */
    bool plain;    /* only comparisons for equality: one plan is good for all values */
};

/* Sets the cells of @p's fields. 0 or -ENOMEM. @ret is to be freed in every case. */
int statement_make(struct plan *p, struct statement_text *ret);
void statement_done(struct statement_text *s);

#endif
