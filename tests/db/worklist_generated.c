/* Thousands of generated worklist queries: the database and a matcher written from the standard
 * (PS3.4 C.2.2.2, K.2.2.2, K.6.1) find the same steps. ISTHMUS_TEST_SEED makes others. */
#include "store/worklist.h"
#include "tests/db/query_help.h"
#include "tests/db/worklist_population.h"

#define QUERIES 3000

static struct database made;

static uint64_t seed(void)
{
    const char *given = getenv("ISTHMUS_TEST_SEED");

    return given ? strtoull(given, NULL, 10) : 20260701;
}

/* The states as they are wanted, whatever the order's would make of them. */
static void set_states(void)
{
    char sql[300];

    for (unsigned i = 0; i < ORDERS; i++) {
        (void)snprintf(sql, sizeof sql,
                       "update isthmus.worklist_order set status = '%s' "
                       "where requested_procedure_id = 'R%u'",
                       made_orders[i].status, i);
        run_sql(made.db, sql);
    }
}

static void fill(void)
{
    const struct worklist_options options = {"I", 9};
    json_t *orders = json_array(), *results = NULL;

    made = make_database();
    make_orders(seed());
    for (unsigned i = 0; i < ORDERS; i++)
        json_array_append_new(orders, json_of_order(i));
    cr_assert_eq(worklist_put(made.db, orders, &options, &results), 0, "%s", db_problem(made.db));
    for (size_t i = 0; i < ORDERS; i++) {
        char *text = json_dumps(json_array_get(results, i), 0);

        cr_assert(strstr(text, "created"), "%s", text);
        free(text);
    }
    json_decref(results);
    json_decref(orders);
    set_states();
    run_sql(made.db, "analyze");
}

static void empty(void)
{
    drop_database(&made);
}

TestSuite(worklist_generated, .init = fill, .fini = empty);

/* --- The query ------------------------------------------------------------------------------ */

static json_t *codes_key(const char *value, const char *meaning)
{
    json_t *item = json_object();

    add_json(item, CODE_VALUE, json_of_text("SH", value));
    add_json(item, CODE_MEANING, json_of_text("LO", meaning));
    return json_pack("{s:s,s:[o]}", "vr", "SQ", "Value", item);
}

static json_t *identifier_of(const struct made_worklist_query *q)
{
    json_t *identifier = json_object(), *step = json_object();

    add_json(identifier, 0x00401001, json_of_text("SH", ""));
    add_json(step, 0x00400009, json_of_text("SH", ""));
    for (unsigned i = 0; i < q->n; i++) {
        size_t a = q->attribute[i];

        if (is_codes(a))
            add_json(a == STEP_CODES ? step : identifier, a == STEP_CODES ? 0x00400008 : 0x00321064,
                     codes_key(q->key[i], q->meaning));
        else
            add_json(is_of_step(a) ? step : identifier, order_attributes[a].tag,
                     json_of_text(vr_of_order(a), q->key[i]));
    }
    add_json(identifier, 0x00400100, json_pack("{s:s,s:[o]}", "vr", "SQ", "Value", step));
    return identifier;
}

/* --- What the standard says ------------------------------------------------------------------ */

/* One item has all that the key's item asks for (C.2.2.2.6). */
static bool codes_match(const struct made_worklist_query *q, unsigned n, const struct made_codes *c)
{
    if (ref_asks_nothing("SH", q->key[n], &q->options) &&
        ref_asks_nothing("LO", q->meaning, &q->options))
        return true;
    for (unsigned i = 0; i < c->n; i++)
        if (ref_matches("SH", q->key[n], c->value[i], &q->options) &&
            ref_matches("LO", q->meaning, c->meaning[i], &q->options))
            return true;
    return false;
}

/* A step for the one is one of the other: the same, or the group and one of its members. */
static bool same_station(const struct worklist_view *v, const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return true;
    for (size_t i = 0; i < v->n_groups; i++)
        for (size_t j = 0; j < v->groups[i].n; j++) {
            const char *group = v->groups[i].title, *member = v->groups[i].members[j];

            if ((strcmp(a, group) == 0 && strcmp(b, member) == 0) ||
                (strcmp(b, group) == 0 && strcmp(a, member) == 0))
                return true;
        }
    return false;
}

/* @text, values with '\' between, has one that is a station like @station. */
static bool has_station(const struct worklist_view *v, const char *text, const char *station)
{
    struct ref_parts parts;

    ref_split(text, '\\', &parts);
    for (size_t i = 0; i < parts.n; i++)
        if (*parts.part[i] && same_station(v, parts.part[i], station))
            return true;
    return false;
}

static bool may_be_seen(const struct worklist_view *v, const struct made_order *o,
                        const struct made_step *s)
{
    bool shown = false, own = !v->own_stations;

    for (size_t i = 0; i < v->n_states; i++)
        shown = shown || strcmp(v->states[i], s->value[STEP_STATE]) == 0;
    for (size_t i = 0; i < v->n_stations; i++)
        own = own || has_station(v, s->value[STEP_STATION], v->stations[i]);
    return shown && own && strcmp(o->status, "active") == 0;
}

