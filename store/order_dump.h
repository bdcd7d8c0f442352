/* The text of dcmdump and of dump2dcm → a data set. Pure. */
#ifndef ISTHMUS_STORE_ORDER_DUMP_H
#define ISTHMUS_STORE_ORDER_DUMP_H

#include <stddef.h>
#include <stdint.h>

/* A data set in Explicit VR Little Endian with what the lines of @text say, in the character set
 * of the text; lines that are no element of text or sequence are left out, the meta group too.
 * @ret is malloc'ed. 0; -ENOMEM; -EBADMSG: @ret_line is the first line that cannot be understood.
 */
int order_dump_read(const char *text, size_t n, uint8_t **ret, size_t *ret_n, size_t *ret_line);

#endif
