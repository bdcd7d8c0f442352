/* The push parser of header.h: bytes of a data set that is not deflated → tokens. */
#ifndef ISTHMUS_STORE_HEADER_PARSE_H
#define ISTHMUS_STORE_HEADER_PARSE_H

#include "store/header.h"
#include "store/header_references.h"
#include "store/header_tokens.h"

#define LENGTH_UNDEFINED 0xFFFFFFFFu
#define TAG_GROUP(tag) ((tag) >> 16)
#define GROUP_PIXEL_DATA 0x7FE0u
#define GROUP_ITEM 0xFFFEu /* items and delimitation items (PS3.5 7.5) */

/* What is being read, from the data set itself (frames[0]) inwards; sequences and items take
 * turns. */
struct frame {
    uint64_t limit; /* position at which it ends at the latest */
    bool sequence;  /* holds items, not elements */
    bool undefined; /* ends with a delimitation item */
    bool kept;
    uint8_t place; /* of enum place */
    bool implicit, big_endian;
    bool fresh; /* no element was seen yet */
};

struct parser {
    uint64_t position;  /* in the data set */
    uint64_t remaining; /* bytes of the value being read or skipped */
    enum { AT_HEAD, IN_VALUE, IN_REFERENCE, IN_SKIPPED, AT_END } state;
    uint8_t head[12]; /* of the element being begun: tag, VR, length */
    unsigned head_have, head_need;
    unsigned depth;                    /* the innermost frame */
    unsigned flags;                    /* of enum instance_flag */
    uint32_t last_tag;                 /* the highest of the top level */
    size_t element_start, value_start; /* in tokens */
    int error;
    const char *problem; /* why error is -EBADMSG */
    struct tokens tokens;
    struct reference_reader references;
    struct frame frames[2 * HEADER_DEPTH_MAX + 1];
};

/* @p must be zero. */
void parser_begin(struct parser *p, bool implicit, bool big_endian);
void parser_done(struct parser *p);

/* The next bytes; nothing happens after the end or an error (p->error). */
void parser_feed(struct parser *p, const uint8_t *bytes, size_t n);

/* The last byte has been fed: sets INSTANCE_TRUNCATED when that was inside an element. */
void parser_finish(struct parser *p);

/* The data set is known to have ended before its time. */
void parser_truncated(struct parser *p);

/* Give up: -EBADMSG, and why; -ENOMEM. */
void parser_fail(struct parser *p, const char *problem);
void parser_fail_memory(struct parser *p);

/* An element as its head describes it. */
struct element {
    uint32_t tag, length;
    uint16_t stream_vr; /* what the structure follows; UN for unknown ones of Implicit VR */
};

/* Of header_keep.c. What the value of @e in the innermost frame is to be kept as; UN: not. */
uint16_t keep_as(struct parser *p, const struct element *e);
/* Begin to keep a value of @length bytes; false: a limit was met, it must be skipped. */
bool keep_value(struct parser *p, const struct element *e, uint16_t vr, uint64_t length);
void keep_token(struct parser *p, struct token token);
void keep_bytes(struct parser *p, const void *bytes, size_t n);

#endif
