#include "store/identifier_text.h"
#include "store/charset_elements.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

void bytes_put(struct bytes *b, const void *from, size_t n)
{
    if (b->used + n > b->size && !b->failed) {
        size_t size = b->size ? b->size : 512;

        while (size < b->used + n)
            size *= 2;
        uint8_t *grown = realloc(b->at, size);
        b->failed = !grown;
        if (grown) {
            b->at = grown;
            b->size = size;
        }
    }
    if (b->failed || n == 0)
        return;
    memcpy(b->at + b->used, from, n);
    b->used += n;
}

struct encoder {
    const struct charset *declared;
    enum charset_kind kind;
    enum code_element initial; /* in G1 at the beginning and after each delimiter */
    enum code_element g0, g1;  /* g0: NONE (ASCII), IR_87 or IR_159 */
    struct bytes *out;         /* NULL: only look */
};

static void put(struct encoder *e, const void *from, size_t n)
{
    if (e->out)
        bytes_put(e->out, from, n);
}

static void put_escape(struct encoder *e, const char *escape)
{
    put(e, "\x1b", 1);
    put(e, escape, strlen(escape));
}

/* --- One character ------------------------------------------------------------------------- */

static iconv_t descriptor(enum code_element x)
{
    static _Thread_local iconv_t open[ELEMENT_COUNT];

    if (!open[x])
        open[x] = iconv_open(code_elements[x].iconv_name, "UTF-8");
    return open[x];
}

/* Whether the @n bytes by iconv, which knows more than @x has, are a character of @x; EUC-JP
 * becomes the bytes of G0. Returns how many, or 0. */
static size_t keep_own(enum code_element x, uint8_t *bytes, size_t n)
{
    switch (code_elements[x].shape) {
    case SINGLE:
        return n == 1 && bytes[0] >= 0xA0 ? 1 : 0;
    case JAPANESE:
        return n == 1 && bytes[0] >= 0xA1 && bytes[0] <= 0xDF ? 1 : 0;
    case PAIR:
        return n == 2 && bytes[0] >= 0xA1 && bytes[1] >= 0xA1 ? 2 : 0;
    case IN_G0:
        if (n != (x == IR_159 ? 3 : 2) || (x == IR_159) != (bytes[0] == 0x8F) || bytes[0] == 0x8E)
            return 0;
        bytes[0] = bytes[n - 2] & 0x7F;
        bytes[1] = bytes[n - 1] & 0x7F;
        return 2;
    default:
        return n >= 2 ? n : 0;
    }
}

static size_t convert(enum code_element x, const char *c, size_t n, uint8_t ret[8])
{
    iconv_t from_utf8;
    char in[4], *from = in, *to = (char *)ret;
    size_t left = 8;

    if (!code_elements[x].iconv_name)
        return 0;
    from_utf8 = descriptor(x);
    if (from_utf8 == (iconv_t)-1)
        return 0;
    memcpy(in, c, n);
    (void)iconv(from_utf8, NULL, NULL, NULL, NULL);
    if (iconv(from_utf8, &from, &n, &to, &left) != 0 || n > 0)
        return 0;
    return keep_own(x, ret, 8 - left);
}

/* --- Code extensions ----------------------------------------------------------------------- */

static void use_ascii(struct encoder *e)
{
    if (e->g0 != NONE)
        put_escape(e, e->initial == IR_13 ? "(J" : code_elements[NONE].escape);
    e->g0 = NONE;
}

/* Before a delimiter and at the end: the first set is active again. A set in G1 that has none
 * before it need not be taken back (PS3.5 annexes I and K). */
static void use_initial(struct encoder *e)
{
    use_ascii(e);
    if (e->g1 != e->initial && e->initial != NONE)
        put_escape(e, code_elements[e->initial].escape);
    e->g1 = e->initial;
}

static void use(struct encoder *e, enum code_element x)
{
    if (code_elements[x].shape == IN_G0) {
        if (e->g0 != x)
            put_escape(e, code_elements[x].escape);
        e->g0 = x;
        return;
    }
    use_ascii(e);
    if (e->g1 != x)
        put_escape(e, code_elements[x].escape);
    e->g1 = x;
}

static bool try_element(struct encoder *e, enum code_element x, const char *c, size_t n)
{
    uint8_t bytes[8];
    size_t length;

    if (x == NONE || (x != e->initial && !code_elements[x].escape))
        return false;
    length = convert(x, c, n, bytes);
    if (length == 0)
        return false;
    use(e, x);
    put(e, bytes, length);
    return true;
}

/* A character beyond ASCII: in the set that is active, else in the first that has it. */
static int encode_high(struct encoder *e, const char *c, size_t n)
{
    if (e->initial == UTF_8) {
        put(e, c, n);
        return 0;
    }
    if (try_element(e, e->g0, c, n) || try_element(e, e->g1, c, n))
        return 0;
    for (size_t i = 0; code_elements[e->initial].shape < CHINESE && i < e->declared->n_elements;
         i++)
        if (try_element(e, e->declared->elements[i], c, n))
            return 0;
    return -EILSEQ;
}

static void encode_ascii(struct encoder *e, char c)
{
    bool control = (c >= 0 && c < ' ') || c == '\x7f';
    bool delimiter = e->kind == CHARSET_TEXT
                         ? control
                         : c == '\\' || (e->kind == CHARSET_NAMES && (c == '^' || c == '='));

    if (control && (e->kind != CHARSET_TEXT || !strchr("\t\n\f\r", c)))
        return;
    if (delimiter)
        use_initial(e);
    use_ascii(e);
    put(e, &c, 1);
}

/* --- Text ---------------------------------------------------------------------------------- */

static bool is_plain(const char *text, size_t n)
{
    bool plain = true;

    for (size_t i = 0; i < n; i++)
        plain &= text[i] >= ' ' && text[i] < '\x7f';
    return plain;
}

/* Length of the character that begins at @c; 0: the text is not UTF-8. */
static size_t utf8_length(const char *c, size_t left)
{
    uint8_t first = (uint8_t)*c;
    size_t n = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;

    if (n > left || first > 0xF4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (((uint8_t)c[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

static enum code_element initial_of(const struct charset *c)
{
    enum code_element first = c->n_elements > 0 ? c->elements[0] : NONE;
    enum code_shape shape = code_elements[first].shape;

    return shape == IN_G0 || shape == PAIR ? NONE : first;
}

int text_encode(const struct charset *c, const char *text, size_t n, enum charset_kind kind,
                struct bytes *out)
{
    struct encoder e = {.declared = c, .kind = kind, .initial = initial_of(c), .out = out};

    if (is_plain(text, n)) {
        put(&e, text, n);
        return 0;
    }
    e.g1 = e.initial;
    for (size_t i = 0, length; i < n; i += length) {
        length = 1;
        if ((uint8_t)text[i] < 0x80) {
            encode_ascii(&e, text[i]);
            continue;
        }
        length = utf8_length(text + i, n - i);
        if (length == 0 || encode_high(&e, text + i, length) < 0)
            return -EILSEQ;
    }
    use_initial(&e);
    return 0;
}
