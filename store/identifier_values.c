#include "store/identifier_values.h"
#include "store/header_values.h"
#include "store/vr.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void write_number(struct value_writer *w, uint64_t value, unsigned size)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * (w->big_endian ? size - 1 - i : i));
    bytes_put(&w->out, bytes, size);
}

/* --- Text ---------------------------------------------------------------------------------- */

static int write_string(struct value_writer *w, uint16_t vr, const json_t *string)
{
    return text_encode(&w->charset, json_string_value(string), json_string_length(string),
                       value_charset_kind(vr), &w->out);
}

/* Groups joined with '=', none after the last that has text. */
static int write_name(struct value_writer *w, const json_t *name)
{
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
    unsigned delimiters = 0;
    int r = 0;

    for (size_t i = 0; i < 3 && r == 0; i++) {
        const json_t *group = json_object_get(name, groups[i]);

        if (json_string_length(group) > 0) {
            bytes_put(&w->out, "==", delimiters);
            delimiters = 0;
            r = write_string(w, VR('P', 'N'), group);
        }
        delimiters++;
    }
    return r;
}

/* As short as its VR wants it: 12 characters in IS, 16 in DS. */
static void write_decimal(struct value_writer *w, uint16_t vr, const json_t *number)
{
    double value = json_number_value(number);
    char text[48];
    int n;

    if (json_is_integer(number))
        n = snprintf(text, sizeof text, "%lld", (long long)json_integer_value(number));
    else
        n = snprintf(text, sizeof text, "%.*g", vr == VR('I', 'S') ? 10 : 15, value);
    for (int digits = 14; n > 16 && digits > 8; digits--)
        n = snprintf(text, sizeof text, "%.*g", digits, value);
    bytes_put(&w->out, text, (size_t)n);
}

static int write_text(struct value_writer *w, uint16_t vr, const json_t *values)
{
    json_t *value;
    size_t i;
    int r = 0;

    json_array_foreach (values, i, value) {
        if (i > 0)
            bytes_put(&w->out, "\\", 1);
        if (json_is_string(value))
            r = write_string(w, vr, value);
        else if (json_is_object(value) && vr == VR('P', 'N'))
            r = write_name(w, value);
        else if (json_is_number(value))
            write_decimal(w, vr, value);
        if (r < 0)
            return r;
    }
    return 0;
}

/* --- Numbers ------------------------------------------------------------------------------- */

static void write_real(struct value_writer *w, uint16_t vr, double value)
{
    float single;
    uint32_t bits32;
    uint64_t bits64;

    if (vr == VR('F', 'D')) {
        memcpy(&bits64, &value, sizeof bits64);
        write_number(w, bits64, 8);
    } else if (fabs(value) <= (double)FLT_MAX) {
        single = (float)value;
        memcpy(&bits32, &single, sizeof bits32);
        write_number(w, bits32, 4);
    }
}

/* How many bytes an integer of @vr has, and what it holds besides UV. */
static unsigned integer_range(uint16_t vr, int64_t *ret_min, int64_t *ret_max)
{
    switch (vr) {
    case VR('S', 'S'):
        *ret_min = INT16_MIN;
        *ret_max = INT16_MAX;
        return 2;
    case VR('U', 'S'):
        *ret_min = 0;
        *ret_max = UINT16_MAX;
        return 2;
    case VR('S', 'L'):
        *ret_min = INT32_MIN;
        *ret_max = INT32_MAX;
        return 4;
    case VR('U', 'L'):
        *ret_min = 0;
        *ret_max = UINT32_MAX;
        return 4;
    default:
        *ret_min = vr == VR('S', 'V') ? INT64_MIN : 0;
        *ret_max = INT64_MAX;
        return 8;
    }
}

/* Integers may stand as strings where JSON numbers are too small (PS3.18 table F.2.3-1). */
static void write_integer(struct value_writer *w, uint16_t vr, const json_t *value)
{
    const char *text = json_string_value(value);
    int64_t number, min, max;
    unsigned size = integer_range(vr, &min, &max);
    char *end = NULL;

    if (text && vr == VR('U', 'V')) {
        uint64_t large;

        errno = 0;
        large = strtoull(text, &end, 10);
        if (errno == 0 && end != text && *end == '\0' && *text != '-')
            write_number(w, large, size);
        return;
    }
    errno = 0;
    number = text ? strtoll(text, &end, 10) : json_integer_value(value);
    if (text ? errno != 0 || end == text || *end : !json_is_integer(value))
        return;
    if (number < min || number > max)
        return;
    write_number(w, (uint64_t)number, size);
}

static void write_tag_value(struct value_writer *w, const char *text)
{
    unsigned long tag;

    if (!text || strlen(text) != 8 || strspn(text, "0123456789ABCDEFabcdef") != 8)
        return;
    tag = strtoul(text, NULL, 16);
    write_number(w, tag >> 16, 2);
    write_number(w, tag & 0xFFFF, 2);
}

static void write_binary(struct value_writer *w, uint16_t vr, const json_t *value)
{
    if (vr == VR('A', 'T'))
        write_tag_value(w, json_string_value(value));
    else if (vr != VR('F', 'D') && vr != VR('F', 'L'))
        write_integer(w, vr, value);
    else if (json_is_number(value))
        write_real(w, vr, json_number_value(value));
}

int write_values(struct value_writer *w, uint16_t vr, const json_t *values)
{
    json_t *value;
    size_t i;

    if (vr_kind(vr) == VR_TEXT)
        return write_text(w, vr, values);
    if (vr_kind(vr) == VR_NUMBER)
        json_array_foreach (values, i, value)
            write_binary(w, vr, value);
    return 0;
}
