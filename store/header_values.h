/* One value of a data set → the "Value" array of DICOM JSON (PS3.18 F.2.2). */
#ifndef ISTHMUS_STORE_HEADER_VALUES_H
#define ISTHMUS_STORE_HEADER_VALUES_H

#include "store/charset.h"
#include "store/header_tokens.h"

struct values {
    const struct charset *charset;
    bool checked;    /* flag dates, times and numbers that break their VR */
    size_t left;     /* how many single values may still be made */
    unsigned *flags; /* of enum instance_flag */
    struct charset_text text;
};

/* How text of @vr is split and decoded, and encoded again (PS3.5 6.1.2.3). */
enum charset_kind value_charset_kind(uint16_t vr);

/* The value @bytes of token @t; NULL in @ret when it is empty, or has
 * more single values than are left. Returns 0 or -ENOMEM. */
int value_read(struct values *v, const struct token *t, const uint8_t *bytes, json_t **ret);

void values_done(struct values *v);

#endif
