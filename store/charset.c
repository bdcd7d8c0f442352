#include "store/charset.h"
#include "store/charset_elements.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

static bool declares(const struct charset *c, enum code_element e)
{
    for (size_t i = 0; i < c->n_elements; i++)
        if (c->elements[i] == e)
            return true;
    return e == NONE;
}

struct decoder {
    const struct charset *declared;
    enum charset_kind kind;
    enum code_element first, g0, g1; /* g0: NONE (ASCII), IR_87 or IR_159 */
    const uint8_t *p, *end;
    struct charset_text *out;
    bool undecodable;
};

/* There is always room: charset_decode() reserves three bytes for each one of the input. */
static void put(struct decoder *d, const char *utf8, size_t n)
{
    memcpy(d->out->text + d->out->length, utf8, n);
    d->out->length += n;
}

static void put_unknown(struct decoder *d)
{
    put(d, "\xef\xbf\xbd", 3);
    d->undecodable = true;
}

static iconv_t descriptor(enum code_element e)
{
    static _Thread_local iconv_t open[ELEMENT_COUNT];

    if (!open[e])
        open[e] = iconv_open("UTF-8", code_elements[e].iconv_name);
    return open[e];
}

/* One character of @n bytes by iconv; false: it is not one, nothing was put. */
static bool put_converted(struct decoder *d, enum code_element e, const char *bytes, size_t n)
{
    iconv_t to_utf8 = descriptor(e);
    char in[4], out[16];
    char *from = in, *to = out;
    size_t left = sizeof out;

    if (to_utf8 == (iconv_t)-1)
        return false;
    memcpy(in, bytes, n);
    (void)iconv(to_utf8, NULL, NULL, NULL, NULL);
    if (iconv(to_utf8, &from, &n, &to, &left) != 0 || n > 0)
        return false;
    put(d, out, (size_t)(to - out));
    return true;
}

/* Length of the well-formed UTF-8 character at @p (Unicode table 3-7), 0: not one. */
static size_t utf8_length(const uint8_t *p, const uint8_t *end)
{
    size_t n = *p >= 0xF0 ? 4 : *p >= 0xE0 ? 3 : *p >= 0x80 ? 2 : 1;

    if (*p < 0x80)
        return 1;
    if (*p < 0xC2 || *p > 0xF4 || (size_t)(end - p) < n)
        return 0;
    if ((*p == 0xE0 && p[1] < 0xA0) || (*p == 0xED && p[1] > 0x9F) || (*p == 0xF0 && p[1] < 0x90) ||
        (*p == 0xF4 && p[1] > 0x8F))
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

static bool utf8_all(const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        size_t n = utf8_length(p, end);

        if (n == 0)
            return false;
        p += n;
    }
    return true;
}

/* How many bytes the character at d->p should have in @shape; 0: none begins so. */
static size_t character_length(const struct decoder *d, enum code_shape shape)
{
    uint8_t a = d->p[0], b = d->end - d->p > 1 ? d->p[1] : 0;

    switch (shape) {
    case SINGLE:
        return a >= 0xA0;
    case JAPANESE:
        return a >= 0xA1 && a <= 0xDF ? 1 : b >= 0x40 ? 2 : 0;
    case PAIR:
        return a >= 0xA1 && b >= 0xA1 ? 2 : 0;
    case CHINESE:
        return b >= '0' && b <= '9' ? 4 : b >= 0x40 ? 2 : 0;
    default:
        return 0;
    }
}

/* A byte of 80H and above. */
static void decode_high(struct decoder *d)
{
    size_t n;

    if (code_elements[d->g1].shape == UNICODE) {
        n = utf8_length(d->p, d->end);
        if (n > 0)
            put(d, (const char *)d->p, n);
    } else {
        n = code_elements[d->g1].iconv_name ? character_length(d, code_elements[d->g1].shape) : 0;
        if (n > (size_t)(d->end - d->p) || !n || !put_converted(d, d->g1, (const char *)d->p, n))
            n = 0;
    }
    if (n == 0)
        put_unknown(d);
    d->p += n > 0 ? n : 1;
}

/* A byte of 21H to 7EH while G0 holds kanji. */
static void decode_kanji(struct decoder *d)
{
    char euc[3] = {'\x8f', (char)(d->p[0] | 0x80), 0};
    bool supplementary = d->g0 == IR_159;

    if (d->end - d->p < 2 || d->p[1] < 0x21 || d->p[1] > 0x7E) {
        put_unknown(d);
        d->p++;
        return;
    }
    euc[2] = (char)(d->p[1] | 0x80);
    if (!put_converted(d, d->g0, supplementary ? euc : euc + 1, supplementary ? 3 : 2))
        put_unknown(d);
    d->p += 2;
}

