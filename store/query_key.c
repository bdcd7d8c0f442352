#include "store/query_key.h"
#include "store/attributes.h"
#include "store/base/cleanup.h"
#include "store/query_name.h"
#include "store/vr.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_MISMATCH 0xA900
#define VALUE_BYTES_MAX 1024 /* 256 characters; the longest value of a VR with wildcards has 64 */
#define UID_BYTES_MAX 64
#define VALUES_MAX 256
#define DEPTH_MAX 8

/* What taking a key needs to know at every depth. */
struct taker {
    const struct query_options *options;
    struct query_problem *problem;
    unsigned depth;
};

static int take(struct taker *t, uint32_t tag, const char *vr, const json_t *element,
                struct key *ret);

static int refuse(struct taker *t, uint32_t tag, const char *comment)
{
    t->problem->status = STATUS_MISMATCH;
    t->problem->offending_tag = tag;
    (void)snprintf(t->problem->comment, sizeof t->problem->comment, "%s", comment);
    return -EBADMSG;
}

enum key_kind key_kind(const char *vr)
{
    switch (VR_OF(vr)) {
    case VR('U', 'I'):
    case VR('A', 'S'):
    case VR('A', 'T'):
        return KEY_EXACT;
    case VR('P', 'N'):
        return KEY_NAME;
    case VR('D', 'A'):
        return KEY_DATE;
    case VR('T', 'M'):
        return KEY_TIME;
    case VR('D', 'T'):
        return KEY_DATETIME;
    case VR('S', 'Q'):
        return KEY_SEQUENCE;
    case VR('I', 'S'):
    case VR('D', 'S'):
        return KEY_NUMBER;
    default:
        break;
    }
    switch (vr_kind(VR_OF(vr))) {
    case VR_TEXT:
        return KEY_TEXT;
    case VR_NUMBER:
        return KEY_NUMBER;
    default:
        return KEY_NONE;
    }
}

bool key_tag(const char *json_key, uint32_t *ret)
{
    if (strlen(json_key) != 8 || strspn(json_key, "0123456789ABCDEFabcdef") != 8)
        return false;
    *ret = (uint32_t)strtoul(json_key, NULL, 16);
    return true;
}

bool key_universal(const struct key *k)
{
    return k->n_values == 0 && k->n_items == 0 && !k->empty;
}

/* --- Values -------------------------------------------------------------------------------- */

/* ST, LT, UT and UR have one value, in which '\' is a character. */
static bool one_value(const char *vr)
{
    return strcmp(vr, "ST") == 0 || strcmp(vr, "LT") == 0 || strcmp(vr, "UT") == 0 ||
           strcmp(vr, "UR") == 0;
}

static int take_text(struct taker *t, struct key *k, const char *text, struct key_value *v)
{
    (void)t;
    v->text.text = strdup(text);
    if (!v->text.text)
        return -ENOMEM;
    pattern_squeeze(v->text.text);
    v->text.wild = strpbrk(text, "*?") != NULL;
    return strlen(text) > VALUE_BYTES_MAX ? refuse(t, k->tag, "the value is too long") : 0;
}

static int take_exact(struct taker *t, struct key *k, const char *text, struct key_value *v)
{
    if (strlen(text) > UID_BYTES_MAX)
        return refuse(t, k->tag, "the value is too long");
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || *p == '*' || *p == '?')
            return refuse(t, k->tag, "a character that the VR does not allow");
    v->text.text = strdup(text);
    return v->text.text ? 0 : -ENOMEM;
}

static bool is_integer(double number)
{
    return number >= INT32_MIN && number <= INT32_MAX && number == (double)(int32_t)number;
}

static int take_number(struct taker *t, struct key *k, const char *text, struct key_value *v)
{
    char *end;

    v->number = strtod(text, &end);
    if (end == text || *end || !isfinite(v->number) || text[strspn(text, "+-.0123456789eE")] ||
        (strcmp(k->vr, "IS") == 0 && !is_integer(v->number)))
        return refuse(t, k->tag, "the value is not a number of its VR");
    return 0;
}

static int take_range(struct taker *t, struct key *k, const char *text, struct key_value *v)
{
    return key_range_take(k->kind, text, v)
               ? 0
               : refuse(t, k->tag, "the value is no date, time or range of them");
}

static int take_value(struct taker *t, struct key *k, const char *text)
{
    struct key_value *v = &k->values[k->n_values];

    memset(v, 0, sizeof *v);
    k->n_values++;
    v->anything = text[strspn(text, "*")] == '\0';
    if (v->anything)
        return 0;
    switch (k->kind) {
    case KEY_EXACT:
        return take_exact(t, k, text, v);
    case KEY_TEXT:
        return take_text(t, k, text, v);
    case KEY_NUMBER:
        return take_number(t, k, text, v);
    default:
        return take_range(t, k, text, v);
    }
}

/* UIDs are one parameter however many they are; other values are a condition each. */
static int grow(struct taker *t, struct key *k)
{
    struct key_value *grown;

    if (k->n_values >= VALUES_MAX && k->kind != KEY_EXACT)
        return refuse(t, k->tag, "too many values");
    grown = reallocarray(k->values, k->n_values + 1, sizeof *grown);

    if (!grown)
        return -ENOMEM;
    k->values = grown;
    return 0;
}

/* One of the values between '\'. @text is changed. */
static int take_part(struct taker *t, struct key *k, char *text)
{
    size_t n = strlen(text);
    int r;

    while (n > 0 && text[n - 1] == ' ')
        text[--n] = '\0';
    text += strspn(text, " ");
    if (*text == '\0')
        return 0;
    if (t->options->empty_value && strcmp(text, "\"\"") == 0) {
        k->empty = true;
        return 0;
    }
    r = grow(t, k);
    return r < 0 ? r : take_value(t, k, text);
}

