/* Heads of header_parse.h: tag, VR and length of an element, in whichever encoding it has
 * (PS3.5 7.1). All read the bytes of p->head. */
#ifndef ISTHMUS_STORE_HEADER_HEAD_H
#define ISTHMUS_STORE_HEADER_HEAD_H

#include "store/header_parser.h"

/* As the innermost frame is encoded. */
uint32_t head_tag(struct parser *p);
uint32_t head_item_length(struct parser *p);

/* Before the first element of a data set or item: some are encoded in another way than their
 * transfer syntax, or what is around them, says. */
void head_settle_encoding(struct parser *p);

/* False: four more bytes are needed, or the structure cannot be followed. */
bool head_read(struct parser *p, struct element *e);

/* Zeros behind the last element: padding of a careless writer. */
bool head_is_padding(const struct parser *p);

#endif
