#include "store/header_keep.h"
#include "store/attributes.h"

#include <stdlib.h>
#include <string.h>

/* Longer UIDs are no UIDs; so much stays free for the four when the rest has used all. */
#define UID_VALUE_MAX 256u
#define UID_RESERVE (4 * (UID_VALUE_MAX + sizeof(struct token)))

void keep_bytes(struct parser *p, const void *bytes, size_t n)
{
    struct tokens *t = &p->tokens;

    if (t->used + n > t->size) {
        size_t size = t->size ? t->size : 4096;

        while (size < t->used + n)
            size *= 2;
        uint8_t *grown = realloc(t->bytes, size);
        if (!grown) {
            parser_fail_memory(p);
            return;
        }
        t->bytes = grown;
        t->size = size;
    }
    memcpy(t->bytes + t->used, bytes, n);
    t->used += n;
}

/* Forget the top-level element that is being read, and keep no more of it. */
static void drop_element(struct parser *p)
{
    p->tokens.used = p->element_start;
    for (unsigned i = 1; i <= p->depth; i++)
        p->frames[i].kept = false;
    p->flags |= INSTANCE_HEADER_CUT;
}

void keep_token(struct parser *p, struct token token)
{
    if (p->tokens.used + sizeof token > HEADER_TOTAL_MAX - UID_RESERVE)
        drop_element(p);
    else
        keep_bytes(p, &token, sizeof token);
}

/* What an attribute is taken for that the table knows as @table and the data set as @stream:
 * text for text as the table says, so that readers find what they expect; no value otherwise. */
static uint16_t vr_reconcile(uint16_t table, uint16_t stream)
{
    if (stream == VR('U', 'N'))
        return table;
    if (vr_kind(table) != vr_kind(stream))
        return VR('U', 'N');
    return vr_kind(table) == VR_TEXT ? table : stream;
}

static bool is_uid(uint32_t tag)
{
    return tag == TAG_SOP_CLASS_UID || tag == TAG_SOP_INSTANCE_UID ||
           tag == TAG_STUDY_INSTANCE_UID || tag == TAG_SERIES_INSTANCE_UID;
}

/* Whether the index wants it: a row of the table at the top; in kept items all but private
 * elements and group lengths. */
static bool is_wanted(const struct parser *p, uint32_t tag)
{
    if (p->depth == 0)
        return tag == TAG_SPECIFIC_CHARACTER_SET || attribute_find(tag);
    return p->frames[p->depth].kept && (tag >> 16) % 2 == 0 && (tag & 0xFFFF) != 0;
}

uint16_t keep_as(struct parser *p, const struct element *e)
{
    const char *table;
    uint16_t vr;

    if (!is_wanted(p, e->tag))
        return VR('U', 'N');
    table = attribute_vr(e->tag);
    if (!table)
        return e->stream_vr;
    vr = vr_reconcile(VR_OF(table), e->stream_vr);
    if (vr == VR('U', 'N'))
        p->flags |= INSTANCE_VALUE_INVALID;
    return vr;
}

bool keep_value(struct parser *p, const struct element *e, uint16_t vr, uint64_t length)
{
    bool uid = p->depth == 0 && is_uid(e->tag) && length <= UID_VALUE_MAX;
    struct token token = {.tag = e->tag,
                          .vr = vr,
                          .kind = TOKEN_VALUE,
                          .big_endian =
                              p->frames[p->depth].big_endian && e->stream_vr != VR('U', 'N')};

    if (length > HEADER_VALUE_MAX) {
        p->flags |= INSTANCE_HEADER_CUT;
        return false;
    }
    token.length = (uint32_t)length;
    if (p->tokens.used + sizeof token + token.length > HEADER_TOTAL_MAX - (uid ? 0 : UID_RESERVE)) {
        drop_element(p);
        return false;
    }
    p->value_start = p->tokens.used;
    keep_bytes(p, &token, sizeof token);
    return true;
}
