/* Worklist queries as texts, and which steps they find. */
#ifndef ISTHMUS_TESTS_DB_WORKLIST_HELP_H
#define ISTHMUS_TESTS_DB_WORKLIST_HELP_H

#include "tests/db/query_help.h"

#define STEP_ID "00400009"

static const char *const usual_states[] = {"SCHEDULED", "ARRIVED", "READY", "STARTED"};
static const struct worklist_view usual_view = {.states = usual_states, .n_states = 4};
static const struct query_options worklist = {.root = QUERY_WORKLIST, .view = &usual_view};

/* @order and @step are like the keys of make_identifier(); the step's ID is asked for too. */
static inline json_t *make_worklist_identifier(const char *order, const char *step)
{
    json_t *identifier = make_identifier(NULL, order), *item = make_identifier(NULL, step);

    if (!json_object_get(item, STEP_ID))
        json_object_set_new(item, STEP_ID, json_pack("{s:s}", "vr", "SH"));
    json_object_set_new(identifier, "00400100",
                        json_pack("{s:s,s:[o]}", "vr", "SQ", "Value", item));
    return identifier;
}

static inline const json_t *step_of(const json_t *answer)
{
    return json_array_get(json_object_get(json_object_get(answer, "00400100"), "Value"), 0);
}

/* The IDs of the steps of all answers, sorted, with spaces between; in a buffer that is used again.
 */
static inline const char *found_steps(struct db *db, const char *order, const char *step,
                                      const struct query_options *options)
{
    static char text[4096];
    json_t *identifier = make_worklist_identifier(order, step);
    json_t *all = answers(db, identifier, options);
    const char *texts[256];
    size_t n = json_array_size(all);

    cr_assert_leq(n, 256);
    for (size_t i = 0; i < n; i++)
        texts[i] = text_of(step_of(json_array_get(all, i)), STEP_ID);
    join_sorted(texts, n, text, sizeof text);
    json_decref(all);
    json_decref(identifier);
    return text;
}

#define cr_assert_steps(db, order, step, options, expected)                                        \
    do {                                                                                           \
        const char *found_ = found_steps(db, order, step, options);                                \
        cr_assert_str_eq(found_, expected, "%s %s: found '%s', not '%s'", order, step, found_,     \
                         expected);                                                                \
    } while (0)

#endif
