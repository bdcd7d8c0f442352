/* Orders with one to three steps in many scripts, and keys that modalities might ask for them with.
 * The same seed makes the same. */
#ifndef ISTHMUS_TESTS_DB_WORKLIST_POPULATION_H
#define ISTHMUS_TESTS_DB_WORKLIST_POPULATION_H

#include "tests/db/query_keys.h"

#define ORDERS 150
#define STEPS_MAX 3

static const char *const accessions[] = {"ACC1", "ACC10", "ACC_1", "ACC%1", "acc1", "A'1", "0001"};
static const char *const stations[] = {"CT1", "CT2", "MR1", "US1", "CT", "ALL", "ct1"};
static const char *const states[] = {"SCHEDULED", "ARRIVED",   "READY",    "STARTED",
                                     "DEPARTED",  "COMPLETED", "CANCELED", "DISCONTINUED"};
static const char *const order_states[] = {"active",    "active",  "active",           "draft",
                                           "completed", "revoked", "entered-in-error", "on-hold"};
static const char *const group_ct[] = {"CT1", "CT2"}, *const group_all[] = {"MR1", "CT1"};
static const struct station_group made_groups[] = {{"CT", group_ct, 2}, {"ALL", group_all, 2}};

/* What orders and steps have; where several lists fit, the first is the right one. */
static const struct order_attribute {
    uint32_t tag;
    char vr[3];
    bool of_step;
    const char *const *from;
    unsigned n_from, missing, many; /* missing and many: times in 100 */
} order_attributes[] = {
    {0x00100010, "PN", false, names, COUNT(names), 0, 0},
    {0x00100020, "LO", false, accessions, COUNT(accessions), 0, 0},
    {0x00100021, "LO", false, numbers, 3, 40, 0},
    {0x00100030, "DA", false, dates, COUNT(dates), 20, 0},
    {0x00100040, "CS", false, modalities, 3, 20, 0},
    {0x00080050, "SH", false, accessions, COUNT(accessions), 0, 0},
    {0x00080090, "PN", false, names, COUNT(names), 20, 0},
    {0x00101001, "PN", false, names, COUNT(names), 50, 50},
    {0x00101030, "DS", false, decimals, COUNT(decimals), 30, 0},
    {0x00102110, "LO", false, texts, COUNT(texts), 40, 40},
    {0x00321032, "PN", false, names, COUNT(names), 30, 0},
    {0x00321060, "LO", false, texts, COUNT(texts), 20, 0},
    {0x00380010, "LO", false, accessions, COUNT(accessions), 30, 0},
    {0x00380020, "DA", false, dates, COUNT(dates), 30, 0},
    {0x00380021, "TM", false, times, COUNT(times), 40, 0},
    {0x00380050, "LO", false, texts, COUNT(texts), 50, 0},
    {0x00401003, "SH", false, accessions, COUNT(accessions), 20, 0},
    {0x00080060, "CS", true, modalities, COUNT(modalities), 0, 0},
    {0x00400001, "AE", true, stations, COUNT(stations), 15, 40},
    {0x00400002, "DA", true, dates, COUNT(dates), 0, 0},
    {0x00400003, "TM", true, times, COUNT(times), 20, 0},
    {0x00400006, "PN", true, names, COUNT(names), 30, 0},
    {0x00400007, "LO", true, texts, COUNT(texts), 20, 0},
    {0x00400010, "SH", true, accessions, COUNT(accessions), 30, 40},
    {0x00400011, "SH", true, texts, COUNT(texts), 30, 0},
    {0x00400012, "LO", true, texts, COUNT(texts), 60, 0},
    {0x00400020, "CS", true, states, COUNT(states), 0, 0},
};

#define ORDER_ATTRIBUTES COUNT(order_attributes)
#define STEP_STATION 18 /* of them */
#define STEP_TIME 20
#define MIDNIGHT "000000" /* what a step has that says no time */
#define STEP_STATE (ORDER_ATTRIBUTES - 1)
#define ORDER_CODES ORDER_ATTRIBUTES      /* Requested Procedure Code Sequence */
#define STEP_CODES (ORDER_ATTRIBUTES + 1) /* Scheduled Protocol Code Sequence */

