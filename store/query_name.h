/* Person names in queries (PS3.4 section C.2.2.2.1): keys and values as they are compared,
 * folded (fold.h) and by component group. Pure. */
#ifndef ISTHMUS_STORE_QUERY_NAME_H
#define ISTHMUS_STORE_QUERY_NAME_H

#include "store/query_key.h"

/* What divides a folded name into words. */
#define NAME_WORD_ENDS " ^=-"

/* A key from a value of DICOM JSON (an object of groups, or the text of one). A name without a
 * second or third group may be any of the three. Patterns of groups are for folded groups with a
 * '^' behind them: "smith^*" then finds "smith^" and "smith^john^", for a component that is missing
 * is an empty one. 0, -ENOMEM, -EBADMSG. */
int name_take(const json_t *value, bool fuzzy, struct key_value *ret);

/* The folded form of a stored value of DICOM JSON, malloc'ed; NULL: none, or no memory. */
char *name_fold(const json_t *value);

/* @folded is a whole name. */
bool name_matches(const struct key_value *key, const char *folded);

#endif
