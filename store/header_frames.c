/* Where in the nesting of sequences and items the parser of header_parse.h is (PS3.5 7.5). */
#include "store/header_frames.h"
#include "store/header_keep.h"

#define TAG_ITEM 0xFFFEE000u
#define TAG_ITEM_END 0xFFFEE00Du
#define TAG_SEQUENCE_END 0xFFFEE0DDu

uint64_t frame_limit(struct parser *p, uint32_t length)
{
    uint64_t limit = frame_top(p)->limit;

    if (length == LENGTH_UNDEFINED)
        return limit;
    if (limit - p->position < length) {
        p->flags |= INSTANCE_VALUE_INVALID;
        return limit;
    }
    return p->position + length;
}

static void pop(struct parser *p)
{
    struct frame *f = frame_top(p);

    if (f->kept)
        keep_token(p, (struct token){.kind = f->sequence ? TOKEN_SEQUENCE_END : TOKEN_ITEM_END});
    if (f->sequence)
        reference_end_sequence(&p->references, f->place);
    else if (reference_end_item(&p->references, f->place) < 0)
        parser_fail_memory(p);
    p->depth--;
}

void frame_pop_finished(struct parser *p)
{
    while (p->depth > 0 && p->position >= frame_top(p)->limit)
        pop(p);
}

void frame_skip(struct parser *p, uint32_t length)
{
    p->remaining = frame_limit(p, length) - p->position;
    p->state = p->remaining > 0 ? IN_SKIPPED : AT_HEAD;
}

void frame_malformed(struct parser *p, const char *problem)
{
    for (unsigned i = 1; i <= p->depth; i++) {
        struct frame *f = &p->frames[i];

        if (f->place == PLACE_NONE || f->undefined)
            continue;
        if (f->sequence)
            reference_end_sequence(&p->references, f->place);
        f->place = PLACE_NONE;
        p->depth = i;
        p->flags |= INSTANCE_VALUE_INVALID | INSTANCE_REFERENCES_CUT;
        p->head_have = 0;
        p->head_need = 8;
        p->remaining = f->limit - p->position;
        p->state = p->remaining > 0 ? IN_SKIPPED : AT_HEAD;
        return;
    }
    parser_fail(p, problem);
}

void frame_push_sequence(struct parser *p, const struct element *e, bool kept, enum place place)
{
    bool un = e->stream_vr == VR('U', 'N');
    struct frame f = {.limit = frame_limit(p, e->length),
                      .sequence = true,
                      .undefined = e->length == LENGTH_UNDEFINED,
                      .implicit = frame_top(p)->implicit || un,
                      .big_endian = frame_top(p)->big_endian && !un,
                      .kept = kept,
                      .place = (uint8_t)place};

    if (p->depth + 2 >= sizeof p->frames / sizeof p->frames[0]) {
        frame_malformed(p, "sequences nested deeper than 64");
        return;
    }
    p->frames[++p->depth] = f;
    if (kept)
        keep_token(p, (struct token){.tag = e->tag, .kind = TOKEN_SEQUENCE});
}

static void push_item(struct parser *p, uint32_t length)
{
    const struct frame *sequence = frame_top(p);
    struct frame f = {.limit = frame_limit(p, length),
                      .undefined = length == LENGTH_UNDEFINED,
                      .implicit = sequence->implicit,
                      .big_endian = sequence->big_endian,
                      .kept = sequence->kept,
                      .place = sequence->place,
                      .fresh = true};

    if (length != LENGTH_UNDEFINED && !sequence->kept && sequence->place == PLACE_NONE) {
        frame_skip(p, length);
        return;
    }
    p->frames[++p->depth] = f;
    if (f.kept)
        keep_token(p, (struct token){.kind = TOKEN_ITEM});
    reference_begin_item(&p->references, f.place);
}

void frame_delimiter(struct parser *p, uint32_t tag, uint32_t length)
{
    bool in_item = !frame_top(p)->sequence && p->depth > 0;

    if (in_item && frame_top(p)->undefined && tag == TAG_ITEM_END) {
        pop(p);
        return;
    }
    if (in_item && frame_top(p)->undefined && tag != TAG_ITEM_END) {
        p->flags |= INSTANCE_VALUE_INVALID;
        pop(p);
    }
    if (frame_top(p)->sequence && tag == TAG_ITEM)
        push_item(p, length);
    else if (frame_top(p)->sequence && frame_top(p)->undefined && tag == TAG_SEQUENCE_END)
        pop(p);
    else if (tag == TAG_ITEM)
        frame_malformed(p, "item outside a sequence");
    else
        p->flags |= INSTANCE_VALUE_INVALID;
}
