/* A key on a typed column as a condition in SQL (PS3.4 section C.2.2.2). Pure. */
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

/* Write " and (…)" for the key of @f to @out. 0 or -ENOMEM; @c is the caller's to free. */
int condition_add(struct conditions *c, const struct field *f, FILE *out);

#endif
