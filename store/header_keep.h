/* What the parser of header_parse.h keeps of a data set, within the limits of header.h. */
#ifndef ISTHMUS_STORE_HEADER_KEEP_H
#define ISTHMUS_STORE_HEADER_KEEP_H

#include "store/header_parser.h"

/* What the value of @e in the innermost frame is to be kept as; UN: not. */
uint16_t keep_as(struct parser *p, const struct element *e);
/* Begin to keep a value of @length bytes; false: a limit was met, it must be skipped. */
bool keep_value(struct parser *p, const struct element *e, uint16_t vr, uint64_t length);
void keep_token(struct parser *p, struct token token);
void keep_bytes(struct parser *p, const void *bytes, size_t n);

#endif
