/* One head of the parser of header_parse.h: tag, VR and length, in whichever encoding it has. */
#include "store/header_head.h"
#include "store/attributes.h"
#include "store/header_frames.h"

#include <string.h>

static bool vr_letters(const uint8_t *p)
{
    return p[0] >= 'A' && p[0] <= 'Z' && p[1] >= 'A' && p[1] <= 'Z';
}

static uint32_t number(const uint8_t *p, unsigned n, bool big_endian)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < n; i++)
        value |= (uint32_t)p[i] << 8 * (big_endian ? n - 1 - i : i);
    return value;
}

static uint32_t tag_as(const struct parser *p, bool big_endian)
{
    return number(p->head, 2, big_endian) << 16 | number(p->head + 2, 2, big_endian);
}

/* Whether the head makes sense as the first of Implicit VR: a short value, or a sequence. */
static bool looks_implicit(const struct parser *p)
{
    uint32_t tag = tag_as(p, false), length = number(p->head + 4, 4, false);

    return TAG_GROUP(tag) > 0 && TAG_GROUP(tag) < GROUP_PIXEL_DATA &&
           (length < HEADER_VALUE_MAX || length == LENGTH_UNDEFINED) &&
           (p->depth > 0 || TAG_GROUP(tag) == 0x0008);
}

/* The reverse: a VR where Implicit VR has a length that is too large for a first element. */
static bool looks_explicit(const struct parser *p)
{
    return vr_kind(VR_OF(p->head + 4)) != VR_BULK &&
           (p->depth == 0 || number(p->head + 4, 4, false) >= HEADER_VALUE_MAX);
}

uint32_t head_tag(struct parser *p)
{
    return tag_as(p, frame_top(p)->big_endian);
}

uint32_t head_item_length(struct parser *p)
{
    return number(p->head + 4, 4, frame_top(p)->big_endian);
}

void head_settle_encoding(struct parser *p)
{
    struct frame *f = frame_top(p);
    struct frame said = *f;

    f->fresh = false;
    if (!f->implicit && !vr_letters(p->head + 4) && looks_implicit(p)) {
        f->implicit = true;
        f->big_endian = false;
    } else if (f->implicit && looks_explicit(p)) {
        f->implicit = false;
    }
    if (!f->implicit && p->depth == 0 && TAG_GROUP(tag_as(p, f->big_endian)) > 0xFF &&
        TAG_GROUP(tag_as(p, !f->big_endian)) <= 0xFF)
        f->big_endian = !f->big_endian;
    if (f->implicit != said.implicit || f->big_endian != said.big_endian)
        p->flags |= INSTANCE_VALUE_INVALID;
}

/* VR and length; false: four more bytes are needed, or the error is set. */
static bool read_explicit(struct parser *p, struct element *e)
{
    bool big_endian = frame_top(p)->big_endian;

    if (!vr_letters(p->head + 4)) {
        frame_malformed(p, "an element without a VR");
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
    if (e->length == LENGTH_UNDEFINED)
        e->stream_vr = VR('S', 'Q');
}

bool head_read(struct parser *p, struct element *e)
{
    e->tag = head_tag(p);
    if (!frame_top(p)->implicit)
        return read_explicit(p, e);
    read_implicit(p, e);
    return true;
}

bool head_is_padding(const struct parser *p)
{
    static const uint8_t zeros[8];

    return p->depth == 0 && p->last_tag > 0 && memcmp(p->head, zeros, 8) == 0;
}
