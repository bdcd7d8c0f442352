#include "store/header_values.h"
#include "store/attributes.h"
#include "store/base/datetime.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Text ---------------------------------------------------------------------------------- */

static bool is_long_text(uint16_t vr)
{
    return vr == VR('S', 'T') || vr == VR('L', 'T') || vr == VR('U', 'T');
}

enum charset_kind value_charset_kind(uint16_t vr)
{
    if (vr == VR('P', 'N'))
        return CHARSET_NAMES;
    return is_long_text(vr) || vr == VR('U', 'R') ? CHARSET_TEXT : CHARSET_VALUES;
}

/* Without padding: spaces at the end, and at the beginning where they mean nothing (PS3.5
 * 6.2). @text of @n bytes is cut in place. */
static char *trim(char *text, size_t n, bool leading)
{
    while (n > 0 && text[n - 1] == ' ')
        n--;
    text[n] = '\0';
    while (leading && *text == ' ')
        text++;
    return text[strspn(text, " \t\r\n")] ? text : text + strlen(text);
}

static size_t skip_digits(const char **p)
{
    size_t n = strspn(*p, "0123456789");

    *p += n;
    return n;
}

static bool is_integer_string(const char *p)
{
    p += *p == '+' || *p == '-';
    size_t digits = skip_digits(&p);
    return digits > 0 && digits <= 12 && *p == '\0';
}

static bool is_decimal_string(const char *p)
{
    size_t digits;

    p += *p == '+' || *p == '-';
    digits = skip_digits(&p);
    if (*p == '.') {
        p++;
        digits += skip_digits(&p);
    }
    if (digits > 0 && (*p == 'e' || *p == 'E')) {
        p++;
        p += *p == '+' || *p == '-';
        digits = skip_digits(&p);
    }
    return digits > 0 && *p == '\0';
}

static bool keeps_vr(uint16_t vr, const char *text)
{
    struct date date;
    struct daytime time;
    int offset;

    switch (vr) {
    case VR('D', 'A'):
        return date_parse(text, &date) == 0;
    case VR('T', 'M'):
        return daytime_parse(text, &time) == 0;
    case VR('D', 'T'):
        return datetime_parse(text, &date, &time, &offset) == 0;
    case VR('I', 'S'):
        return is_integer_string(text);
    case VR('D', 'S'):
        return is_decimal_string(text);
    default:
        return true;
    }
}

/* A string, or null where nothing is left. */
static json_t *text_json(struct values *v, uint16_t vr, char *text, size_t n)
{
    text = trim(text, n, !is_long_text(vr));
    if (*text == '\0')
        return json_null();
    if (v->checked && !keeps_vr(vr, text))
        *v->flags |= INSTANCE_VALUE_INVALID;
    return json_string_nocheck(text);
}

/* A name of up to three component groups; groups of delimiters only are empty. */
static json_t *name_json(char *text, size_t n)
{
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
    json_t *name = json_object();
    char *end = text + n;

    for (size_t i = 0; name && i < 3 && text <= end; i++) {
        char *stop = memchr(text, CHARSET_GROUP_END, (size_t)(end - text));
        size_t length = (size_t)((stop ? stop : end) - text);
        char *group = trim(text, length, true);

        if (group[strspn(group, " ^")] &&
            json_object_set_new_nocheck(name, groups[i], json_string_nocheck(group)) < 0) {
            json_decref(name);
            return NULL;
        }
        text += length + 1;
    }
    if (!name || json_object_size(name) > 0)
        return name;
    json_decref(name);
    return json_null();
}

static int read_text(struct values *v, const struct token *t, const uint8_t *bytes, json_t *array)
{
    bool undecodable = false;
    char *text, *end;

    if (charset_decode(v->charset, bytes, t->length, value_charset_kind(t->vr), &v->text,
                       &undecodable) < 0)
        return -ENOMEM;
    if (undecodable)
        *v->flags |= INSTANCE_TEXT_UNDECODABLE;
    text = v->text.text;
    end = text + v->text.length;
    while (text <= end && json_array_size(array) <= v->left) {
        char *stop = memchr(text, CHARSET_VALUE_END, (size_t)(end - text));
        size_t n = (size_t)((stop ? stop : end) - text);
        json_t *value = t->vr == VR('P', 'N') ? name_json(text, n) : text_json(v, t->vr, text, n);

        if (json_array_append_new(array, value) < 0)
            return -ENOMEM;
        text += n + 1;
    }
    return 0;
}

