/* Identifiers made and compared in memory. */
#ifndef ISTHMUS_TESTS_UNIT_STORE_IDENTIFIERS_H
#define ISTHMUS_TESTS_UNIT_STORE_IDENTIFIERS_H

#include "store/identifier.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
#define IMPLICIT "1.2.840.10008.1.2"
#define EXPLICIT "1.2.840.10008.1.2.1"
#define BIG_ENDIAN_EXPLICIT "1.2.840.10008.1.2.2"
#define DEFLATED "1.2.840.10008.1.2.1.99"
#define SYNTAXES                                                                                   \
    {                                                                                              \
        IMPLICIT, EXPLICIT, BIG_ENDIAN_EXPLICIT, DEFLATED                                          \
    }

/* ' stands for ". */
json_t *identifier_json(const char *text);

void expect_identifier(const json_t *found, const json_t *expected, const char *what);

/* identifier_parse() of a copy in memory of its own size, so that a byte too many is seen. */
int parse_copy(const char *syntax, const void *bytes, size_t n, json_t **ret,
               const char **ret_problem);

/* Attributes of every VR. */
extern const char identifier_everything[];

#endif
