#include "store/query_condition.h"
#include "store/array_text.h"
#include "store/query_name.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int condition_value(struct conditions *c, char *value)
{
    char **grown = value ? reallocarray(c->values, c->n_values + 1, sizeof *grown) : NULL;

    if (!grown) {
        free(value);
        return -ENOMEM;
    }
    c->values = grown;
    c->values[c->n_values++] = value;
    return (int)c->n_values;
}

/* '*' and '?' as LIKE has them; its own wildcards and its escape are characters like others. */
static char *like_of(const char *pattern)
{
    char *like = malloc(2 * strlen(pattern) + 1), *to = like;

    if (!like)
        return NULL;
    for (const char *p = pattern; *p; p++) {
        if (*p == '%' || *p == '_' || *p == '\\')
            *to++ = '\\';
        *to++ = *p;
        if (*p == '*')
            to[-1] = '%';
        else if (*p == '?')
            to[-1] = '_';
    }
    *to = '\0';
    return like;
}

/* --- Text ----------------------------------------------------------------------------------- */

static bool is_literal(const struct key_value *v)
{
    return !v->text.wild;
}

static size_t count_literals(const struct key *k)
{
    size_t n = 0;

    for (size_t i = 0; i < k->n_values; i++)
        n += is_literal(&k->values[i]);
    return n;
}

static const char *first_literal(const struct key *k)
{
    for (size_t i = 0; i < k->n_values; i++)
        if (is_literal(&k->values[i]))
            return k->values[i].text.text;
    return NULL;
}

static char *array_of_literals(const struct key *k)
{
    struct array_text a;

    if (!array_begin(&a))
        return NULL;
    for (size_t i = 0; i < k->n_values; i++)
        if (is_literal(&k->values[i]))
            array_put(&a, k->values[i].text.text);
    return array_end(&a);
}

/* The values without wildcards: one, or any of an array. */
static int add_literals(struct conditions *c, const struct field *f, FILE *out)
{
    bool array = f->column.kind == COLUMN_ARRAY;
    size_t n = count_literals(&f->key);
    int number;

    if (n == 0)
        return 0;
    number =
        condition_value(c, n == 1 ? strdup(first_literal(&f->key)) : array_of_literals(&f->key));
    if (number < 0)
        return number;
    c->plain = c->plain && n == 1;
    if (n == 1)
        (void)fprintf(out, array ? " or %s && array[$%d::text]" : " or %s = $%d", f->column.sql,
                      number);
    else
        (void)fprintf(out, array ? " or %s && $%d::text[]" : " or %s = any($%d::text[])",
                      f->column.sql, number);
    return 0;
}

static int add_wild(struct conditions *c, const struct field *f, const struct pattern *p, FILE *out)
{
    int number = condition_value(c, like_of(p->text));

    if (number < 0)
        return number;
    c->plain = false;
    (void)fprintf(out,
                  f->column.kind == COLUMN_ARRAY
                      ? " or exists (select from unnest(%s) as value where value like $%d)"
                      : " or %s like $%d",
                  f->column.sql, number);
    return 0;
}

static int add_text(struct conditions *c, const struct field *f, FILE *out)
{
    int r = add_literals(c, f, out);

    for (size_t i = 0; r == 0 && i < f->key.n_values; i++)
        if (!is_literal(&f->key.values[i]))
            r = add_wild(c, f, &f->key.values[i].text, out);
    return r;
}

/* --- Names ---------------------------------------------------------------------------------- */

/* The text of a group: a column of patients, who are looked for by name alone. */
static void add_group(const struct column *c, int group, FILE *out)
{
    static const char *const names[] = {"alphabetic", "ideographic", "phonetic"};

    if (c->tag == TAG_PATIENT_NAME)
        (void)fprintf(out, "%s_%s", c->sql, names[group]);
    else
        (void)fprintf(out, "nullif(split_part(%s_folded, '=', %d), '') || '^'", c->sql, group + 1);
}

/* " or …" for @text in each of the groups from @first to @last. */
static int add_groups(struct conditions *c, const struct column *column, const char *text,
                      bool wild, int first, int last, FILE *out)
{
    int number = condition_value(c, wild ? like_of(text) : strdup(text));

    if (number < 0)
        return number;
    c->plain = false; /* which group has it, only the value tells */
    for (int group = first; group <= last; group++) {
        (void)fputs(" or ", out);
        add_group(column, group, out);
        (void)fprintf(out, " %s $%d", wild ? "like" : "=", number);
    }
    return 0;
}

static int add_pattern(struct conditions *c, const struct field *f, const struct pattern *p,
                       int first, int last, FILE *out)
{
    int r = add_groups(c, &f->column, p->text, p->wild, first, last, out);

    if (r == 0 && p->also)
        r = add_groups(c, &f->column, p->also, true, first, last, out);
    return r;
}

/* All groups that the key names. */
static int add_each_group(struct conditions *c, const struct field *f, const struct key_value *v,
                          FILE *out)
{
    int r = 0;

    (void)fputs(" or (true", out);
    for (int i = 0; r == 0 && i < 3; i++) {
        if (!v->group[i].text)
            continue;
        (void)fputs(" and (false", out);
        r = add_pattern(c, f, &v->group[i], i, i, out);
        (void)fputs(")", out);
    }
    (void)fputs(")", out);
    return r;
}

