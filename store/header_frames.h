/* The nesting of header_parse.h: entering and leaving sequences and items (PS3.5 7.5). */
#ifndef ISTHMUS_STORE_HEADER_FRAMES_H
#define ISTHMUS_STORE_HEADER_FRAMES_H

#include "store/header_parser.h"

/* The innermost one. */
static inline struct frame *frame_top(struct parser *p)
{
    return &p->frames[p->depth];
}

/* The position @length bytes from here, but never beyond what encloses it. */
uint64_t frame_limit(struct parser *p, uint32_t length);

/* Leave those that end here. */
void frame_pop_finished(struct parser *p);

/* Pass over the next @length bytes. */
void frame_skip(struct parser *p, uint32_t length);

/* Enter the sequence @e, whose tokens are kept or not, which leads to @place. */
void frame_push_sequence(struct parser *p, const struct element *e, bool kept, enum place place);

/* Enter or leave by an item or delimitation item. Superfluous and missing delimiters are forgiven
 * where it is clear what was meant. */
void frame_delimiter(struct parser *p, uint32_t tag, uint32_t length);

/* The structure cannot be followed. Where only references are looked for, in something whose
 * length is known, the rest of it is passed over, as if nothing were looked for. */
void frame_malformed(struct parser *p, const char *problem);

#endif
