/* DICOM JSON → data set bytes, and which character set they need. */
#include "store/identifier.h"
#include "store/base/cleanup.h"
#include "store/identifier_text.h"
#include "store/identifier_values.h"
#include "store/vr.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#define DEPTH_MAX 64
#define SHORT_LENGTH_MAX 65534u
#define TAG_SPECIFIC_CHARACTER_SET 0x00080005u
#define TAG_ITEM 0xFFFEE000u
#define UTF8_TERM "ISO_IR 192"

struct attribute_ref {
    uint32_t tag;
    const json_t *attribute;
};

static int write_elements(struct value_writer *w, const json_t *attributes, const char *charset);

/* --- Order --------------------------------------------------------------------------------- */

/* The tag that a key of DICOM JSON names, 0: none that may stand in a data set. */
static uint32_t tag_of(const char *key)
{
    uint32_t tag = 0;

    for (size_t i = 0; i < 8; i++) {
        char c = key[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;

        if (digit == 16)
            return 0;
        tag = tag << 4 | digit;
    }
    return key[8] || (tag & 0xFFFF) == 0 || tag >> 16 == 0xFFFE ? 0 : tag;
}

static int compare_tags(const void *a, const void *b)
{
    uint32_t left = ((const struct attribute_ref *)a)->tag;
    uint32_t right = ((const struct attribute_ref *)b)->tag;

    return (left > right) - (left < right);
}

/* The attributes of @object in order of tag, without Specific Character Set. */
static size_t collect(const json_t *object, struct attribute_ref *refs)
{
    json_t *o = (json_t *)(uintptr_t)object;
    bool sorted = true;
    size_t n = 0;

    for (void *at = json_object_iter(o); at; at = json_object_iter_next(o, at)) {
        uint32_t tag = tag_of(json_object_iter_key(at));

        if (tag == 0 || tag == TAG_SPECIFIC_CHARACTER_SET)
            continue;
        sorted = sorted && (n == 0 || refs[n - 1].tag < tag);
        refs[n++] = (struct attribute_ref){.tag = tag, .attribute = json_object_iter_value(at)};
    }
    if (!sorted)
        qsort(refs, n, sizeof *refs, compare_tags);
    return n;
}

/* --- Elements ------------------------------------------------------------------------------ */

static void write_tag(struct value_writer *w, uint32_t tag)
{
    write_number(w, tag >> 16, 2);
    write_number(w, tag & 0xFFFF, 2);
}

/* Room for a length of @size bytes, to be filled in by end_length(). */
static size_t begin_length(struct value_writer *w, unsigned size)
{
    write_number(w, 0, size);
    return w->out.used;
}

/* What was written since @start is a value: pad it and say its length. One that a short length
 * cannot tell is left out: a query answer is better with an empty attribute than without. */
static void end_length(struct value_writer *w, size_t start, unsigned size, char padding)
{
    size_t length;

    if ((w->out.used - start) % 2 == 1)
        bytes_put(&w->out, &padding, 1);
    if (w->out.failed)
        return;
    length = w->out.used - start;
    if (length > (size == 2 ? SHORT_LENGTH_MAX : UINT32_MAX - 1)) {
        w->out.used = start;
        length = 0;
    }
    for (unsigned i = 0; i < size; i++)
        w->out.at[start - size + i] =
            (uint8_t)(length >> 8 * (w->big_endian ? size - 1 - i : i) & 0xFF);
}

static int write_items(struct value_writer *w, const json_t *items)
{
    json_t *item;
    size_t i;
    int r = 0;

    if (w->depth == DEPTH_MAX)
        return 0;
    w->depth++;
    json_array_foreach (items, i, item) {
        size_t start;

        write_tag(w, TAG_ITEM);
        start = begin_length(w, 4);
        r = write_elements(w, item, NULL);
        if (r < 0)
            break;
        end_length(w, start, 4, '\0');
    }
    w->depth--;
    return r;
}

static uint16_t vr_of(const json_t *attribute)
{
    const char *vr = json_string_value(json_object_get(attribute, "vr"));
    bool letters = vr && vr[0] >= 'A' && vr[0] <= 'Z' && vr[1] >= 'A' && vr[1] <= 'Z' && !vr[2];

    if (!letters)
        vr = "UN";
    return VR_OF(vr);
}

/* The head of an element; returns how many bytes its length has. */
static unsigned write_head(struct value_writer *w, uint32_t tag, uint16_t vr)
{
    write_tag(w, tag);
    if (w->implicit)
        return 4;
    bytes_put(&w->out, (uint8_t[]){(uint8_t)(vr >> 8), (uint8_t)vr}, 2);
    if (vr_short(vr))
        return 2;
    bytes_put(&w->out, "\0", 2);
    return 4;
}

static int write_element(struct value_writer *w, const struct attribute_ref *ref)
{
    uint16_t vr = vr_of(ref->attribute);
    const json_t *values = json_object_get(ref->attribute, "Value");
    unsigned size = write_head(w, ref->tag, vr);
    size_t start = begin_length(w, size);
    int r = vr_kind(vr) == VR_SEQUENCE ? write_items(w, values) : write_values(w, vr, values);

    if (r == 0)
        end_length(w, start, size, vr_kind(vr) == VR_TEXT && vr != VR('U', 'I') ? ' ' : '\0');
    return r;
}

/* The value that the whole data set has; items inherit it. */
static void write_charset(struct value_writer *w, const char *charset)
{
    unsigned size = write_head(w, TAG_SPECIFIC_CHARACTER_SET, VR('C', 'S'));
    size_t start = begin_length(w, size);

    bytes_put(&w->out, charset, strlen(charset));
    end_length(w, start, size, ' ');
}

/* @charset NULL: an item, or none is needed. */
static int write_elements(struct value_writer *w, const json_t *attributes, const char *charset)
{
    struct attribute_ref few[64];
    _cleanup_free_ struct attribute_ref *many = NULL;
    size_t n = json_object_size(attributes), i = 0;
    struct attribute_ref *refs = few;
    int r = 0;

    if (n > sizeof few / sizeof few[0]) {
        refs = many = calloc(n, sizeof *many);
        if (!many)
            return -ENOMEM;
    }
    n = collect(attributes, refs);
    while (r == 0 && i < n && refs[i].tag < TAG_SPECIFIC_CHARACTER_SET)
        r = write_element(w, &refs[i++]);
    if (r == 0 && charset)
        write_charset(w, charset);
    while (r == 0 && i < n)
        r = write_element(w, &refs[i++]);
    return r;
}

/* --- The data set -------------------------------------------------------------------------- */

static bool is_default_repertoire(const char *charset)
{
    return *charset == '\0' || strcmp(charset, "ISO_IR 6") == 0;
}

/* Replace the bytes of @b by the deflated ones, of even length (PS3.5 A.5). */
static int deflate_all(struct bytes *b)
{
    z_stream z = {.next_in = b->at, .avail_in = (uInt)b->used};
    uint8_t *out;
    size_t size;
    int result;

    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return -ENOMEM;
    size = deflateBound(&z, b->used) + 1;
    out = calloc(1, size);
    z.next_out = out;
    z.avail_out = (uInt)(size - 1);
    result = out ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
    (void)deflateEnd(&z);
    if (result != Z_STREAM_END) {
        free(out);
        return -ENOMEM;
    }
    free(b->at);
    *b = (struct bytes){.at = out, .used = z.total_out + z.total_out % 2, .size = size};
    return 0;
}

int identifier_encode(const json_t *attributes, const char *charset,
                      const char *transfer_syntax_uid, uint8_t **ret, size_t *ret_n)
{
    struct value_writer w = {.implicit = strcmp(transfer_syntax_uid, "1.2.840.10008.1.2") == 0,
                             .big_endian = strcmp(transfer_syntax_uid, "1.2.840.10008.1.2.2") == 0};
    int r;

    charset_parse(charset, strlen(charset), &w.charset);
    bytes_put(&w.out, "", 1); /* memory also for a data set without elements */
    w.out.used = 0;
    r = write_elements(&w, attributes, is_default_repertoire(charset) ? NULL : charset);
    if (r == 0 && w.out.failed)
        r = -ENOMEM;
    if (r == 0 && strcmp(transfer_syntax_uid, "1.2.840.10008.1.2.1.99") == 0)
        r = deflate_all(&w.out);
    if (r < 0) {
        free(w.out.at);
        return r;
    }
    *ret = w.out.at;
    *ret_n = w.out.used;
    return 0;
}

/* --- Which character set ------------------------------------------------------------------- */

static bool string_fits(const json_t *string, const struct charset *c)
{
    const char *text = json_string_value(string);
    size_t n = json_string_length(string);
    bool plain = true;

    for (size_t i = 0; i < n; i++)
        plain &= (uint8_t)text[i] < 0x80;
    return plain || (c && text_encode(c, text, n, CHARSET_TEXT, NULL) == 0);
}

/* Whether every string of @j fits @c; NULL: ASCII. */
static bool all_fits(const json_t *j, const struct charset *c)
{
    json_t *o = (json_t *)(uintptr_t)j;

    if (json_is_string(j))
        return string_fits(j, c);
    for (size_t i = 0; i < json_array_size(j); i++)
        if (!all_fits(json_array_get(j, i), c))
            return false;
    for (void *at = json_object_iter(o); at; at = json_object_iter_next(o, at))
        if (!all_fits(json_object_iter_value(at), c))
            return false;
    return true;
}

static bool term_fits(const json_t *attributes, const char *term)
{
    struct charset c;

    charset_parse(term, strlen(term), &c);
    return !c.unknown && all_fits(attributes, &c);
}

static bool is_defined_term(const char *term, size_t n)
{
    static const char *const heads[] = {"ISO_IR ", "ISO 2022 IR "};

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        size_t head = strlen(heads[i]);

        if (n > head && memcmp(term, heads[i], head) == 0)
            return strspn(term + head, "0123456789") >= n - head;
    }
    return n == 0 || (n == 7 && memcmp(term, "GB18030", 7) == 0) ||
           (n == 3 && memcmp(term, "GBK", 3) == 0);
}

/* What objects say is understood in many spellings; what we say is spelt as PS3.3 has it. */
static bool is_spelt_as_defined(const char *charset)
{
    for (;;) {
        size_t n = strcspn(charset, "\\");

        if (!is_defined_term(charset, n))
            return false;
        if (!charset[n])
            return true;
        charset += n + 1;
    }
}

const char *identifier_charset(const json_t *attributes, const char *wanted, const char *second)
{
    if (term_fits(attributes, wanted))
        return wanted;
    if (second && is_spelt_as_defined(second) && term_fits(attributes, second))
        return second;
    return UTF8_TERM;
}
