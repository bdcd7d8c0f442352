#include "store/header_parse.h"
#include "store/attributes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNDEFINED 0xFFFFFFFFu
#define NOWHERE UINT64_MAX

#define TAG_ITEM 0xFFFEE000u
#define TAG_ITEM_END 0xFFFEE00Du
#define TAG_SEQUENCE_END 0xFFFEE0DDu
#define GROUP(tag) ((tag) >> 16)
#define GROUP_PIXEL_DATA 0x7FE0u

static bool vr_letters(const uint8_t *p)
{
    return p[0] >= 'A' && p[0] <= 'Z' && p[1] >= 'A' && p[1] <= 'Z';
}

void parser_fail(struct parser *p, const char *problem)
{
    p->error = -EBADMSG;
    p->problem = problem;
    p->state = AT_END;
}

static void parser_fail_memory(struct parser *p)
{
    p->error = -ENOMEM;
    p->state = AT_END;
}

/* --- Frames -------------------------------------------------------------------------------- */

static struct frame *top(struct parser *p)
{
    return &p->frames[p->depth];
}

/* The position @length bytes from here, but never beyond what encloses it. */
static uint64_t limit_of(struct parser *p, uint32_t length)
{
    uint64_t limit = top(p)->limit;

    if (length == UNDEFINED)
        return limit;
    if (limit - p->position < length) {
        p->flags |= INSTANCE_VALUE_INVALID;
        return limit;
    }
    return p->position + length;
}

static void pop(struct parser *p)
{
    struct frame *f = top(p);

    if (f->kept)
        keep_token(p, (struct token){.kind = f->sequence ? TOKEN_SEQUENCE_END : TOKEN_ITEM_END});
    if (f->sequence)
        reference_end_sequence(&p->references, f->place);
    else if (reference_end_item(&p->references, f->place) < 0)
        parser_fail_memory(p);
    p->depth--;
}

static void pop_finished(struct parser *p)
{
    while (p->depth > 0 && p->position >= top(p)->limit)
        pop(p);
}

static void skip(struct parser *p, uint32_t length)
{
    p->remaining = limit_of(p, length) - p->position;
    p->state = p->remaining > 0 ? IN_SKIPPED : AT_HEAD;
}

/* The structure cannot be followed. Where only references are looked for, in something whose
 * length is known, the rest of it is passed over, as if nothing were looked for. */
static void malformed(struct parser *p, const char *problem)
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

static void push_sequence(struct parser *p, const struct element *e, bool kept, enum place place)
{
    bool un = e->stream_vr == VR('U', 'N');
    struct frame f = {.limit = limit_of(p, e->length),
                      .sequence = true,
                      .undefined = e->length == UNDEFINED,
                      .implicit = top(p)->implicit || un,
                      .big_endian = top(p)->big_endian && !un,
                      .kept = kept,
                      .place = (uint8_t)place};

    if (p->depth + 2 >= sizeof p->frames / sizeof p->frames[0]) {
        malformed(p, "sequences nested deeper than 64");
        return;
    }
    p->frames[++p->depth] = f;
    if (kept)
        keep_token(p, (struct token){.tag = e->tag, .kind = TOKEN_SEQUENCE});
}

static void push_item(struct parser *p, uint32_t length)
{
    const struct frame *sequence = top(p);
    struct frame f = {.limit = limit_of(p, length),
                      .undefined = length == UNDEFINED,
                      .implicit = sequence->implicit,
                      .big_endian = sequence->big_endian,
                      .kept = sequence->kept,
                      .place = sequence->place,
                      .fresh = true};

    if (length != UNDEFINED && !sequence->kept && sequence->place == PLACE_NONE) {
        skip(p, length);
        return;
    }
    p->frames[++p->depth] = f;
    if (f.kept)
        keep_token(p, (struct token){.kind = TOKEN_ITEM});
    reference_begin_item(&p->references, f.place);
}

/* An item or delimitation item (PS3.5 7.5). Superfluous and missing delimiters are forgiven
 * where it is clear what was meant. */
static void read_delimiter(struct parser *p, uint32_t tag, uint32_t length)
{
    bool in_item = !top(p)->sequence && p->depth > 0;

    if (in_item && top(p)->undefined && tag == TAG_ITEM_END) {
        pop(p);
        return;
    }
    if (in_item && top(p)->undefined && tag != TAG_ITEM_END) {
        p->flags |= INSTANCE_VALUE_INVALID;
        pop(p);
    }
    if (top(p)->sequence && tag == TAG_ITEM)
        push_item(p, length);
    else if (top(p)->sequence && top(p)->undefined && tag == TAG_SEQUENCE_END)
        pop(p);
    else if (tag == TAG_ITEM)
        malformed(p, "item outside a sequence");
    else
        p->flags |= INSTANCE_VALUE_INVALID;
}

/* --- Elements ------------------------------------------------------------------------------ */

/* Where a sequence that is not kept leads. */
static enum place place_of(struct parser *p, const struct element *e)
{
    if (e->stream_vr != VR('S', 'Q') && e->stream_vr != VR('U', 'N'))
        return PLACE_NONE;
    return reference_place(top(p)->place, e->tag);
}

static void begin_element(struct parser *p, const struct element *e)
{
    uint16_t vr = keep_as(p, e);
    bool kept_sequence = vr_kind(vr) == VR_SEQUENCE;
    enum place place = kept_sequence ? PLACE_NONE : place_of(p, e);
    uint64_t length = limit_of(p, e->length) - p->position;

    if (e->length == UNDEFINED || kept_sequence || place != PLACE_NONE) {
        push_sequence(p, e, kept_sequence, place);
    } else if (length > 0 && reference_begin_value(&p->references, top(p)->place, e->tag)) {
        p->remaining = length;
        p->state = IN_REFERENCE;
    } else if (length > 0 && vr_kind(vr) != VR_BULK && keep_value(p, e, vr, length)) {
        p->remaining = length;
        p->state = p->error ? AT_END : IN_VALUE;
    } else {
        skip(p, e->length);
    }
}