/* Back to what the first value of (0008,0005) brings in. */
static void reset(struct decoder *d)
{
    d->g0 = NONE;
    d->g1 = code_elements[d->first].shape == IN_G0 ? NONE : d->first;
}

/* The escape sequence at d->p (PS3.3 table C.12-3 and -4). */
static void decode_escape(struct decoder *d)
{
    size_t left = (size_t)(d->end - d->p) - 1;

    d->p++;
    if (left >= 2 && memcmp(d->p, "(J", 2) == 0) { /* ISO-IR 14, the ASCII of IR 13 */
        d->g0 = NONE;
        d->p += 2;
        return;
    }
    for (unsigned e = 0; e < ELEMENT_COUNT; e++) {
        size_t n = code_elements[e].escape ? strlen(code_elements[e].escape) : 0;

        if (n == 0 || n > left || memcmp(d->p, code_elements[e].escape, n) != 0)
            continue;
        if (e == NONE || code_elements[e].shape == IN_G0)
            d->g0 = e;
        else
            d->g1 = e;
        d->undecodable |= !declares(d->declared, e);
        d->p += n;
        return;
    }
    put_unknown(d);
}

/* A byte below 80H in ASCII: a character, a delimiter, or a control character to drop. */
static void decode_ascii(struct decoder *d)
{
    char c = (char)*d->p++;

    if (c < ' ' || c == '\x7f') {
        reset(d);
        if (d->kind == CHARSET_TEXT && (c == '\t' || c == '\n' || c == '\r'))
            put(d, &c, 1);
    } else if (c == '\\' && d->kind != CHARSET_TEXT) {
        reset(d);
        put(d, &(char){CHARSET_VALUE_END}, 1);
    } else if (c == '=' && d->kind == CHARSET_NAMES) {
        reset(d);
        put(d, &(char){CHARSET_GROUP_END}, 1);
    } else {
        if (c == '^' && d->kind == CHARSET_NAMES)
            reset(d);
        put(d, &c, 1);
    }
}

/* What bytes from 80H on mean before any escape sequence. Where the first declared set has
 * none, another declared one is better than nothing; where there is no set at all, UTF-8 is
 * tried: both are reported. */
static void choose_first(struct decoder *d)
{
    const struct charset *c = d->declared;
    bool high = false;

    d->first = c->n_elements > 0 ? c->elements[0] : NONE;
    for (const uint8_t *p = d->p; p < d->end && !high; p++)
        high = *p >= 0x80;
    if (!high || (d->first != NONE && code_elements[d->first].shape != IN_G0) ||
        memchr(d->p, '\x1b', (size_t)(d->end - d->p)))
        return;
    d->undecodable = true;
    for (size_t i = 1; i < c->n_elements; i++)
        if (c->elements[i] != NONE && code_elements[c->elements[i]].shape != IN_G0) {
            d->first = c->elements[i];
            return;
        }
    if (utf8_all(d->p, d->end))
        d->first = UTF_8;
}

static void decode_all(struct decoder *d)
{
    bool extensions = code_elements[d->first].shape < CHINESE;

    while (d->p < d->end) {
        if (*d->p == 0x1B && extensions)
            decode_escape(d);
        else if (*d->p >= 0x80)
            decode_high(d);
        else if (d->g0 != NONE && *d->p > ' ' && *d->p < 0x7F)
            decode_kanji(d);
        else
            decode_ascii(d);
    }
}

int charset_decode(const struct charset *c, const void *bytes, size_t n, enum charset_kind kind,
                   struct charset_text *text, bool *ret_undecodable)
{
    struct decoder d = {
        .declared = c, .kind = kind, .p = bytes, .end = (const uint8_t *)bytes + n, .out = text};
    size_t needed = n * 3 + 1; /* no byte becomes more than three */

    if (text->size < needed) {
        char *grown = realloc(text->text, needed);

        if (!grown)
            return -ENOMEM;
        text->text = grown;
        text->size = needed;
    }
    text->length = 0;
    choose_first(&d);
    reset(&d);
    decode_all(&d);
    text->text[text->length] = '\0';
    if (d.undecodable)
        *ret_undecodable = true;
    return 0;
}
