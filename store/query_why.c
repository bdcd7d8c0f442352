#include "store/query_why.h"
#include "store/attributes.h"
#include "store/query_condition.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const rule_names[VISIBLE_RULES] = {"order", "state", "station"};

#define TEXTS 9 /* cells before those of the rules */
static const char *const text_names[TEXTS] = {"accession_number",
                                              "requested_procedure_id",
                                              "step",
                                              "order_status",
                                              "status",
                                              "modality",
                                              "stations",
                                              "date",
                                              "time"};
static const char select_texts[] =
    "select o.accession_number, o.requested_procedure_id, w.scheduled_procedure_step_id, "
    "o.status, w.status, w.modality, array_to_string(w.scheduled_station_ae_titles, ', '), "
    "w.start_date, to_char(w.start_time, 'HH24:MI')";
static const char from_accession[] =
    " from isthmus.worklist_order o join isthmus.worklist_step w using (order_key) "
    "where o.accession_number = $1 order by w.start_date, w.start_time, w.step_key";

static bool is_asked(const struct field *f)
{
    return f->in_sql && !f->of_date;
}

static int add_conditions(const struct plan *p, struct conditions *c, FILE *out)
{
    int r = 0;

    for (enum visible_rule rule = VISIBLE_ORDER; r == 0 && rule < VISIBLE_RULES; rule++) {
        (void)fputs(", ", out);
        r = condition_add_visible(c, p->options.view, rule, out);
    }
    for (size_t i = 0; r == 0 && i < p->n_fields; i++) {
        if (!is_asked(&p->fields[i]))
            continue;
        (void)fputs(", ", out);
        r = condition_add(c, &p->fields[i], out);
    }
    return r;
}

static int write_statement(const struct plan *p, struct conditions *c, char **ret_sql)
{
    size_t n;
    FILE *out = open_memstream(ret_sql, &n);
    int r;

    if (!out)
        return -ENOMEM;
    (void)fputs(select_texts, out);
    r = add_conditions(p, c, out);
    (void)fputs(from_accession, out);
    return fclose(out) == 0 ? r : -ENOMEM;
}

/* A condition that is null, since there is no value to compare with, is not met. */
static json_t *truth(const PGresult *rows, int row, int cell)
{
    return json_boolean(*PQgetvalue(rows, row, cell) == 't');
}

static json_t *step_of_row(const struct plan *p, const PGresult *rows, int row)
{
    json_t *step = json_object(), *rules = json_object(), *keys = json_object();
    int cell = 0;

    for (; cell < TEXTS; cell++)
        (void)json_object_set_new(step, text_names[cell], json_string(PQgetvalue(rows, row, cell)));
    for (size_t i = 0; i < VISIBLE_RULES; i++)
        (void)json_object_set_new(rules, rule_names[i], truth(rows, row, cell++));
    for (size_t i = 0; i < p->n_fields; i++) {
        char key[ATTRIBUTE_KEY_SIZE];

        if (!is_asked(&p->fields[i]))
            continue;
        attribute_key(p->fields[i].column.tag, key);
        (void)json_object_set_new(keys, key, truth(rows, row, cell++));
    }
    (void)json_object_set_new(step, "rules", rules);
    (void)json_object_set_new(step, "keys", keys);
    return step;
}

static int run(struct db *db, const struct plan *p, const char *sql, const struct conditions *c,
               json_t **ret)
{
    json_t *steps = json_array();
    PGresult *rows = NULL;
    int r = db_query_once(db, sql, (int)c->n_values, (const char *const *)c->values, &rows);

    for (int i = 0; r == 0 && i < PQntuples(rows); i++)
        if (json_array_append_new(steps, step_of_row(p, rows, i)) < 0)
            r = -ENOMEM;
    PQclear(rows);
    if (r == 0)
        *ret = steps;
    else
        json_decref(steps);
    return r;
}

int query_why(struct db *db, const json_t *identifier, const struct query_options *options,
              const char *accession_number, json_t **ret, struct query_problem *ret_problem)
{
    struct conditions c = {.plain = true};
    struct plan plan;
    char *sql = NULL;
    int r = plan_make(identifier, options, &plan, ret_problem);

    if (r == 0)
        r = condition_value(&c, strdup(accession_number)) < 0 ? -ENOMEM : 0;
    if (r == 0)
        r = write_statement(&plan, &c, &sql);
    if (r == 0)
        r = run(db, &plan, sql, &c, ret);
    for (size_t i = 0; i < c.n_values; i++)
        free(c.values[i]);
    free(c.values);
    free(sql);
    plan_done(&plan);
    return r;
}