struct made_codes {
    unsigned n;
    char value[2][VALUE_MAX], meaning[2][VALUE_MAX];
};

struct made_step {
    char value[ORDER_ATTRIBUTES][VALUE_MAX]; /* "": not there */
    struct made_codes codes;
};

static struct made_order {
    const char *status;
    unsigned n_steps;
    char value[ORDER_ATTRIBUTES][VALUE_MAX];
    struct made_codes codes;
    struct made_step steps[STEPS_MAX];
} made_orders[ORDERS];

static inline void make_order_values(char (*values)[VALUE_MAX], bool of_step)
{
    for (size_t i = 0; i < ORDER_ATTRIBUTES; i++) {
        const struct order_attribute *a = &order_attributes[i];

        if (a->of_step != of_step || below(100) < a->missing)
            continue;
        (void)strcpy(values[i], a->from[below(a->n_from)]);
        if (below(100) < a->many)
            (void)strcat(strcat(values[i], "\\"), a->from[below(a->n_from)]);
    }
}

static inline void make_codes(struct made_codes *c, unsigned at_most)
{
    c->n = below(at_most + 1);
    for (unsigned i = 0; i < c->n; i++) {
        (void)strcpy(c->value[i], codes[below(COUNT(codes))]);
        (void)strcpy(c->meaning[i], texts[below(COUNT(texts))]);
    }
}

static inline void make_orders(uint64_t seed)
{
    random_state = seed * 2654435761u + 88172645463325252u;
    for (unsigned i = 0; i < ORDERS; i++) {
        struct made_order *o = &made_orders[i];

        make_order_values(o->value, false);
        make_codes(&o->codes, 1);
        o->status = order_states[below(COUNT(order_states))];
        o->n_steps = 1 + below(STEPS_MAX);
        for (unsigned j = 0; j < o->n_steps; j++) {
            make_order_values(o->steps[j].value, true);
            if (!*o->steps[j].value[STEP_TIME])
                (void)strcpy(o->steps[j].value[STEP_TIME], MIDNIGHT);
            make_codes(&o->steps[j].codes, 2);
        }
    }
}

/* --- As DICOM JSON --------------------------------------------------------------------------- */

static inline json_t *json_of_made_codes(const struct made_codes *c)
{
    struct made_study s = {.n_codes = c->n};

    memcpy(s.code_value, c->value, sizeof s.code_value);
    memcpy(s.code_meaning, c->meaning, sizeof s.code_meaning);
    return json_of_codes(&s);
}

static inline json_t *json_of_order_values(char (*values)[VALUE_MAX], const struct made_codes *c,
                                           uint32_t codes_tag, bool of_step)
{
    json_t *object = json_object();

    for (size_t i = 0; i < ORDER_ATTRIBUTES; i++)
        if (order_attributes[i].of_step == of_step && *values[i] &&
            (i != STEP_TIME || strcmp(values[i], MIDNIGHT) != 0))
            add_json(object, order_attributes[i].tag,
                     json_of_text(order_attributes[i].vr, values[i]));
    if (c->n)
        add_json(object, codes_tag, json_of_made_codes(c));
    return object;
}

/* Its requested procedure is R and its number, its steps S and theirs. */
static inline json_t *json_of_order(unsigned number)
{
    struct made_order *o = &made_orders[number];
    json_t *object = json_of_order_values(o->value, &o->codes, 0x00321064, false);
    json_t *steps = json_array();
    char id[16];

    (void)snprintf(id, sizeof id, "R%u", number);
    add_json(object, 0x00401001, json_of_text("SH", id));
    for (unsigned i = 0; i < o->n_steps; i++) {
        json_t *step =
            json_of_order_values(o->steps[i].value, &o->steps[i].codes, 0x00400008, true);

        (void)snprintf(id, sizeof id, "S%u", i);
        add_json(step, 0x00400009, json_of_text("SH", id));
        json_array_append_new(steps, step);
    }
    add_json(object, 0x00400100, json_pack("{s:s,s:o}", "vr", "SQ", "Value", steps));
    return object;
}

