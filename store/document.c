#include "store/document.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 512     /* of most documents */
#define EXACT_BELOW 0x1p53 /* each integer up to here is a double */

/* What was an integer before all of them were read as reals. */
static json_t *as_it_was(json_t *value)
{
    double real = json_real_value(value);

    return json_is_real(value) && fabs(real) < EXACT_BELOW && (double)(json_int_t)real == real
               ? json_integer((json_int_t)real)
               : json_incref(value);
}

static int restore_integers(json_t *value)
{
    const char *key;
    json_t *child;
    size_t i;

    json_array_foreach (value, i, child)
        if (restore_integers(child) < 0 || json_array_set_new(value, i, as_it_was(child)) < 0)
            return -ENOMEM;
    json_object_foreach (value, key, child)
        if (restore_integers(child) < 0 ||
            json_object_set_new_nocheck(value, key, as_it_was(child)) < 0)
            return -ENOMEM;
    return 0;
}

int document_parse(const char *text, json_t **ret)
{
    json_error_t error;
    json_t *document = json_loads(text, 0, &error);

    if (!document && json_error_code(&error) == json_error_numeric_overflow) {
        document = json_loads(text, JSON_DECODE_INT_AS_REAL, &error);
        if (document && restore_integers(document) < 0) {
            json_decref(document);
            return -ENOMEM;
        }
    }
    if (!document)
        return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
    *ret = document;
    return 0;
}

/* --- Text ---------------------------------------------------------------------------------- */

struct text {
    char *bytes;
    size_t n, size;
    bool failed; /* no memory */
};

static bool grow(struct text *t, size_t n)
{
    size_t size = t->size > 0 ? 2 * t->size : TEXT_BYTES;
    char *grown;

    while (size < t->n + n)
        size *= 2;
    grown = t->failed ? NULL : realloc(t->bytes, size);
    if (!grown) {
        t->failed = true;
        return false;
    }
    t->bytes = grown;
    t->size = size;
    return true;
}

static inline void put_char(struct text *t, char c)
{
    if (t->n < t->size || grow(t, 1))
        t->bytes[t->n++] = c;
}

static void put(struct text *t, const char *bytes, size_t n)
{
    if (n > t->size - t->n && !grow(t, n))
        return;
    memcpy(t->bytes + t->n, bytes, n);
    t->n += n;
}

static void put_escaped(struct text *t, char c)
{
    static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *at = memchr(escaped, c, sizeof escaped - 1);
    char text[8];

    if (at)
        (void)snprintf(text, sizeof text, "\\%c", letters[at - escaped]);
    else
        (void)snprintf(text, sizeof text, "\\u%04X", (unsigned)c);
    put(t, text, strlen(text));
}

static void put_string(struct text *t, const char *s, size_t n)
{
    const char *end = s + n;

    put_char(t, '"');
    while (s < end) {
        const char *plain = s;

        while (s < end && *s != '"' && *s != '\\' && (unsigned char)*s >= ' ')
            s++;
        put(t, plain, (size_t)(s - plain));
        if (s < end)
            put_escaped(t, *s++);
    }
    put_char(t, '"');
}

/* Numbers and words. */
static void put_scalar(struct text *t, const json_t *value)
{
    char text[64];

    put(t, text, json_dumpb(value, text, sizeof text, JSON_ENCODE_ANY));
}

static void put_value(struct text *t, json_t *value);

static void put_array(struct text *t, json_t *array)
{
    json_t *child;
    size_t i;

    put_char(t, '[');
    json_array_foreach (array, i, child) {
        if (i > 0)
            put_char(t, ',');
        put_value(t, child);
    }
    put_char(t, ']');
}

static void put_object(struct text *t, json_t *object)
{
    bool first = true;
    const char *key;
    json_t *child;

    put_char(t, '{');
    json_object_foreach (object, key, child) {
        if (!first)
            put_char(t, ',');
        first = false;
        put_string(t, key, strlen(key));
        put_char(t, ':');
        put_value(t, child);
    }
    put_char(t, '}');
}

static void put_value(struct text *t, json_t *value)
{
    if (json_is_string(value))
        put_string(t, json_string_value(value), json_string_length(value));
    else if (json_is_array(value))
        put_array(t, value);
    else if (json_is_object(value))
        put_object(t, value);
    else
        put_scalar(t, value);
}

int document_write(json_t *document, char **ret)
{
    struct text t = {.bytes = NULL};

    put_value(&t, document);
    put_char(&t, '\0');
    if (t.failed) {
        free(t.bytes);
        return -ENOMEM;
    }
    *ret = t.bytes;
    return 0;
}
