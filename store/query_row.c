#include "store/query_row.h"
#include "store/attributes.h"
#include "store/base/cleanup.h"
#include "store/document.h"
#include "store/query_match.h"

#include <errno.h>
#include <string.h>

static json_t *element_new(const char *vr, json_t *values)
{
    json_t *element = json_object();

    if (json_object_set_new(element, "vr", json_string_nocheck(vr)) < 0 ||
        (values && json_object_set_new(element, "Value", values) < 0)) {
        json_decref(element);
        return NULL;
    }
    return element;
}

/* {"vr": …, "Value": [@value]}; without Value when @value is NULL. Takes @value. */
static json_t *element_of(const char *vr, json_t *value)
{
    json_t *values = NULL;

    if (value) {
        values = json_array();
        if (json_array_append_new(values, value) < 0)
            return NULL;
    }
    return element_new(vr, values);
}

/* --- Cells --------------------------------------------------------------------------------- */

static json_t *values_of_array(const char *text)
{
    json_t *values = json_array();

    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "\\");

        (void)json_array_append_new(values, json_stringn_nocheck(p, n));
        p += n + (p[n] != '\0');
    }
    return values;
}

static json_t *name_of_text(const char *text)
{
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
    json_t *name = json_object();

    for (size_t i = 0; i < 3; i++) {
        size_t n = strcspn(text, "=");

        if (n > 0)
            (void)json_object_set_new_nocheck(name, groups[i], json_stringn_nocheck(text, n));
        text += n + (text[n] == '=');
    }
    return name;
}

/* "13:05:00.25" as TM. */
static json_t *time_of_text(const char *text)
{
    char tm[32];
    size_t n = 0;

    for (; *text && n < sizeof tm - 1; text++)
        if (*text != ':')
            tm[n++] = *text;
    return json_stringn_nocheck(tm, n);
}

static json_t *values_of_text(const char *text)
{
    json_t *values;

    return document_parse(text, &values) == 0 ? values : NULL;
}

static json_t *element_of_document(const struct column *c, const char *text)
{
    json_t *element;

    return document_parse(text, &element) == 0 ? element : element_of(c->vr, NULL);
}

static json_t *element_of_cell(const struct column *c, const char *text)
{
    switch (c->kind) {
    case COLUMN_DOCUMENT:
        return element_of_document(c, text);
    case COLUMN_ARRAY:
        return element_new(c->vr, values_of_array(text));
    case COLUMN_VALUES:
        return element_new(c->vr, values_of_text(text));
    case COLUMN_NAME:
        return element_of(c->vr, name_of_text(text));
    case COLUMN_TIME:
        return element_of(c->vr, time_of_text(text));
    case COLUMN_STATE:
        return element_of(c->vr, json_string(*text == 't' ? "UNAVAILABLE" : "ONLINE"));
    default:
        return element_of(c->vr, json_string_nocheck(text));
    }
}

static json_t *element_of_constant(const struct plan *p, const struct column *c)
{
    const char *text = c->sql                            ? c->sql
                       : c->tag == TAG_RETRIEVE_AE_TITLE ? p->retrieve_ae_title
                                                         : column_level_name(p->level);

    return element_of(c->vr, text ? json_string(text) : NULL);
}

static json_t *element_of_field(const struct plan *p, const struct field *f, const PGresult *row)
{
    if (f->column.kind == COLUMN_CONSTANT)
        return element_of_constant(p, &f->column);
    if (PQgetisnull(row, 0, f->cell) || !*PQgetvalue(row, 0, f->cell))
        return element_of(f->column.vr, NULL);
    return element_of_cell(&f->column, PQgetvalue(row, 0, f->cell));
}

/* --- Sequences: of each item, what was asked for -------------------------------------------- */

static json_t *cut_to(json_t *element, const json_t *asked);

static json_t *cut_item(const json_t *item, const json_t *asked)
{
    json_t *cut = json_object();
    const char *key;
    json_t *wanted;

    json_object_foreach ((json_t *)asked, key, wanted) {
        json_t *element = json_incref(json_object_get(item, key));
        const char *vr = json_string_value(json_object_get(wanted, "vr"));
        uint32_t tag;

        if (key_tag(key, &tag) && ((tag & 0xffff) == 0 || tag == TAG_CHARACTER_SET))
            json_decref(element);
        else
            (void)json_object_set_new(
                cut, key, element ? cut_to(element, wanted) : element_of(vr ? vr : "UN", NULL));
    }
    return cut;
}