static bool key_matches_value(const struct made_worklist_query *q, unsigned n, const char *value)
{
    const char *vr = vr_of_order(q->attribute[n]);
    struct ref_parts keys;

    if (ref_matches(vr, q->key[n], *value ? value : NULL, &q->options))
        return true;
    if (strcmp(vr, "AE") != 0)
        return false;
    ref_split(q->key[n], '\\', &keys);
    for (size_t i = 0; i < keys.n; i++)
        if (!strpbrk(keys.part[i], "*?\"") && has_station(&q->view, value, keys.part[i]))
            return true;
    return false;
}

static bool is_range(const char *key)
{
    return strchr(key, '-') && !strchr(key, '\\');
}

/* The key of the time that is one range with the date @n (table K.6-1); else q->n. */
static unsigned time_of(const struct made_worklist_query *q, unsigned n)
{
    for (unsigned i = 0; strcmp(vr_of_order(q->attribute[n]), "DA") == 0 && i < q->n; i++)
        if (q->attribute[i] == q->attribute[n] + 1 &&
            strcmp(vr_of_order(q->attribute[i]), "TM") == 0 && is_range(q->key[n]) &&
            is_range(q->key[i]))
            return i;
    return q->n;
}

static bool expected(const struct made_worklist_query *q, unsigned order, unsigned step)
{
    bool done[KEYS_MAX] = {false};

    if (!may_be_seen(&q->view, &made_orders[order], &made_orders[order].steps[step]))
        return false;
    for (unsigned i = 0; i < q->n; i++) {
        unsigned time = time_of(q, i);
        const char *day = order_value(q->attribute[i], order, step);

        if (time == q->n)
            continue;
        if (!*day || !ref_combined(q->key[i], q->key[time], day,
                                   order_value(q->attribute[time], order, step)))
            return false;
        done[i] = done[time] = true;
    }
    for (unsigned i = 0; i < q->n; i++)
        if (!done[i] && !(is_codes(q->attribute[i])
                              ? codes_match(q, i, codes_of(q->attribute[i], order, step))
                              : key_matches_value(q, i, order_value(q->attribute[i], order, step))))
            return false;
    return true;
}

/* --- Both ------------------------------------------------------------------------------------ */

static size_t place_of(const json_t *answer)
{
    const json_t *step =
        json_array_get(json_object_get(json_object_get(answer, "00400100"), "Value"), 0);
    unsigned order = 0, number = 0;

    cr_assert_eq(sscanf(text_of(answer, "00401001"), "R%u", &order), 1);
    cr_assert_eq(sscanf(text_of(step, "00400009"), "S%u", &number), 1);
    return order * STEPS_MAX + number;
}

static void log_difference(unsigned number, const struct made_worklist_query *q,
                           const json_t *identifier, unsigned order, unsigned step, unsigned got)
{
    char *text = json_dumps(identifier, JSON_COMPACT);

    cr_log_error("seed %llu query %u fuzzy %d empty %d own %zu groups %zu: %s finds R%u S%u %u "
                 "times; '%s', %s, for '%s'",
                 (unsigned long long)seed(), number, q->options.fuzzy_names, q->options.empty_value,
                 q->view.n_stations, q->view.n_groups, text, order, step, got,
                 order_value(q->attribute[0], order, step), made_orders[order].status,
                 made_orders[order].steps[step].value[STEP_STATION]);
    free(text);
}

/* @ret_telling: it finds something, but not everything. */
static size_t compare(unsigned number, const struct made_worklist_query *q, bool *ret_telling)
{
    static unsigned char in_database[ORDERS * STEPS_MAX];
    json_t *identifier = identifier_of(q), *all = answers(made.db, identifier, &q->options);
    json_t *answer;
    size_t i, differences = 0;

    memset(in_database, 0, sizeof in_database);
    json_array_foreach (all, i, answer)
        in_database[place_of(answer)]++;
    for (unsigned order = 0; order < ORDERS; order++)
        for (unsigned step = 0; step < made_orders[order].n_steps; step++) {
            unsigned got = in_database[order * STEPS_MAX + step];

            if (got == (unsigned)expected(q, order, step))
                continue;
            if (differences++ == 0)
                log_difference(number, q, identifier, order, step, got);
        }
    *ret_telling = json_array_size(all) > 0 && json_array_size(all) < ORDERS / 2;
    json_decref(all);
    json_decref(identifier);
    return differences;
}

Test(worklist_generated, the_worklist_finds_what_the_standard_says)
{
    size_t failed = 0, telling = 0;

    for (unsigned i = 0; i < QUERIES; i++) {
        struct made_worklist_query q;
        bool finds;

        make_worklist_query(&q);
        failed += compare(i, &q, &finds) > 0;
        telling += finds;
    }
    cr_assert_eq(failed, 0, "%zu of %d queries differ", failed, QUERIES);
    cr_assert_gt(telling, QUERIES / 3, "only %zu queries find something", telling);
}
