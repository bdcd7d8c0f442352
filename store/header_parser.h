/* What the parser of header_parse.h is in the middle of; for its own files. */
#ifndef ISTHMUS_STORE_HEADER_PARSER_H
#define ISTHMUS_STORE_HEADER_PARSER_H

#include "store/header.h"
#include "store/header_references.h"
#include "store/header_tokens.h"

#include <errno.h>

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

/* An element as its head describes it. */
struct element {
    uint32_t tag, length;
    uint16_t stream_vr; /* what the structure follows; UN for unknown ones of Implicit VR */
};

/* Give up: what is wrong with the data set. */
static inline void parser_fail(struct parser *p, const char *problem)
{
    p->error = -EBADMSG;
    p->problem = problem;
    p->state = AT_END;
}

static inline void parser_fail_memory(struct parser *p)
{
    p->error = -ENOMEM;
    p->state = AT_END;
}

#endif
