/* Conditions that every match fulfils, for keys that are matched in C: they let the database find
 * the few rows that are worth looking at by an index. Pure. */
#ifndef ISTHMUS_STORE_QUERY_NARROW_H
#define ISTHMUS_STORE_QUERY_NARROW_H

#include "store/query_condition.h"

/* Write " and …" for the key of @f to @out, or nothing when there is no such condition for it in
 * queries at @level. 0 or -ENOMEM. */
int narrow_add(struct conditions *c, const struct field *f, enum query_level level, FILE *out);

#endif