/* An element of the data set itself. False: what matters has been seen. */
static bool pass_top_level(struct parser *p, const struct element *e)
{
    p->element_start = p->tokens.used;
    if (GROUP(e->tag) >= GROUP_PIXEL_DATA) {
        p->state = AT_END;
        return false;
    }
    if (e->tag <= p->last_tag)
        p->flags |= INSTANCE_VALUE_INVALID;
    else
        p->last_tag = e->tag;
    return true;
}

/* --- Heads --------------------------------------------------------------------------------- */

static uint32_t number(const uint8_t *p, unsigned n, bool big_endian)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < n; i++)
        value |= (uint32_t)p[i] << 8 * (big_endian ? n - 1 - i : i);
    return value;
}

static uint32_t head_tag(const struct parser *p, bool big_endian)
{
    return number(p->head, 2, big_endian) << 16 | number(p->head + 2, 2, big_endian);
}

/* Whether the head makes sense as the first of Implicit VR: a short value, or a sequence. */
static bool looks_implicit(const struct parser *p)
{
    uint32_t tag = head_tag(p, false), length = number(p->head + 4, 4, false);

    return GROUP(tag) > 0 && GROUP(tag) < GROUP_PIXEL_DATA &&
           (length < HEADER_VALUE_MAX || length == UNDEFINED) &&
           (p->depth > 0 || GROUP(tag) == 0x0008);
}

/* The reverse: a VR where Implicit VR has a length that is too large for a first element. */
static bool looks_explicit(const struct parser *p)
{
    return vr_kind(VR_OF(p->head + 4)) != VR_BULK &&
           (p->depth == 0 || number(p->head + 4, 4, false) >= HEADER_VALUE_MAX);
}

/* Before the first element of a data set or item: some are encoded in another way than their
 * transfer syntax, or what is around them, says. */
static void settle_encoding(struct parser *p)
{
    struct frame *f = top(p);
    struct frame said = *f;

    f->fresh = false;
    if (!f->implicit && !vr_letters(p->head + 4) && looks_implicit(p)) {
        f->implicit = true;
        f->big_endian = false;
    } else if (f->implicit && looks_explicit(p)) {
        f->implicit = false;
    }
    if (!f->implicit && p->depth == 0 && GROUP(head_tag(p, f->big_endian)) > 0xFF &&
        GROUP(head_tag(p, !f->big_endian)) <= 0xFF)
        f->big_endian = !f->big_endian;
    if (f->implicit != said.implicit || f->big_endian != said.big_endian)
        p->flags |= INSTANCE_VALUE_INVALID;
}

/* Tag, VR and length; false: four more bytes are needed, or the error is set. */
static bool read_explicit(struct parser *p, struct element *e)
{
    bool big_endian = top(p)->big_endian;

    if (!vr_letters(p->head + 4)) {
        malformed(p, "an element without a VR");
        return false;
    }
    e->stream_vr = VR(p->head[4], p->head[5]);
    if (vr_short(e->stream_vr)) {
        e->length = number(p->head + 6, 2, big_endian);
    } else if (p->head_have == 8) {
        p->head_need = 12;
        return false;
    } else {
        e->length = number(p->head + 8, 4, big_endian);
    }
    return true;
}

static void read_implicit(const struct parser *p, struct element *e)
{
    const char *vr = attribute_vr(e->tag);

    e->length = number(p->head + 4, 4, false);
    e->stream_vr = VR_OF(vr ? vr : "UN");
    if (e->length == UNDEFINED)
        e->stream_vr = VR('S', 'Q');
}

/* Zeros behind the last element: padding of a careless writer. */
static bool is_padding(const struct parser *p)
{
    static const uint8_t zeros[8];

    return p->depth == 0 && p->last_tag > 0 && memcmp(p->head, zeros, 8) == 0;
}

static void read_head(struct parser *p)
{
    struct frame *f = top(p);
    struct element e = {.tag = head_tag(p, f->big_endian)};

    if (is_padding(p)) {
        p->state = AT_END;
        return;
    }
    if (GROUP(e.tag) != 0xFFFE && f->fresh) {
        settle_encoding(p);
        e.tag = head_tag(p, f->big_endian);
    }
    if (GROUP(e.tag) == 0xFFFE || f->sequence) {
        p->head_have = 0;
        if (GROUP(e.tag) == 0xFFFE)
            read_delimiter(p, e.tag, number(p->head + 4, 4, f->big_endian));
        else
            malformed(p, "something else than an item in a sequence");
        return;
    }
    if (f->implicit)
        read_implicit(p, &e);
    else if (!read_explicit(p, &e))
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

    if (top(p)->limit - start >= p->head_need)
        return false;
    p->flags |= INSTANCE_VALUE_INVALID;
    p->head_have = 0;
    p->head_need = 8;
    p->remaining = top(p)->limit - p->position;
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
                pop_finished(p);
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
        pop_finished(p);
    for (unsigned i = 0; p->state == AT_HEAD && i < p->head_have; i++)
        zeros = zeros && p->head[i] == 0;
    if (p->state != AT_HEAD || p->depth > 0 || !zeros)
        parser_truncated(p);
    p->state = AT_END;
}
