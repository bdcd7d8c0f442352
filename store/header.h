/* Reads the header of a data set from the bytes as they stream by.
 *
 *   header_new → header_feed (any number, any cut) → header_finish → header_free
 *
 * A push parser with an explicit, bounded stack: nothing recurses, nothing is allocated from a
 * declared length, and what is neither in attributes.h nor a reference to another instance
 * (references.h, which has limits of its own) is skipped, so that a data set of any size and
 * nesting costs constant memory (PS3.5 section 7). It reads Implicit and Explicit VR,
 * Little and Big Endian, and Deflated (zlib); every other transfer syntax is Explicit VR Little
 * Endian on the outside. It stops caring at Pixel Data (7FE0,xxxx) of the top level.
 *
 * Bad values and bad text are flagged, never an error. Errors are: */
#ifndef ISTHMUS_STORE_HEADER_H
#define ISTHMUS_STORE_HEADER_H

#include "store/instance.h"

#include <stddef.h>

#define HEADER_DEPTH_MAX 64                      /* nested sequences that are followed */
#define HEADER_VALUE_MAX ((size_t)64 * 1024)     /* one kept value, bytes */
#define HEADER_INFLATED_MAX (256u * 1024 * 1024) /* of a deflated data set, bytes read at most */
#define HEADER_TOTAL_MAX ((size_t)512 * 1024)    /* all that is kept of one data set, bytes */
#define HEADER_VALUES_MAX 32768                  /* single values in all kept attributes */
/* Each kept value, item and sequence counts 12 bytes more towards the total, so that many small
 * ones are bounded too. */

struct header;

/* @transfer_syntax_uid as negotiated (or from the file meta). Returns 0 or -ENOMEM. */
int header_new(const char *transfer_syntax_uid, struct header **ret);

/* The same with a header that has served for another data set: its memory, up to HEADER_TOTAL_MAX,
 * is used again. */
int header_again(struct header *h, const char *transfer_syntax_uid);

/* The next @n bytes of the data set. After the part that matters has been seen, or after an
 * error, further bytes are ignored at no cost. Returns 0 (also after the end), -ENOMEM, or
 * -EBADMSG: the structure cannot be followed (header_problem() says why). The error is kept
 * and returned again by header_finish(). */
int header_feed(struct header *h, const void *bytes, size_t n);

/* The data set is complete: decode text and fill the data set part of @ret (which must be
 * zero; the caller frees it with instance_done() in every case). Returns 0, -ENOMEM or
 * -EBADMSG. A data set that ends inside an element is not an error but a flag, as long as the
 * part up to the four UIDs could be read. */
int header_finish(struct header *h, struct instance *ret);

/* Why -EBADMSG: one short phrase without values of the data set ("sequences nested deeper than
 * 64", "item outside a sequence"). Static text; NULL when there was no problem. */
const char *header_problem(const struct header *h);

struct header *header_free(struct header *h);

#endif
