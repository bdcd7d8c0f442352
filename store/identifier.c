/* Data set bytes → DICOM JSON. An identifier is small and wholly in memory, so it is read by
 * plain recursion; only values share their code with stored instances. */
#include "store/identifier.h"
#include "store/attributes.h"
#include "store/base/cleanup.h"
#include "store/header_values.h"
#include "store/identifier_vr.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#define DEPTH_MAX 64
#define VALUES_MAX 65536u /* values, elements and items: as JSON each takes much memory */
#define UNDEFINED 0xFFFFFFFFu

#define TAG_ITEM 0xFFFEE000u
#define TAG_ITEM_END 0xFFFEE00Du
#define TAG_SEQUENCE_END 0xFFFEE0DDu

struct reader {
    struct values values;
    unsigned flags;
    unsigned depth;
    const char *problem;
};

/* A data set, sequence or item: what is left of it and how it is written. */
struct part {
    const uint8_t *p, *end;
    bool undefined; /* ends with a delimitation item */
    bool implicit, big_endian;
};

struct element {
    uint32_t tag, length;
    uint16_t vr;
    bool unknown_in_stream; /* explicit UN: what is in it is Implicit VR Little Endian */
};

static int read_elements(struct reader *r, struct part *p, struct charset charset, json_t *object);

static int broken(struct reader *r, const char *problem)
{
    r->problem = problem;
    return -EBADMSG;
}

/* One element or item more; false: there were too many. */
static bool spend(struct reader *r)
{
    if (r->values.left == 0)
        return false;
    r->values.left--;
    return true;
}

/* --- Heads --------------------------------------------------------------------------------- */

static uint32_t take_number(struct part *p, unsigned n)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < n; i++)
        value |= (uint32_t)*p->p++ << 8 * (p->big_endian ? n - 1 - i : i);
    return value;
}

static bool has(const struct part *p, size_t n)
{
    return (size_t)(p->end - p->p) >= n;
}

static uint32_t take_tag(struct part *p)
{
    uint32_t group = take_number(p, 2);

    return group << 16 | take_number(p, 2);
}

static int take_explicit_head(struct reader *r, struct part *p, struct element *e)
{
    const uint8_t *letters = p->p;

    if (letters[0] < 'A' || letters[0] > 'Z' || letters[1] < 'A' || letters[1] > 'Z')
        return broken(r, "an element without a VR");
    e->vr = VR_OF(letters);
    p->p += 2;
    if (vr_short(e->vr)) {
        e->length = take_number(p, 2);
    } else {
        if (!has(p, 6))
            return broken(r, "the data set ends inside an element");
        p->p += 2;
        e->length = take_number(p, 4);
    }
    if (e->vr == VR('U', 'N')) {
        e->unknown_in_stream = true;
        e->vr = VR_OF(identifier_vr(e->tag));
    }
    return 0;
}

/* Tag, VR and length; items and delimiters have no VR. */
static int take_head(struct reader *r, struct part *p, struct element *ret)
{
    struct element e = {.tag = 0};

    if (!has(p, 8))
        return broken(r, "the data set ends inside an element");
    e.tag = take_tag(p);
    if (e.tag >> 16 == 0xFFFE || p->implicit) {
        e.length = take_number(p, 4);
        e.vr = VR_OF(identifier_vr(e.tag));
    } else if (take_explicit_head(r, p, &e) < 0) {
        return -EBADMSG;
    }
    if (e.length == UNDEFINED && e.tag >> 16 != 0xFFFE) {
        if (!p->implicit && e.vr != VR('S', 'Q') && !e.unknown_in_stream)
            return broken(r, "an undefined length outside sequences");
        e.vr = VR('S', 'Q');
    }
    if (e.length != UNDEFINED && !has(p, e.length))
        return broken(r, "an element is longer than what encloses it");
    *ret = e;
    return 0;
}

/* --- Sequences ----------------------------------------------------------------------------- */

static struct part inner_part(const struct part *outer, uint32_t length)
{
    struct part inner = *outer;

    inner.undefined = length == UNDEFINED;
    if (!inner.undefined)
        inner.end = inner.p + length;
    return inner;
}

static int read_item(struct reader *r, struct part *sequence, uint32_t length,
                     const struct charset *charset, json_t *items)
{
    struct part item = inner_part(sequence, length);
    json_t *object = json_object();
    int result;

    if (!spend(r)) {
        json_decref(object);
        return broken(r, "too many values");
    }
    if (json_array_append_new(items, object) < 0)
        return -ENOMEM;
    result = read_elements(r, &item, *charset, object);
    sequence->p = item.p;
    return result;
}

static int read_items(struct reader *r, struct part *sequence, const struct charset *charset,
                      json_t *items)
{
    struct element e;
    int result = 0;

    while (result == 0 && sequence->p < sequence->end) {
        result = take_head(r, sequence, &e);
        if (result < 0)
            return result;
        if (e.tag == TAG_SEQUENCE_END && sequence->undefined)
            return 0;
        if (e.tag != TAG_ITEM)
            return broken(r, "something else than an item in a sequence");
        result = read_item(r, sequence, e.length, charset, items);
    }
    if (result == 0 && sequence->undefined)
        return broken(r, "a sequence without its end");
    return result;
}

static int read_sequence(struct reader *r, struct part *p, const struct element *e,
                         const struct charset *charset, json_t **ret)
{
    struct part sequence = inner_part(p, e->length);
    json_t *items = json_array();
    int result;

    if (!items)
        return -ENOMEM;
    if (e->unknown_in_stream) {
        sequence.implicit = true;
        sequence.big_endian = false;
    }
    if (r->depth == DEPTH_MAX) {
        result = broken(r, "sequences nested deeper than 64");
    } else {
        r->depth++;
        result = read_items(r, &sequence, charset, items);
        r->depth--;
    }
    p->p = sequence.p;
    if (result < 0 || json_array_size(items) == 0) {
        json_decref(items);
        items = NULL;
    }
    *ret = items;
    return result;
}

