#include "store/query_sql.h"
#include "store/attributes.h"
#include "store/query_condition.h"
#include "store/query_narrow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const tables[QUERY_LEVELS] = {
    "isthmus.patient p",  "isthmus.study t",          "isthmus.series s",
    "isthmus.instance i", "isthmus.worklist_order o", "isthmus.worklist_step w"};
/* A table and the one above it. */
static const char *const links[QUERY_LEVELS] = {
    "", "t.patient_key = p.patient_key", "s.study_key = t.study_key", "i.series_key = s.series_key",
    "", "w.order_key = o.order_key"};
/* What is shown at all. Objects without a patient are no part of the information models. */
static const char *const shown[QUERY_LEVELS] = {"true",
                                                SHOWN_STUDY("t"),
                                                SHOWN_SERIES("s"),
                                                SHOWN_INSTANCE("i") " and i.series_key is not null",
                                                "true",
                                                "true"};
#define AWAY "not z.available and " SHOWN_INSTANCE("z") ")"
static const char *const unavailable[] = {
    "exists (select from isthmus.study x join isthmus.series y using (study_key) "
    "join isthmus.instance z using (series_key) where x.patient_key = p.patient_key and " AWAY,
    "exists (select from isthmus.series y join isthmus.instance z using (series_key) "
    "where y.study_key = t.study_key and " AWAY,
    "exists (select from isthmus.instance z where z.series_key = s.series_key and " AWAY,
    "not i.available",
};

/* --- The select list ------------------------------------------------------------------------ */

/* An instance that differs from what came first has documents of its own; who the patient is, is
 * not the instance's to say. */
static void add_document(const struct plan *p, const struct column *c, FILE *out)
{
    char key[ATTRIBUTE_KEY_SIZE];

    attribute_key(c->tag, key);
    if (p->level == QUERY_IMAGE && c->level == QUERY_STUDY)
        (void)fprintf(out, "coalesce(i.study_attributes, t.attributes)->'%s'", key);
    else if (p->level == QUERY_IMAGE && c->level == QUERY_SERIES)
        (void)fprintf(out, "coalesce(i.series_attributes, s.attributes)->'%s'", key);
    else
        (void)fprintf(out, "%s->'%s'", c->sql, key);
}

static void add_cell(const struct plan *p, const struct column *c, FILE *out)
{
    switch (c->kind) {
    case COLUMN_DOCUMENT:
        add_document(p, c, out);
        break;
    case COLUMN_DATE:
        (void)fprintf(out, "to_char(%s, 'YYYYMMDD')", c->sql);
        break;
    case COLUMN_ARRAY:
        (void)fprintf(out, "array_to_string(array(select unnest(%s) order by 1), E'\\\\')", c->sql);
        break;
    case COLUMN_STATE:
        (void)fputs(unavailable[p->level], out);
        break;
    default:
        (void)fputs(c->sql, out);
    }
}

static void add_cells(struct plan *p, FILE *out)
{
    int n = 0;

    for (size_t i = 0; i < p->n_fields; i++) {
        struct field *f = &p->fields[i];

        if (!f->returned || f->column.kind == COLUMN_CONSTANT)
            continue;
        (void)fputs(n ? ", " : "", out);
        add_cell(p, &f->column, out);
        f->cell = n++;
    }
}

/* --- Tables and conditions ------------------------------------------------------------------ */

/* The level of the highest table that is needed. */
static enum query_level top_of(const struct plan *p)
{
    enum query_level top = p->options.root == QUERY_WORKLIST ? QUERY_ORDER : p->level;

    for (size_t i = 0; i < p->n_fields; i++) {
        const struct column *c = &p->fields[i].column;

        if (c->kind != COLUMN_CONSTANT && c->kind != COLUMN_STATE && c->level < top)
            top = c->level;
    }
    return top;
}

static void add_tables(const struct plan *p, FILE *out)
{
    enum query_level top = top_of(p);

    (void)fprintf(out, " from %s", tables[p->level]);
    for (enum query_level l = p->level; l > top; l--)
        (void)fprintf(out, " join %s on %s", tables[l - 1], links[l]);
    (void)fprintf(out, " where %s", shown[p->level]);
}

