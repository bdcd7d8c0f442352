/* Text with wildcards (PS3.4 section C.2.2.2.4). Pure. */
#ifndef ISTHMUS_STORE_QUERY_PATTERN_H
#define ISTHMUS_STORE_QUERY_PATTERN_H

#include <stdbool.h>

/* Text that a value has to be. */
struct pattern {
    char *text; /* NULL: anything will do */
    bool wild;
    char *also; /* or this, which is wild; may be NULL */
};

/* When it is wild, '*' is any text and '?' any character of UTF-8. */
bool pattern_matches(const struct pattern *p, const char *text);
void pattern_done(struct pattern *p);

/* Make runs of '*' one: the pattern becomes as short as what it says. */
void pattern_squeeze(char *text);

#endif
