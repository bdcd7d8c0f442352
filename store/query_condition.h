/* A key on a typed column, and what a calling AE title may see, as conditions in SQL (PS3.4
 * sections C.2.2.2 and K.2.2.2). Pure. */
#ifndef ISTHMUS_STORE_QUERY_CONDITION_H
#define ISTHMUS_STORE_QUERY_CONDITION_H

#include "store/query_plan.h"

#include <stdio.h>

/* The parameters of the conditions so far; the text says $1, $2 … */
struct conditions {
    size_t n_values;
    char **values;
    bool plain; /* only "=" */
};

/* Take @value (malloc'ed, NULL: no memory) as the next parameter. Its number, or -ENOMEM. */
int condition_value(struct conditions *c, char *value);

/* Write "(…)" for the key of @f to @out. 0 or -ENOMEM; @c is the caller's to free. */
int condition_add(struct conditions *c, const struct field *f, FILE *out);

/* What a step of the worklist must be to be seen at all. */
enum visible_rule {
    VISIBLE_ORDER,   /* its order is active */
    VISIBLE_STATE,   /* its own state is shown */
    VISIBLE_STATION, /* it is for a station of the calling AE title */
    VISIBLE_RULES
};

/* The same for @rule. In query_visible.c. */
int condition_add_visible(struct conditions *c, const struct worklist_view *view,
                          enum visible_rule rule, FILE *out);

#endif
