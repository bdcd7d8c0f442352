/* The usual instance: the next one of a series (function isthmus.put_next in sql/). */
#ifndef ISTHMUS_STORE_INDEX_NEXT_H
#define ISTHMUS_STORE_INDEX_NEXT_H

#include "store/index.h"

#include <stdbool.h>

/* The instance of @values has all that @s has, but for what is its own, and the connection of @db
 * is the one that @s is of. */
bool index_series_matches(const struct index_series *s, const struct db *db,
                          const char *const *values);

/* How put_next() is called for it. @ret points into @s and @values. */
#define INDEX_NEXT_PARAMETERS 13
extern const char index_next_statement[];
void index_next_values(const struct index_series *s, const char *const *values,
                       const char *ret[INDEX_NEXT_PARAMETERS]);

/* Whether it did it, as it answered with @word. */
bool index_next_is_done(const char *word);

/* Store it. -ENOENT: not this way, and nothing was done; else as index_put_values(). */
int index_put_next(struct db *db, const struct index_series *s, const char *const *values);

/* put_instance() answered @values with @word on @db: what the next instance may count on. */
void index_series_remember(struct index_series *s, const struct db *db, const char *word,
                           const char *const *values);

#endif
