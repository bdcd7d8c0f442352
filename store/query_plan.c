#include "store/query_plan.h"
#include "store/query_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(struct query_problem *problem, uint32_t tag, const char *comment)
{
    problem->status = 0xA900;
    problem->offending_tag = tag;
    (void)snprintf(problem->comment, sizeof problem->comment, "%s", comment);
    return -EBADMSG;
}

static int take_level(struct plan *p, struct query_problem *problem)
{
    const json_t *values = json_object_get(json_object_get(p->identifier, "00080052"), "Value");
    const char *text = json_string_value(json_array_get(values, 0));
    enum query_root root = p->options.root;

    if (root == QUERY_WORKLIST) {
        p->level = QUERY_STEP;
        return 0;
    }
    if (!text)
        return refuse(problem, TAG_LEVEL, "Query/Retrieve Level is missing");
    for (enum query_level l = QUERY_PATIENT; l <= QUERY_IMAGE; l++) {
        if (strcmp(text, column_level_name(l)) != 0)
            continue;
        if ((root == QUERY_STUDY_ROOT && l == QUERY_PATIENT) ||
            (root == QUERY_PATIENT_STUDY_ONLY && l > QUERY_STUDY))
            return refuse(problem, TAG_LEVEL, "the information model has no such level");
        p->level = l;
        return 0;
    }
    return refuse(problem, TAG_LEVEL, "Query/Retrieve Level is not a level");
}

/* What says how the identifier is to be read asks for nothing; group lengths are of old. */
static bool asks_for_nothing(const struct plan *p, uint32_t tag)
{
    return tag == TAG_CHARACTER_SET || tag == TAG_LEVEL || (tag & 0xffff) == 0 ||
           (tag == TAG_TIMEZONE_OFFSET && p->level != QUERY_IMAGE);
}

static bool has_condition(enum column_kind kind)
{
    return kind != COLUMN_DOCUMENT && kind != COLUMN_STATE && kind != COLUMN_CONSTANT;
}

/* Whose step is a group's is its members' too, and the other way round. */
static int add_station_groups(const struct plan *p, struct key *k)
{
    size_t n = k->n_values;
    int r = 0;

    for (size_t i = 0; i < n; i++) {
        const char *title = k->values[i].text.text, *other;

        for (size_t j = 1; r == 0 && !k->values[i].text.wild &&
                           (other = worklist_view_title(p->options.view, title, j));
             j++)
            r = key_add_text(k, other);
    }
    return r;
}

/* What may be returned but not matched. */
static bool is_only_returned(uint32_t tag)
{
    return tag == TAG_TIMEZONE_OFFSET || tag == TAG_PERTINENT_DOCUMENTS;
}

/* @in: QUERY_ORDER or QUERY_STEP in the worklist. */
static bool find_column(const struct plan *p, enum query_level in, uint32_t tag, struct column *ret)
{
    if (in < QUERY_ORDER && tag >> 16 == TAG_PRIVATE_GROUP)
        return private_column_find(p->identifier, in, tag, ret);
    return in >= QUERY_ORDER ? worklist_column_find(tag, in, ret) : column_find(tag, ret);
}

static int take_field(struct plan *p, enum query_level in, uint32_t tag, const json_t *element,
                      struct query_problem *problem)
{
    struct field *f = &p->fields[p->n_fields];
    bool below;
    int r;

    *f = (struct field){.asked = element, .cell = -1};
    if (!find_column(p, in, tag, &f->column)) {
        p->unsupported = true;
        return 0;
    }
    below = f->column.level > p->level;
    if (below && (!p->options.relational || !has_condition(f->column.kind))) {
        p->unsupported = true;
        return 0;
    }
    p->n_fields++;
    if (is_only_returned(tag))
        element = NULL;
    r = key_take(tag, f->column.vr, element, &p->options, &f->key, problem);
    if (r == 0 && in == QUERY_STEP && tag == TAG_STATION)
        r = add_station_groups(p, &f->key);
    f->returned = !below;
    f->in_sql = !key_universal(&f->key) && has_condition(f->column.kind);
    if (below && !f->in_sql)
        p->unsupported = true;
    return r;
}

static struct field *find_field(const struct plan *p, uint32_t tag)
{
    for (size_t i = 0; i < p->n_fields; i++)
        if (p->fields[i].column.tag == tag)
            return &p->fields[i];
    return NULL;
}

static bool is_single_value(const struct key *k)
{
    return k->n_values == 1 && !k->empty && !k->values[0].text.wild;
}

/* Hierarchical queries name one entity at each level above (C.4.1.3.1.1). */
static int check_keys_above(const struct plan *p, struct query_problem *problem)
{
    enum query_level first = p->options.root == QUERY_STUDY_ROOT ? QUERY_STUDY : QUERY_PATIENT;

    for (enum query_level l = first; l < p->level && !p->options.relational; l++) {
        uint32_t tag = column_unique_key(l);
        const struct field *f = find_field(p, tag);

        if (!f || key_universal(&f->key))
            return refuse(problem, tag, "the unique key of a level above is missing");
        if (!is_single_value(&f->key))
            return refuse(problem, tag, "the unique key of a level above is not one value");
    }
    return 0;
}

/* The unique key of the level is in every answer. */
static int add_unique_key(struct plan *p, struct query_problem *problem)
{
    uint32_t tag = column_unique_key(p->level);

    return find_field(p, tag) ? 0 : take_field(p, p->level, tag, NULL, problem);
}

