/* A text[] parameter as PostgreSQL reads it: {"a","b"}; of no values {}. Pure.
 *
 *   array_begin → array_put … → array_end */
#ifndef ISTHMUS_STORE_ARRAY_TEXT_H
#define ISTHMUS_STORE_ARRAY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct array_text {
    FILE *out;
    char *text;
    size_t n_bytes, n;
};

/* false: no memory, and nothing to end. */
bool array_begin(struct array_text *a);
void array_put(struct array_text *a, const char *value);
/* The text, malloc'ed; NULL: no memory. */
char *array_end(struct array_text *a);

#endif