static int add_words(struct conditions *c, const struct field *f, const struct key_value *v,
                     FILE *out)
{
    (void)fputs(" or (true", out);
    for (size_t i = 0; i < v->n_words; i++) {
        int number = condition_value(c, like_of(v->words[i].text));

        if (number < 0)
            return number;
        (void)fprintf(out, " and ' ' || translate(%s_folded, '^=-', '   ') like $%d", f->column.sql,
                      number);
    }
    c->plain = false;
    (void)fputs(")", out);
    return 0;
}

static int add_name(struct conditions *c, const struct field *f, FILE *out)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < f->key.n_values; i++) {
        const struct key_value *v = &f->key.values[i];

        if (v->n_words > 0)
            r = add_words(c, f, v, out);
        else if (v->any_group)
            r = add_pattern(c, f, &v->group[0], 0, 2, out);
        else
            r = add_each_group(c, f, v, out);
    }
    return r;
}

/* --- Dates, times and numbers --------------------------------------------------------------- */

static char *date_text(int64_t date)
{
    char *text;

    return asprintf(&text, "%04d-%02d-%02d", (int)(date / 10000), (int)(date / 100 % 100),
                    (int)(date % 100)) < 0
               ? NULL
               : text;
}

static char *time_text(int64_t time)
{
    int second = (int)(time / 1000000);
    char *text;

    return asprintf(&text, "%02d:%02d:%02d.%06d", second / 3600, second / 60 % 60, second % 60,
                    (int)(time % 1000000)) < 0
               ? NULL
               : text;
}

/* " and @sql @operator $n" for a bound that there is. */
static int add_bound(struct conditions *c, const struct field *f, const char *operator,
                     int64_t bound, FILE *out)
{
    bool date = f->column.kind == COLUMN_DATE;
    int number;

    if (bound == KEY_UNBOUNDED_LOW || bound == KEY_UNBOUNDED_HIGH)
        return 0;
    number = condition_value(c, date ? date_text(bound) : time_text(bound));
    if (number < 0)
        return number;
    (void)fprintf(out, " and %s %s $%d::%s", f->column.sql, operator, number,
                  date ? "date" : "time");
    return 0;
}

static int add_ranges(struct conditions *c, const struct field *f, FILE *out)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < f->key.n_values; i++) {
        const struct key_value *v = &f->key.values[i];

        (void)fputs(" or (true", out);
        if (v->low == v->high)
            r = add_bound(c, f, "=", v->low, out);
        else
            c->plain = false;
        if (r == 0 && v->low != v->high)
            r = add_bound(c, f, ">=", v->low, out);
        if (r == 0 && v->low != v->high)
            r = add_bound(c, f, "<=", v->high, out);
        (void)fputs(")", out);
    }
    return r;
}

/* On the first and the last day the time counts too. The date alone is for its index. */
static int add_moment(struct conditions *c, const struct field *f, const char *operator,
                      int64_t date, int64_t time, FILE *out)
{
    int day, hour;

    if (date == KEY_UNBOUNDED_LOW || date == KEY_UNBOUNDED_HIGH)
        return 0;
    day = condition_value(c, date_text(date));
    if (day < 0)
        return day;
    (void)fprintf(out, " and %s %s $%d::date", f->column.sql, operator, day);
    if (time == KEY_UNBOUNDED_LOW || time == KEY_UNBOUNDED_HIGH)
        return 0;
    hour = condition_value(c, time_text(time));
    if (hour < 0)
        return hour;
    (void)fprintf(out, " and (%s, %s) %s ($%d::date, $%d::time)", f->column.sql,
                  f->time->column.sql, operator, day, hour);
    return 0;
}

static int add_combined(struct conditions *c, const struct field *f, FILE *out)
{
    const struct key_value *date = f->key.values, *time = f->time->key.values;
    int r;

    c->plain = false;
    (void)fputs(" or (true", out);
    r = add_moment(c, f, ">=", date->low, time->low, out);
    if (r == 0)
        r = add_moment(c, f, "<=", date->high, time->high, out);
    (void)fputs(")", out);
    return r;
}

static int add_numbers(struct conditions *c, const struct field *f, FILE *out)
{
    for (size_t i = 0; i < f->key.n_values; i++) {
        char *text;
        int number;

        if (asprintf(&text, "%.0f", f->key.values[i].number) < 0)
            return -ENOMEM;
        number = condition_value(c, text);
        if (number < 0)
            return number;
        (void)fprintf(out, " or %s = $%d::bigint", f->column.sql, number);
    }
    return 0;
}

/* -------------------------------------------------------------------------------------------- */

static void add_empty(const struct field *f, FILE *out)
{
    (void)fprintf(out, " or %s is null", f->column.sql);
    if (f->column.kind == COLUMN_TEXT)
        (void)fprintf(out, " or %s = ''", f->column.sql);
    else if (f->column.kind == COLUMN_ARRAY)
        (void)fprintf(out, " or %s = '{}'", f->column.sql);
}

static int add_values(struct conditions *c, const struct field *f, FILE *out)
{
    switch (f->column.kind) {
    case COLUMN_NAME:
        return add_name(c, f, out);
    case COLUMN_DATE:
    case COLUMN_TIME:
        return f->time ? add_combined(c, f, out) : add_ranges(c, f, out);
    case COLUMN_INTEGER:
        return add_numbers(c, f, out);
    default:
        return add_text(c, f, out);
    }
}

int condition_add(struct conditions *c, const struct field *f, FILE *out)
{
    int r;

    (void)fputs("(false", out);
    r = add_values(c, f, out);
    if (f->key.empty)
        add_empty(f, out);
    (void)fputs(")", out);
    return r;
}