/* --- Numbers ------------------------------------------------------------------------------- */

static size_t number_size(uint16_t vr)
{
    switch (vr) {
    case VR('S', 'S'):
    case VR('U', 'S'):
        return 2;
    case VR('F', 'D'):
    case VR('S', 'V'):
    case VR('U', 'V'):
        return 8;
    default:
        return 4;
    }
}

static uint64_t bits(const uint8_t *p, size_t n, bool big_endian)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)p[i] << 8 * (big_endian ? n - 1 - i : i);
    return value;
}

/* Two numbers of 16 bits, each in the byte order of the data set. */
static json_t *tag_json(const uint8_t *p, bool big_endian)
{
    char key[ATTRIBUTE_KEY_SIZE];

    attribute_key((uint32_t)(bits(p, 2, big_endian) << 16 | bits(p + 2, 2, big_endian)), key);
    return json_string_nocheck(key);
}

/* JSON has no word for infinities and what is not a number, and the database writes large reals
 * as integers, which few readers take when they are of more than 53 bits (RFC 8259 section 6). */
static json_t *real_json(struct values *v, double value)
{
    if (isfinite(value) && fabs(value) < 0x1p53)
        return json_real(value);
    *v->flags |= INSTANCE_VALUE_INVALID;
    return json_null();
}

/* What no json_int_t holds becomes a string (PS3.18 table F.2.3-1). */
static json_t *unsigned_json(uint64_t value)
{
    char text[24];

    if (value <= INT64_MAX)
        return json_integer((json_int_t)value);
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return json_string_nocheck(text);
}

static json_t *number_json(struct values *v, uint16_t vr, const uint8_t *p, bool big_endian)
{
    uint64_t value = bits(p, number_size(vr), big_endian);
    float single;
    double twice;

    switch (vr) {
    case VR('A', 'T'):
        return tag_json(p, big_endian);
    case VR('S', 'S'):
        return json_integer((int16_t)value);
    case VR('S', 'L'):
        return json_integer((int32_t)value);
    case VR('S', 'V'):
        return json_integer((int64_t)value);
    case VR('F', 'L'):
        memcpy(&single, &(uint32_t){(uint32_t)value}, sizeof single);
        return real_json(v, (double)single);
    case VR('F', 'D'):
        memcpy(&twice, &value, sizeof twice);
        return real_json(v, twice);
    default:
        return unsigned_json(value);
    }
}

static int read_numbers(struct values *v, const struct token *t, const uint8_t *bytes,
                        json_t *array)
{
    size_t size = number_size(t->vr);

    if (t->length % size != 0)
        *v->flags |= INSTANCE_VALUE_INVALID;
    for (size_t at = 0; at + size <= t->length && json_array_size(array) <= v->left; at += size)
        if (json_array_append_new(array, number_json(v, t->vr, bytes + at, t->big_endian)) < 0)
            return -ENOMEM;
    return 0;
}

/* ------------------------------------------------------------------------------------------- */

int value_read(struct values *v, const struct token *t, const uint8_t *bytes, json_t **ret)
{
    json_t *array = json_array(), *value;
    bool empty = true;
    size_t i;
    int r;

    if (!array)
        return -ENOMEM;
    if (vr_kind(t->vr) == VR_NUMBER)
        r = read_numbers(v, t, bytes, array);
    else
        r = read_text(v, t, bytes, array);
    json_array_foreach (array, i, value)
        empty = empty && json_is_null(value);
    if (json_array_size(array) > v->left) {
        *v->flags |= INSTANCE_HEADER_CUT;
        empty = true;
    }
    if (r < 0 || empty) {
        json_decref(array);
        array = NULL;
    }
    v->left -= json_array_size(array);
    *ret = array;
    return r;
}

void values_done(struct values *v)
{
    free(v->text.text);
    v->text = (struct charset_text){.text = NULL};
}