/* Keys of the levels below: there is an entity that has them all. */
static void add_levels_below(const struct plan *p, char *const *conditions, FILE *out)
{
    enum query_level first = p->level + 1, last = p->level;

    for (enum query_level l = first; l <= QUERY_IMAGE; l++)
        if (*conditions[l])
            last = l;
    if (p->level == QUERY_PATIENT && last == QUERY_PATIENT)
        last = QUERY_STUDY; /* a patient is there by its studies */
    if (last < first)
        return;
    (void)fprintf(out, " and exists (select from %s", tables[first]);
    for (enum query_level l = first + 1; l <= last; l++)
        (void)fprintf(out, " join %s on %s", tables[l], links[l]);
    (void)fprintf(out, " where %s", links[first]);
    for (enum query_level l = first; l <= last; l++)
        (void)fprintf(out, " and %s%s", shown[l], conditions[l]);
    (void)fputs(")", out);
}

static int add_keys(const struct plan *p, enum query_level level, struct conditions *c, FILE *out)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < p->n_fields; i++) {
        const struct field *f = &p->fields[i];

        if (!f->in_sql || f->of_date || f->column.level != level)
            continue;
        (void)fputs(" and ", out);
        r = condition_add(c, f, out);
    }
    return r;
}

static int add_narrowings(const struct plan *p, enum query_level level, struct conditions *c,
                          FILE *out)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < p->n_fields; i++)
        if (!p->fields[i].in_sql && p->fields[i].column.level == level)
            r = narrow_add(c, &p->fields[i], p->level, out);
    return r;
}

static int add_visible(const struct plan *p, struct conditions *c, FILE *out)
{
    int r = 0;

    for (enum visible_rule rule = VISIBLE_ORDER; r == 0 && rule < VISIBLE_RULES; rule++) {
        (void)fputs(" and ", out);
        r = condition_add_visible(c, p->options.view, rule, out);
    }
    return r;
}

static int add_conditions(const struct plan *p, struct conditions *c, char *by_level[QUERY_LEVELS])
{
    for (enum query_level l = QUERY_PATIENT; l < QUERY_LEVELS; l++) {
        size_t n;
        FILE *out = open_memstream(&by_level[l], &n);
        int r = 0;

        if (!out)
            return -ENOMEM;
        if (l == QUERY_STEP && p->options.root == QUERY_WORKLIST)
            r = add_visible(p, c, out);
        if (r == 0)
            r = add_keys(p, l, c, out);
        if (r == 0)
            r = add_narrowings(p, l, c, out);
        if (fclose(out) != 0 || r < 0)
            return -ENOMEM;
    }
    return 0;
}

static int add_all(struct plan *p, char *const *by_level, struct statement_text *ret)
{
    size_t n;
    FILE *out = open_memstream(&ret->sql, &n);

    if (!out)
        return -ENOMEM;
    (void)fputs("select ", out);
    add_cells(p, out);
    add_tables(p, out);
    for (enum query_level l = QUERY_PATIENT; l <= p->level; l++)
        (void)fputs(by_level[l], out);
    add_levels_below(p, by_level, out);
    return fclose(out) == 0 ? 0 : -ENOMEM;
}

/* The first parameter of all queries for composite objects. */
static int add_hidden(const struct plan *p, struct conditions *c)
{
    char *text;

    if (p->options.root == QUERY_WORKLIST)
        return 0;
    if (asprintf(&text, "%u", p->options.hidden) < 0)
        return -ENOMEM;
    return condition_value(c, text) == 1 ? 0 : -ENOMEM;
}

int statement_make(struct plan *p, struct statement_text *ret)
{
    char *by_level[QUERY_LEVELS] = {NULL};
    struct conditions c = {.plain = true};
    int r = add_hidden(p, &c);

    if (r == 0)
        r = add_conditions(p, &c, by_level);

    *ret = (struct statement_text){.values = c.values, .n_values = c.n_values, .plain = c.plain};
    if (r == 0)
        r = add_all(p, by_level, ret);
    for (size_t i = 0; i < QUERY_LEVELS; i++)
        free(by_level[i]);
    return r;
}

void statement_done(struct statement_text *s)
{
    for (size_t i = 0; i < s->n_values; i++)
        free(s->values[i]);
    free(s->values);
    free(s->sql);
    *s = (struct statement_text){.n_values = 0};
}