/* --- Keys ------------------------------------------------------------------------------------ */

struct made_worklist_query {
    struct query_options options;
    struct worklist_view view;
    unsigned n;
    size_t attribute[KEYS_MAX];
    char key[KEYS_MAX][VALUE_MAX * 3];
    char meaning[VALUE_MAX]; /* of codes: Code Meaning beside Code Value */
};

static inline bool is_codes(size_t attribute)
{
    return attribute >= ORDER_ATTRIBUTES;
}

static inline bool is_of_step(size_t attribute)
{
    return is_codes(attribute) ? attribute == STEP_CODES : order_attributes[attribute].of_step;
}

static inline const char *vr_of_order(size_t attribute)
{
    return is_codes(attribute) ? "SH" : order_attributes[attribute].vr;
}

static inline const struct made_codes *codes_of(size_t attribute, unsigned order, unsigned step)
{
    return attribute == ORDER_CODES ? &made_orders[order].codes
                                    : &made_orders[order].steps[step].codes;
}

/* "" where there is none. */
static inline const char *order_value(size_t attribute, unsigned order, unsigned step)
{
    if (is_codes(attribute))
        return codes_of(attribute, order, step)->n ? codes_of(attribute, order, step)->value[0]
                                                   : "";
    return is_of_step(attribute) ? made_orders[order].steps[step].value[attribute]
                                 : made_orders[order].value[attribute];
}

static inline void random_order_value(size_t attribute, char ret[VALUE_MAX])
{
    unsigned order = below(ORDERS);
    struct ref_parts parts;

    ref_split(order_value(attribute, order, below(made_orders[order].n_steps)), '\\', &parts);
    (void)snprintf(ret, VALUE_MAX, "%.*s", VALUE_MAX - 1, parts.part[below((unsigned)parts.n)]);
}

static inline void make_worklist_key(struct made_worklist_query *q, unsigned n)
{
    const char *vr = vr_of_order(q->attribute[n]);
    unsigned values = below(12) ? 1 : 2;

    if (q->options.empty_value && below(8) == 0) {
        (void)strcpy(q->key[n], "\"\"");
        return;
    }
    for (unsigned i = 0; i < values; i++) {
        char text[VALUE_MAX];

        random_order_value(q->attribute[n], text);
        if (!*text)
            continue;
        change_key(vr, &q->options, text);
        if (strcmp(vr, "PN") == 0 && q->options.fuzzy_names)
            make_words(text);
        if (*text)
            (void)strcat(strcat(q->key[n], *q->key[n] ? "\\" : ""), text);
    }
}

static inline void make_view(struct worklist_view *v)
{
    *v = (struct worklist_view){.states = states, .n_states = below(3) ? 4 : COUNT(states)};
    if (below(2)) {
        v->groups = made_groups;
        v->n_groups = COUNT(made_groups);
    }
    v->own_stations = below(4) == 0;
    if (v->own_stations) {
        v->stations = &stations[below(COUNT(stations) - 1)];
        v->n_stations = 1 + below(2);
    }
}

static inline void make_worklist_query(struct made_worklist_query *q)
{
    *q = (struct made_worklist_query){.options = {.root = QUERY_WORKLIST}};
    make_view(&q->view);
    q->options.view = &q->view;
    q->options.empty_value = below(4) == 0;
    q->options.fuzzy_names = below(6) == 0;
    q->n = 1 + below(KEYS_MAX);
    for (unsigned i = 0; i < q->n; i++) {
        size_t attribute;
        bool again;

        do {
            attribute = below(ORDER_ATTRIBUTES + 2);
            if (i > 0 && below(2) && strcmp(vr_of_order(q->attribute[i - 1]), "DA") == 0)
                attribute = q->attribute[i - 1] + 1; /* the time of a date */
            again = false;
            for (unsigned j = 0; j < i; j++)
                again = again || q->attribute[j] == attribute;
        } while (again);
        q->attribute[i] = attribute;
        make_worklist_key(q, i);
    }
    if (below(2))
        (void)strcpy(q->meaning, texts[below(COUNT(texts))]);
}

#endif