static int take_parts(struct taker *t, struct key *k, const char *text)
{
    _cleanup_free_ char *copy = strdup(text);
    char *rest = copy, *part;
    int r = 0;

    if (!copy)
        return -ENOMEM;
    if (one_value(k->vr))
        return take_part(t, k, copy);
    while (r == 0 && (part = strsep(&rest, "\\")))
        r = take_part(t, k, part);
    return r;
}

static int take_name(struct taker *t, struct key *k, const json_t *value)
{
    struct key_value *v;
    int r = grow(t, k);

    if (r < 0)
        return r;
    v = &k->values[k->n_values++];
    memset(v, 0, sizeof *v);
    r = name_take(value, t->options->fuzzy_names, v);
    if (r == -EBADMSG)
        return refuse(t, k->tag, "the name cannot be understood");
    return r;
}

static bool is_empty_name(const json_t *value)
{
    const char *text = json_string_value(json_object_get(value, "Alphabetic"));

    if (json_is_string(value))
        text = json_string_value(value);
    return text && strcmp(text, "\"\"") == 0;
}

static int take_json(struct taker *t, struct key *k, const json_t *value)
{
    char number[32];

    if (json_is_null(value))
        return 0;
    if (k->kind == KEY_NAME && t->options->empty_value && is_empty_name(value)) {
        k->empty = true;
        return 0;
    }
    if (k->kind == KEY_NAME)
        return take_name(t, k, value);
    if (json_is_string(value))
        return take_parts(t, k, json_string_value(value));
    if (!json_is_number(value))
        return refuse(t, k->tag, "the value does not fit the VR");
    (void)snprintf(number, sizeof number, "%.17g", json_number_value(value));
    return take_parts(t, k, number);
}

/* --- Sequences ----------------------------------------------------------------------------- */

static int take_item(struct taker *t, struct key *k, const json_t *item)
{
    const char *json_key;
    json_t *element;
    int r = 0;

    if (json_object_size(item) == 0)
        return 0;
    k->items = calloc(json_object_size(item), sizeof *k->items);
    if (!k->items)
        return -ENOMEM;
    json_object_foreach ((json_t *)item, json_key, element) {
        const char *vr = json_string_value(json_object_get(element, "vr"));
        uint32_t tag;

        if (!key_tag(json_key, &tag) || (tag & 0xffff) == 0 || tag == 0x00080005)
            continue;
        if (attribute_vr(tag))
            vr = attribute_vr(tag);
        r = take(t, tag, vr ? vr : "UN", element, &k->items[k->n_items]);
        k->n_items++;
        if (r < 0)
            return r;
        if (key_universal(&k->items[k->n_items - 1]))
            key_done(&k->items[--k->n_items]);
    }
    return 0;
}

static int take_sequence(struct taker *t, struct key *k, const json_t *values)
{
    const json_t *item = json_array_get(values, 0);
    int r;

    if (json_array_size(values) > 1)
        return refuse(t, k->tag, "a sequence with more than one item");
    if (t->depth >= DEPTH_MAX || (item && !json_is_object(item)))
        return refuse(t, k->tag, "the sequence cannot be understood");
    t->depth++;
    r = take_item(t, k, item);
    t->depth--;
    return r;
}

/* ------------------------------------------------------------------------------------------- */

/* A value that everything matches makes the whole key universal. */
static bool anything(const struct key *k, const struct key_value *v)
{
    return v->anything || (k->kind == KEY_NAME && !v->group[0].text && !v->group[1].text &&
                           !v->group[2].text && v->n_words == 0);
}

static void value_done(struct key_value *v)
{
    pattern_done(&v->text);
    for (size_t i = 0; i < 3; i++)
        pattern_done(&v->group[i]);
    for (size_t i = 0; i < v->n_words; i++)
        pattern_done(&v->words[i]);
    free(v->words);
}

static void drop_values(struct key *k)
{
    for (size_t i = 0; i < k->n_values; i++)
        value_done(&k->values[i]);
    free(k->values);
    k->values = NULL;
    k->n_values = 0;
}

static int take(struct taker *t, uint32_t tag, const char *vr, const json_t *element,
                struct key *ret)
{
    const json_t *values = json_object_get(element, "Value");
    int r = 0;

    *ret = (struct key){.tag = tag, .kind = key_kind(vr)};
    memcpy(ret->vr, vr, strnlen(vr, 2));
    if (ret->kind == KEY_SEQUENCE)
        return take_sequence(t, ret, values);
    if (ret->kind == KEY_NONE)
        return 0;
    for (size_t i = 0; r == 0 && i < json_array_size(values); i++)
        r = take_json(t, ret, json_array_get(values, i));
    for (size_t i = 0; r == 0 && i < ret->n_values; i++)
        if (anything(ret, &ret->values[i])) {
            drop_values(ret);
            ret->empty = false;
        }
    return r;
}

int key_take(uint32_t tag, const char *vr, const json_t *element,
             const struct query_options *options, struct key *ret,
             struct query_problem *ret_problem)
{
    struct taker t = {.options = options, .problem = ret_problem};

    return take(&t, tag, vr, element, ret);
}

int key_add_text(struct key *k, const char *text)
{
    struct key_value *grown = reallocarray(k->values, k->n_values + 1, sizeof *grown);
    char *copy = grown ? strdup(text) : NULL;

    if (grown)
        k->values = grown;
    if (!copy)
        return -ENOMEM;
    k->values[k->n_values++] = (struct key_value){.text = {.text = copy}};
    return 0;
}

void key_done(struct key *k)
{
    drop_values(k);
    for (size_t i = 0; i < k->n_items; i++)
        key_done(&k->items[i]);
    free(k->items);
    *k = (struct key){.tag = 0};
}
