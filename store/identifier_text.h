/* UTF-8 → text of data sets (PS3.3 C.12.1.1.2, PS3.5 6.1.2), the way back of charset.h. The iconv
 * descriptors are opened at first use and kept for the life of the thread. */
#ifndef ISTHMUS_STORE_IDENTIFIER_TEXT_H
#define ISTHMUS_STORE_IDENTIFIER_TEXT_H

#include "store/charset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing buffer; free(at) is the owner's. */
struct bytes {
    uint8_t *at;
    size_t used, size;
    bool failed; /* no memory: nothing is put any more */
};

void bytes_put(struct bytes *b, const void *from, size_t n);

/* Append @text of @n bytes, one or more values joined with '\' (PN: groups joined with '='), with
 * the escape sequences that @c allows; each ends before the delimiters of @kind and the end of
 * the text. Control characters are left out, but for line ends and TAB in CHARSET_TEXT.
 * @out NULL: nothing is made, only whether it fits. 0; -EILSEQ: a character does not fit @c. */
int text_encode(const struct charset *c, const char *text, size_t n, enum charset_kind kind,
                struct bytes *out);

#endif
