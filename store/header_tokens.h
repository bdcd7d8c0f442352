/* Between parser and values of header.h: what is kept of a data set, as a run of tokens in one
 * buffer. Values stand as they came; they are decoded when all of them are there, because the
 * character set must be known first. */
#ifndef ISTHMUS_STORE_HEADER_TOKENS_H
#define ISTHMUS_STORE_HEADER_TOKENS_H

#include "store/instance.h"
#include "store/vr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAG_SPECIFIC_CHARACTER_SET 0x00080005u
#define TAG_SOP_CLASS_UID 0x00080016u
#define TAG_SOP_INSTANCE_UID 0x00080018u
#define TAG_STUDY_INSTANCE_UID 0x0020000Du
#define TAG_SERIES_INSTANCE_UID 0x0020000Eu

enum token_kind { TOKEN_VALUE, TOKEN_SEQUENCE, TOKEN_ITEM, TOKEN_ITEM_END, TOKEN_SEQUENCE_END };

struct token {
    uint32_t tag;
    uint32_t length; /* of the bytes that follow a TOKEN_VALUE */
    uint16_t vr;     /* VR() */
    uint8_t kind;
    uint8_t big_endian;
};

struct tokens {
    uint8_t *bytes;
    size_t used, size;
};

struct recall;

/* Fill UIDs, documents and text flags of @ret. Sequences still open at the end are closed. With
 * @recall (header_recall.h) or without (NULL) the outcome is the same. Returns 0 or -ENOMEM. */
int tokens_to_instance(const struct tokens *t, struct recall *recall, struct instance *ret);

#endif
