#include "store/query_match.h"
#include "store/attributes.h"
#include "store/base/cleanup.h"
#include "store/base/datetime.h"
#include "store/query_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE INT64_C(60000000)

static bool has_value(const json_t *values)
{
    size_t i;
    json_t *value;

    json_array_foreach (values, i, value)
        if (!json_is_null(value))
            return true;
    return false;
}

/* Both on the clock of UTC when both say how far from it they are, else as they stand. */
static bool not_before(int64_t a, int a_offset, int64_t b, int b_offset)
{
    if (a_offset == OFFSET_UNKNOWN || b_offset == OFFSET_UNKNOWN)
        return a >= b;
    return a - a_offset * MINUTE >= b - b_offset * MINUTE;
}

static bool range_matches(enum key_kind kind, const struct key_value *v, const char *text)
{
    int64_t at;
    int offset;

    if (!text || !key_range_place(kind, text, &at, &offset))
        return false;
    return (v->low == KEY_UNBOUNDED_LOW || not_before(at, offset, v->low, v->low_offset)) &&
           (v->high == KEY_UNBOUNDED_HIGH || not_before(v->high, v->high_offset, at, offset));
}

static bool number_matches(const struct key_value *v, const json_t *value)
{
    const char *text = json_string_value(value);
    char *end;
    double number;

    if (json_is_number(value))
        return json_number_value(value) == v->number;
    if (!text)
        return false;
    number = strtod(text, &end);
    return end != text && end[strspn(end, " ")] == '\0' && number == v->number;
}

static bool value_matches(const struct key *k, const struct key_value *v, const json_t *value)
{
    const char *text = json_string_value(value);

    switch (k->kind) {
    case KEY_EXACT:
    case KEY_TEXT:
        return text && pattern_matches(&v->text, text);
    case KEY_NUMBER:
        return number_matches(v, value);
    case KEY_DATE:
    case KEY_TIME:
    case KEY_DATETIME:
        return range_matches(k->kind, v, text);
    default:
        return false;
    }
}

/* Folding a name costs more than comparing it. */
static bool name_value_matches(const struct key *k, const json_t *value)
{
    _cleanup_free_ char *folded = name_fold(value);

    for (size_t i = 0; folded && i < k->n_values; i++)
        if (name_matches(&k->values[i], folded))
            return true;
    return false;
}

static bool any_value_matches(const struct key *k, const json_t *value)
{
    if (k->kind == KEY_NAME)
        return name_value_matches(k, value);
    for (size_t i = 0; i < k->n_values; i++)
        if (value_matches(k, &k->values[i], value))
            return true;
    return false;
}

static bool item_matches(const struct key *k, const json_t *item)
{
    for (size_t i = 0; i < k->n_items; i++) {
        char name[ATTRIBUTE_KEY_SIZE];

        attribute_key(k->items[i].tag, name);
        if (!key_matches(&k->items[i], json_object_get(item, name)))
            return false;
    }
    return true;
}

bool key_matches(const struct key *k, const json_t *element)
{
    const json_t *values = json_object_get(element, "Value");
    size_t i;
    json_t *value;

    if (key_universal(k) || (k->empty && !has_value(values)))
        return true;
    json_array_foreach (values, i, value)
        if (k->kind == KEY_SEQUENCE ? item_matches(k, value) : any_value_matches(k, value))
            return true;
    return false;
}

/* Between the first moment and the last; the time counts on the first and the last day only. */
bool key_pair_matches(const struct key *date, const struct key *time, const json_t *date_element,
                      const json_t *time_element)
{
    const struct key_value *d = date->values, *t = time->values;
    const char *date_text =
        json_string_value(json_array_get(json_object_get(date_element, "Value"), 0));
    const char *time_text =
        json_string_value(json_array_get(json_object_get(time_element, "Value"), 0));
    int64_t day = 0, hour = 0;
    int offset;
    bool has_time = time_text && key_range_place(KEY_TIME, time_text, &hour, &offset);

    if (!date_text || !key_range_place(KEY_DATE, date_text, &day, &offset))
        return false;
    if (day < d->low || day > d->high)
        return false;
    if (day == d->low && t->low != KEY_UNBOUNDED_LOW && (!has_time || hour < t->low))
        return false;
    return day != d->high || t->high == KEY_UNBOUNDED_HIGH || (has_time && hour <= t->high);
}
