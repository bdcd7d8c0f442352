/* The attributes of the data sets before: most values come again in the next one of a series. Of
 * each row of attributes.h the last short value and what became of it. For header_tokens.h. */
#ifndef ISTHMUS_STORE_HEADER_RECALL_H
#define ISTHMUS_STORE_HEADER_RECALL_H

#include "store/charset.h"
#include "store/header_tokens.h"

#define RECALL_BYTES 64 /* of the values that are remembered */

struct recalled {
    json_t *attribute; /* of DICOM JSON; NULL: none yet */
    unsigned flags;    /* of enum instance_flag, that it gave rise to */
    unsigned values;   /* single values in it */
    struct token token;
    uint8_t bytes[RECALL_BYTES];
};

/* NULL: no memory. */
struct recall *recall_new(void);
struct recall *recall_free(struct recall *r);

/* What is remembered was text of other character sets: forget it. */
void recall_charset(struct recall *r, const struct charset *c);

/* Where the value of @t, of the data set itself, is remembered; NULL: too long, or @r is NULL. */
struct recalled *recall_slot(struct recall *r, const struct token *t);
bool recall_is(const struct recalled *slot, const struct token *t, const uint8_t *bytes);
/* Takes a reference of its own to @attribute. */
void recall_set(struct recalled *slot, const struct token *t, const uint8_t *bytes,
                json_t *attribute, unsigned flags, size_t values);

#endif