static bool is_sequence(const json_t *element)
{
    const char *vr = json_string_value(json_object_get(element, "vr"));

    return vr && strcmp(vr, "SQ") == 0;
}

/* Takes @element. Everything of a sequence that was asked for without naming attributes. */
static json_t *cut_to(json_t *element, const json_t *asked)
{
    const json_t *wanted = json_array_get(json_object_get(asked, "Value"), 0);
    const json_t *items = json_object_get(element, "Value");
    json_t *cut, *item, *result;
    size_t i;

    if (!json_is_object(wanted) || json_object_size(wanted) == 0 || !is_sequence(element))
        return element;
    cut = json_array();
    json_array_foreach (items, i, item)
        (void)json_array_append_new(cut, cut_item(item, wanted));
    if (json_array_size(cut) == 0) {
        json_decref(cut);
        cut = NULL;
    }
    result = element_new("SQ", cut);
    json_decref(element);
    return result;
}

/* -------------------------------------------------------------------------------------------- */

/* The attributes of an answer, and of the worklist those of its one scheduled procedure step. */
struct answer {
    json_t *top, *step;
};

static void answer_done(struct answer *a)
{
    json_decref(a->top);
    json_decref(a->step);
}

static json_t *object_of(const struct answer *a, const struct field *f)
{
    return f->column.level == QUERY_STEP ? a->step : a->top;
}

static const json_t *element_in(const struct answer *a, const struct field *f)
{
    char key[ATTRIBUTE_KEY_SIZE];

    attribute_key(f->column.tag, key);
    return json_object_get(object_of(a, f), key);
}

static bool field_matches(const struct field *f, const struct answer *a)
{
    if (f->in_sql || f->of_date || !f->returned)
        return true;
    if (f->time)
        return key_pair_matches(&f->key, &f->time->key, element_in(a, f), element_in(a, f->time));
    return key_matches(&f->key, element_in(a, f));
}

static int add_field(const struct plan *p, const struct field *f, const PGresult *row,
                     struct answer *a)
{
    json_t *element = element_of_field(p, f, row);
    char key[ATTRIBUTE_KEY_SIZE];

    if (!element)
        return -ENOMEM;
    if (f->if_any && !json_object_get(element, "Value")) {
        json_decref(element);
        return 0;
    }
    attribute_key(f->column.tag, key);
    return json_object_set_new_nocheck(object_of(a, f), key, element) < 0 ? -ENOMEM : 0;
}

static int cut_field(const struct field *f, struct answer *a)
{
    char key[ATTRIBUTE_KEY_SIZE];
    json_t *cut;

    if (strcmp(f->column.vr, "SQ") != 0)
        return 0;
    attribute_key(f->column.tag, key);
    cut = cut_to(json_incref(json_object_get(object_of(a, f), key)), f->asked);
    return json_object_set_new_nocheck(object_of(a, f), key, cut) < 0 ? -ENOMEM : 0;
}

/* What stands in an answer without being asked for as an attribute. */
static int close_answer(const struct plan *p, struct answer *a)
{
    bool worklist = p->options.root == QUERY_WORKLIST;
    json_t *element;

    if (worklist && !p->steps)
        return 0;
    element = worklist ? element_of("SQ", TAKE_PTR(a->step))
                       : element_of("CS", json_string(column_level_name(p->level)));
    return json_object_set_new_nocheck(a->top, worklist ? "00400100" : "00080052", element) < 0
               ? -ENOMEM
               : 0;
}

int row_take(const struct plan *p, const PGresult *row, json_t **ret)
{
    _cleanup_(answer_done) struct answer a = {json_object(), json_object()};
    int r = a.top && a.step ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < p->n_fields; i++)
        if (p->fields[i].returned)
            r = add_field(p, &p->fields[i], row, &a);
    for (size_t i = 0; r == 0 && i < p->n_fields; i++)
        if (!field_matches(&p->fields[i], &a))
            return -ENOENT;
    for (size_t i = 0; r == 0 && i < p->n_fields; i++)
        if (p->fields[i].returned && p->fields[i].asked)
            r = cut_field(&p->fields[i], &a);
    if (r == 0)
        r = close_answer(p, &a);
    if (r == 0)
        *ret = TAKE_PTR(a.top);
    return r;
}
