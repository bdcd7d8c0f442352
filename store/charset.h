/* Text of data sets (PS3.3 C.12.1.1.2, PS3.5 6.1 and annexes H to K) to UTF-8.
 *
 * All defined terms and their common misspellings are known, code extensions (ISO 2022)
 * included. The result is always valid UTF-8 without control characters. Bytes that the
 * declared sets do not cover are kept readable where that is safe (they are UTF-8 as a whole),
 * else each becomes U+FFFD; both are reported.
 *
 * The iconv descriptors are opened at first use and kept for the life of the thread. */
#ifndef ISTHMUS_STORE_CHARSET_H
#define ISTHMUS_STORE_CHARSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHARSET_TERMS_MAX 16

/* A value of Specific Character Set (0008,0005); all zero: absent, the default repertoire. */
struct charset {
    uint8_t elements[CHARSET_TERMS_MAX]; /* enum code_element, as declared */
    size_t n_elements;
    bool unknown; /* a term was not understood */
};

/* Take over the value of (0008,0005) as it stands in the data set. Sets @ret->unknown when a
 * term is not known; text is then decoded as far as the other terms allow. */
void charset_parse(const char *value, size_t n, struct charset *ret);

/* What delimits values, and at which characters code extensions end (PS3.5 6.1.2.5.3). */
enum charset_kind {
    CHARSET_TEXT,   /* one value; TAB, LF and CR stay: ST, LT, UT, UR */
    CHARSET_VALUES, /* `\` */
    CHARSET_NAMES,  /* `\` and `=`; `^` ends extensions: PN */
};

/* In the decoded text a delimiter is one of these, so that a character that merely contains the
 * byte of `\` or `=` is not mistaken for one. */
#define CHARSET_VALUE_END '\x1e'
#define CHARSET_GROUP_END '\x1f'

/* A growing buffer; free(text) is the owner's. */
struct charset_text {
    char *text; /* NUL-terminated */
    size_t length, size;
};

/* Decode @n bytes into @text, replacing what it holds and reusing its memory. Returns 0 or
 * -ENOMEM; sets *ret_undecodable when bytes were not covered by @c, else leaves it alone. */
int charset_decode(const struct charset *c, const void *bytes, size_t n, enum charset_kind kind,
                   struct charset_text *text, bool *ret_undecodable);

#endif