/* Of a patient, that of some study. */
static void add_charset(struct plan *p)
{
    struct field *f = &p->fields[p->n_fields++];

    *f = (struct field){.cell = -1, .returned = true};
    (void)column_find(TAG_CHARACTER_SET, &f->column);
    if (p->level == QUERY_PATIENT) {
        f->column.level = QUERY_PATIENT;
        f->column.sql = "(select x.specific_character_set from isthmus.study x "
                        "where x.patient_key = p.patient_key limit 1)";
    }
}

/* What objects have and orders do not: levels, and the character set that they came in. */
static int complete(struct plan *p, struct query_problem *problem)
{
    int r = check_keys_above(p, problem);

    if (r == 0)
        r = add_unique_key(p, problem);
    if (r == 0 && p->options.stored_charset)
        add_charset(p);
    return r;
}

/* Of the worklist only two ranges are one (table K.6-1). */
static bool is_one_range(const struct plan *p, const struct key *date, const struct key *time)
{
    return date->n_values == 1 && time->n_values == 1 && !date->empty && !time->empty &&
           (p->options.root != QUERY_WORKLIST || (date->values[0].range && time->values[0].range));
}

static void pair_dates_and_times(struct plan *p)
{
    for (size_t i = 0; i < p->n_fields; i++) {
        struct field *date = &p->fields[i];
        uint32_t tag = column_time_of(date->column.tag);
        struct field *time = tag ? find_field(p, tag) : NULL;

        if (time && is_one_range(p, &date->key, &time->key)) {
            date->time = time;
            time->of_date = true;
        }
    }
}

static int take_object(struct plan *p, enum query_level in, const json_t *object,
                       struct query_problem *problem);

/* A sequence that is asked for without naming attributes: all that there is. */
static int take_whole_step(struct plan *p, struct query_problem *problem)
{
    struct column c;
    bool required;
    int r = 0;

    for (size_t i = 0; r == 0 && worklist_column(i, &c, &required); i++) {
        if (c.level != QUERY_STEP)
            continue;
        r = take_field(p, QUERY_STEP, c.tag, NULL, problem);
        p->fields[p->n_fields - 1].if_any = !required;
    }
    return r;
}

static int take_steps(struct plan *p, const json_t *element, struct query_problem *problem)
{
    const json_t *items = json_object_get(element, "Value"), *item = json_array_get(items, 0);

    if (json_array_size(items) > 1)
        return refuse(problem, TAG_STEPS, "a sequence with more than one item");
    if (item && !json_is_object(item))
        return refuse(problem, TAG_STEPS, "the sequence cannot be understood");
    p->steps = true;
    return json_object_size(item) > 0 ? take_object(p, QUERY_STEP, item, problem)
                                      : take_whole_step(p, problem);
}

static int take_object(struct plan *p, enum query_level in, const json_t *object,
                       struct query_problem *problem)
{
    const char *json_key;
    json_t *element;
    int r = 0;

    json_object_foreach ((json_t *)object, json_key, element) {
        uint32_t tag;

        if (!key_tag(json_key, &tag))
            return refuse(problem, in == QUERY_STEP ? TAG_STEPS : 0,
                          "the identifier cannot be understood");
        if (in == QUERY_ORDER && tag == TAG_STEPS)
            r = take_steps(p, element, problem);
        else if (!asks_for_nothing(p, tag))
            r = take_field(p, in, tag, element, problem);
        if (r < 0)
            return r;
    }
    return 0;
}

/* How many fields there may be at most: what the identifier has, what complete() adds, and the
 * whole step. */
static size_t count_fields(const json_t *identifier)
{
    const json_t *steps = json_object_get(json_object_get(identifier, "00400100"), "Value");
    size_t n = json_object_size(identifier) + 2 + json_object_size(json_array_get(steps, 0));
    struct column c;
    bool required;

    for (size_t i = 0; worklist_column(i, &c, &required); i++)
        n += c.level == QUERY_STEP;
    return n;
}

static int take_fields(struct plan *p, struct query_problem *problem)
{
    p->fields = calloc(count_fields(p->identifier), sizeof *p->fields);
    if (!p->fields)
        return -ENOMEM;
    return take_object(p, p->options.root == QUERY_WORKLIST ? QUERY_ORDER : p->level, p->identifier,
                       problem);
}

int plan_make(const json_t *identifier, const struct query_options *options, struct plan *ret,
              struct query_problem *ret_problem)
{
    int r;

    *ret = (struct plan){.options = *options, .identifier = json_incref((json_t *)identifier)};
    ret->options.retrieve_ae_title = NULL;
    if (options->retrieve_ae_title) {
        ret->retrieve_ae_title = strdup(options->retrieve_ae_title);
        if (!ret->retrieve_ae_title)
            return -ENOMEM;
    }
    r = take_level(ret, ret_problem);
    if (r == 0)
        r = take_fields(ret, ret_problem);
    if (r == 0 && options->root != QUERY_WORKLIST)
        r = complete(ret, ret_problem);
    if (r == 0 && (options->combined_datetime || options->root == QUERY_WORKLIST))
        pair_dates_and_times(ret);
    return r;
}

void plan_done(struct plan *p)
{
    for (size_t i = 0; i < p->n_fields; i++)
        key_done(&p->fields[i].key);
    free(p->fields);
    free(p->retrieve_ae_title);
    json_decref(p->identifier);
    *p = (struct plan){.n_fields = 0};
}