/* --- Elements ------------------------------------------------------------------------------ */

/* The value at the beginning of @p, which is passed; NULL: none. */
static int read_value(struct reader *r, struct part *p, const struct element *e,
                      struct charset *charset, json_t **ret)
{
    struct token token = {.tag = e->tag,
                          .length = e->length,
                          .vr = e->vr,
                          .big_endian = p->big_endian && !e->unknown_in_stream};
    const uint8_t *bytes = p->p;

    if (vr_kind(e->vr) == VR_SEQUENCE)
        return read_sequence(r, p, e, charset, ret);
    p->p += e->length;
    if (vr_kind(e->vr) == VR_BULK || e->length == 0)
        return 0;
    if (e->tag == TAG_SPECIFIC_CHARACTER_SET)
        charset_parse((const char *)bytes, e->length, charset);
    r->values.charset = charset;
    if (value_read(&r->values, &token, bytes, ret) < 0)
        return -ENOMEM;
    return r->flags & INSTANCE_HEADER_CUT ? broken(r, "too many values") : 0;
}

/* Of several elements with one tag the first stays. @value (or NULL) is taken over. */
static int put(json_t *object, const struct element *e, json_t *value)
{
    char key[ATTRIBUTE_KEY_SIZE];
    char vr[] = {(char)(e->vr >> 8), (char)(e->vr & 0xFF), '\0'};
    json_t *attribute;

    attribute_key(e->tag, key);
    if (json_object_get(object, key)) {
        json_decref(value);
        return 0;
    }
    attribute = json_object();
    if (json_object_set_new_nocheck(attribute, "vr", json_string_nocheck(vr)) < 0 ||
        (value && json_object_set_nocheck(attribute, "Value", value) < 0)) {
        json_decref(attribute);
        attribute = NULL;
    }
    json_decref(value);
    return json_object_set_new_nocheck(object, key, attribute) < 0 ? -ENOMEM : 0;
}

/* What stands in @p, up to its end or delimiter, goes into @object. */
static int read_elements(struct reader *r, struct part *p, struct charset charset, json_t *object)
{
    struct element e;
    int result;

    while (p->p < p->end) {
        json_t *value = NULL;

        result = take_head(r, p, &e);
        if (result < 0)
            return result;
        if (e.tag == TAG_ITEM_END && p->undefined)
            return 0;
        if (e.tag >> 16 == 0xFFFE)
            return broken(r, "an item or its end outside a sequence");
        if (!spend(r))
            return broken(r, "too many values");
        result = read_value(r, p, &e, &charset, &value);
        if (result < 0)
            return result;
        if ((e.tag & 0xFFFF) == 0)
            json_decref(value);
        else if (put(object, &e, value) < 0)
            return -ENOMEM;
    }
    return p->undefined ? broken(r, "an item without its end") : 0;
}

/* --- The whole ----------------------------------------------------------------------------- */

/* Inflate @p into *ret_inflated (malloc'ed), which becomes the data set. */
static int inflate_all(struct reader *r, struct part *p, uint8_t **ret_inflated)
{
    _cleanup_free_ uint8_t *out = malloc(IDENTIFIER_BYTES_MAX);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)p->p, .avail_in = (uInt)(p->end - p->p)};
    int result;

    if (!out || inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return -ENOMEM;
    z.next_out = out;
    z.avail_out = IDENTIFIER_BYTES_MAX;
    result = inflate(&z, Z_FINISH);
    (void)inflateEnd(&z);
    if (result == Z_MEM_ERROR)
        return -ENOMEM;
    if (result != Z_STREAM_END)
        return broken(r, z.avail_out == 0 ? "the identifier is longer than 1 MiB"
                                          : "the deflated stream is damaged");
    p->p = out;
    p->end = out + z.total_out;
    *ret_inflated = TAKE_PTR(out);
    return 0;
}

static int read_all(struct reader *r, const char *transfer_syntax_uid, struct part *p,
                    json_t *object)
{
    _cleanup_free_ uint8_t *inflated = NULL;
    int result;

    if (p->end - p->p > (ptrdiff_t)IDENTIFIER_BYTES_MAX)
        return broken(r, "the identifier is longer than 1 MiB");
    if (strcmp(transfer_syntax_uid, "1.2.840.10008.1.2.1.99") == 0 && p->p < p->end) {
        result = inflate_all(r, p, &inflated);
        if (result < 0)
            return result;
    }
    return read_elements(r, p, (struct charset){.n_elements = 0}, object);
}

int identifier_parse(const char *transfer_syntax_uid, const void *bytes, size_t n, json_t **ret,
                     const char **ret_problem)
{
    struct reader r = {.values = {.left = VALUES_MAX}};
    struct part p = {.p = bytes,
                     .end = (const uint8_t *)bytes + n,
                     .implicit = strcmp(transfer_syntax_uid, "1.2.840.10008.1.2") == 0,
                     .big_endian = strcmp(transfer_syntax_uid, "1.2.840.10008.1.2.2") == 0};
    json_t *object = json_object();
    int result;

    r.values.flags = &r.flags;
    result = object ? read_all(&r, transfer_syntax_uid, &p, object) : -ENOMEM;
    values_done(&r.values);
    if (result < 0) {
        json_decref(object);
        if (result == -EBADMSG)
            *ret_problem = r.problem;
        return result;
    }
    *ret = object;
    return 0;
}
