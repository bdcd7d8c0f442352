#include "store/header_parse.h"
#include "store/header_frames.h"
#include "store/header_head.h"
#include "store/header_keep.h"

#include <stdlib.h>
#include <string.h>

#define NOWHERE UINT64_MAX

/* --- Elements ------------------------------------------------------------------------------ */

/* Where a sequence that is not kept leads. */
static enum place place_of(struct parser *p, const struct element *e)
{
    if (e->stream_vr != VR('S', 'Q') && e->stream_vr != VR('U', 'N'))
        return PLACE_NONE;
    return reference_place(frame_top(p)->place, e->tag);
}

static void begin_element(struct parser *p, const struct element *e)
{
    uint16_t vr = keep_as(p, e);
    bool kept_sequence = vr_kind(vr) == VR_SEQUENCE;
    enum place place = kept_sequence ? PLACE_NONE : place_of(p, e);
    uint64_t length = frame_limit(p, e->length) - p->position;

    if (e->length == LENGTH_UNDEFINED || kept_sequence || place != PLACE_NONE) {
        frame_push_sequence(p, e, kept_sequence, place);
    } else if (length > 0 && reference_begin_value(&p->references, frame_top(p)->place, e->tag)) {
        p->remaining = length;
        p->state = IN_REFERENCE;
    } else if (length > 0 && vr_kind(vr) != VR_BULK && keep_value(p, e, vr, length)) {
        p->remaining = length;
        p->state = p->error ? AT_END : IN_VALUE;
    } else {
        frame_skip(p, e->length);
    }
}

/* An element of the data set itself. False: what matters has been seen. */
static bool pass_top_level(struct parser *p, const struct element *e)
{
    p->element_start = p->tokens.used;
    if (TAG_GROUP(e->tag) >= GROUP_PIXEL_DATA) {
        p->state = AT_END;
        return false;
    }
    if (e->tag <= p->last_tag)
        p->flags |= INSTANCE_VALUE_INVALID;
    else
        p->last_tag = e->tag;
    return true;
}

static void read_delimiter_or_fail(struct parser *p, uint32_t tag)
{
    if (TAG_GROUP(tag) == GROUP_ITEM)
        frame_delimiter(p, tag, head_item_length(p));
    else
        frame_malformed(p, "something else than an item in a sequence");
}

static void read_head(struct parser *p)
{
    const struct frame *f = frame_top(p);
    struct element e;

    if (head_is_padding(p)) {
        p->state = AT_END;
        return;
    }
    if (TAG_GROUP(head_tag(p)) != GROUP_ITEM && f->fresh)
        head_settle_encoding(p);
    if (TAG_GROUP(head_tag(p)) == GROUP_ITEM || f->sequence) {
        p->head_have = 0;
        read_delimiter_or_fail(p, head_tag(p));
        return;
    }
    if (!head_read(p, &e))
        return;
    p->head_have = 0;
    p->head_need = 8;
    if (p->depth > 0 || pass_top_level(p, &e))
        begin_element(p, &e);
}

/* The bytes left in the innermost frame cannot hold a head: pass over them. */
static bool no_room_for_head(struct parser *p)
{
    uint64_t start = p->position - p->head_have;

    if (frame_top(p)->limit - start >= p->head_need)
        return false;
    p->flags |= INSTANCE_VALUE_INVALID;
    p->head_have = 0;
    p->head_need = 8;
    p->remaining = frame_top(p)->limit - p->position;
    p->state = p->remaining > 0 ? IN_SKIPPED : AT_HEAD;
    return true;
}

/* --- The stream ---------------------------------------------------------------------------- */
void parser_begin(struct parser *p, bool implicit, bool big_endian)
{
    p->head_need = 8;
    p->frames[0] = (struct frame){.limit = NOWHERE,
                                  .place = PLACE_DATA_SET,
                                  .implicit = implicit,
                                  .big_endian = big_endian,
                                  .fresh = true};
}

void parser_done(struct parser *p)
{
    free(p->tokens.bytes);
    reference_reader_done(&p->references);
}

/* Take bytes for what is being read; returns how many. */
static size_t feed_head(struct parser *p, const uint8_t *bytes, size_t n)
{
    size_t wanted = p->head_need - p->head_have;

    if (n > wanted)
        n = wanted;
    memcpy(p->head + p->head_have, bytes, n);
    p->head_have += (unsigned)n;
    p->position += n;
    if (p->head_have == p->head_need)
        read_head(p);
    return n;
}

static void end_value(struct parser *p)
{
    bool failed = p->state == IN_REFERENCE && reference_end_value(&p->references) < 0;

    p->state = AT_HEAD;
    if (failed)
        parser_fail_memory(p);
}

static size_t feed_value(struct parser *p, const uint8_t *bytes, size_t n)
{
    if (n > p->remaining)
        n = (size_t)p->remaining;
    if (p->state == IN_VALUE)
        keep_bytes(p, bytes, n);
    else if (p->state == IN_REFERENCE && reference_feed(&p->references, bytes, n) < 0)
        parser_fail_memory(p);
    p->position += n;
    p->remaining -= n;
    if (p->remaining == 0 && p->state != AT_END)
        end_value(p);
    return n;
}

void parser_feed(struct parser *p, const uint8_t *bytes, size_t n)
{
    while (n > 0 && p->state != AT_END) {
        size_t used = 0;

        if (p->state != AT_HEAD) {
            used = feed_value(p, bytes, n);
        } else {
            if (p->head_have == 0)
                frame_pop_finished(p);
            if (!no_room_for_head(p))
                used = feed_head(p, bytes, n);
        }
        bytes += used;
        n -= used;
    }
}

void parser_truncated(struct parser *p)
{
    bool in_value = p->state == IN_VALUE;

    p->flags |= INSTANCE_TRUNCATED;
    if (in_value)
        p->tokens.used = p->value_start;
    if (p->last_tag < TAG_SERIES_INSTANCE_UID ||
        (p->last_tag == TAG_SERIES_INSTANCE_UID && in_value))
        parser_fail(p, "the data set ends before its UIDs");
    p->state = AT_END;
}

void parser_finish(struct parser *p)
{
    bool zeros = true;

    if (p->state == AT_END)
        return;
    if (p->state == AT_HEAD && p->head_have == 0)
        frame_pop_finished(p);
    for (unsigned i = 0; p->state == AT_HEAD && i < p->head_have; i++)
        zeros = zeros && p->head[i] == 0;
    if (p->state != AT_HEAD || p->depth > 0 || !zeros)
        parser_truncated(p);
    p->state = AT_END;
}
