#include "store/document.h"

#include <errno.h>
#include <math.h>

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
