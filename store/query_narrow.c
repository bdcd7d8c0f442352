#include "store/query_narrow.h"

#include <string.h>

#define REQUEST_ATTRIBUTES_SEQUENCE 0x00400275u

/* What isthmus.order_numbers() gathers. */
static bool is_order_number(uint32_t tag)
{
    static const uint32_t tags[] = {0x00380010, 0x00400009, 0x00400253, 0x00401001,
                                    0x00402006, 0x00402007, 0x00402016, 0x00402017};

    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (tags[i] == tag)
            return true;
    return false;
}

/* The only text that @k allows; NULL: there are others. */
static const char *only_text(const struct key *k)
{
    bool one = k->kind == KEY_TEXT && k->n_values == 1 && !k->empty && !k->values[0].text.wild;

    return one ? k->values[0].text.text : NULL;
}

static const char *order_number(const struct key *k)
{
    if (k->tag != REQUEST_ATTRIBUTES_SEQUENCE)
        return is_order_number(k->tag) ? only_text(k) : NULL;
    for (size_t i = 0; i < k->n_items; i++)
        if (k->items[i].tag != REQUEST_ATTRIBUTES_SEQUENCE && order_number(&k->items[i]))
            return only_text(&k->items[i]);
    return NULL;
}

/* As a list of keys, because the planner takes any condition on an array for one that a hundredth
 * of all rows fulfil. An image may have documents of its own beside those of its study and
 * series. */
int narrow_add(struct conditions *c, const struct field *f, enum query_level level, FILE *out)
{
    const char *number = level < QUERY_IMAGE ? order_number(&f->key) : NULL;
    bool study = f->column.level == QUERY_STUDY;
    int n;

    if (!number || f->column.kind != COLUMN_DOCUMENT || f->column.level == QUERY_PATIENT)
        return 0;
    n = condition_value(c, strdup(number));
    if (n < 0)
        return n;
    (void)fprintf(out,
                  " and %s_key = any (array(select x.%s_key from isthmus.%s x "
                  "where isthmus.order_numbers(x.attributes) && array[left($%d::text, 256)]))",
                  study ? "t.study" : "s.series", study ? "study" : "series",
                  study ? "study" : "series", n);
    return 0;
}
