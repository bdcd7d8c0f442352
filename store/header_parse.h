/* The push parser of header.h: bytes of a data set that is not deflated → tokens. */
#ifndef ISTHMUS_STORE_HEADER_PARSE_H
#define ISTHMUS_STORE_HEADER_PARSE_H

#include "store/header_parser.h"

/* @p must be zero. */
void parser_begin(struct parser *p, bool implicit, bool big_endian);
void parser_done(struct parser *p);

/* The next bytes; nothing happens after the end or an error (p->error). */
void parser_feed(struct parser *p, const uint8_t *bytes, size_t n);

/* The last byte has been fed: sets INSTANCE_TRUNCATED when that was inside an element. */
void parser_finish(struct parser *p);

/* The data set is known to have ended before its time. */
void parser_truncated(struct parser *p);

#endif
