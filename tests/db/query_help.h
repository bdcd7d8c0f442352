/* Queries as texts, and their answers. */
#ifndef ISTHMUS_TESTS_DB_QUERY_HELP_H
#define ISTHMUS_TESTS_DB_QUERY_HELP_H

#include "store/query.h"
#include "tests/db/database.h"

#include <errno.h>

/* {"00100010": "SMI*"} of short texts: "" asks, other texts are keys; objects stand as they are. */
static inline json_t *make_identifier(const char *level, const char *keys)
{
    json_t *given = json_loads(keys, 0, NULL), *identifier = json_object(), *value;
    const char *tag;

    cr_assert_not_null(given, "%s", keys);
    if (level)
        json_object_set_new(identifier, "00080052",
                            json_pack("{s:s, s:[s]}", "vr", "CS", "Value", level));
    json_object_foreach (given, tag, value) {
        json_t *element;

        if (json_is_object(value))
            element = json_incref(value);
        else if (*json_string_value(value) == '\0')
            element = json_pack("{s:s}", "vr", "LO");
        else
            element = json_pack("{s:s, s:[O]}", "vr", "LO", "Value", value);
        json_object_set_new(identifier, tag, element);
    }
    json_decref(given);
    return identifier;
}

static inline const char *text_of(const json_t *answer, const char *tag)
{
    const json_t *value = json_array_get(json_object_get(json_object_get(answer, tag), "Value"), 0);
    const char *text = json_string_value(value);

    if (json_is_object(value))
        text = json_string_value(json_object_get(value, "Alphabetic"));
    return text ? text : "";
}

/* All answers as an array; the caller's. */
static inline json_t *answers(struct db *db, const json_t *identifier,
                              const struct query_options *options)
{
    struct query_problem problem = {0};
    struct query *q = NULL;
    json_t *all = json_array(), *one;
    int r = query_begin(db, identifier, options, &q, &problem);

    cr_assert_eq(r, 0, "%d %04X %s (%s)", r, problem.status, problem.comment, db_problem(db));
    while ((r = query_next(q, &one)) == 0)
        json_array_append_new(all, one);
    cr_assert_eq(r, -ENOENT, "%d %s", r, db_problem(db));
    query_end(q);
    return all;
}

static inline int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The texts in their order, with a space between them; @room bytes. */
static inline void join_sorted(const char **texts, size_t n, char *text, size_t room)
{
    size_t at = 0;

    qsort(texts, n, sizeof *texts, compare_texts);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, room - at, "%s%s", i ? " " : "", texts[i]);
}

/* The values of @tag in all answers, sorted, with spaces between; in a buffer that is used again.
 */
static inline const char *found(struct db *db, const char *level, const char *keys, const char *tag,
                                const struct query_options *options)
{
    static char text[4096];
    json_t *identifier = make_identifier(level, keys), *all = answers(db, identifier, options);
    const char *texts[256];
    size_t n = json_array_size(all);

    cr_assert_leq(n, 256);
    for (size_t i = 0; i < n; i++)
        texts[i] = text_of(json_array_get(all, i), tag);
    join_sorted(texts, n, text, sizeof text);
    json_decref(all);
    json_decref(identifier);
    return text;
}

/* A database of its own, filled by @statement of a script of tests/bench/. */
static inline struct database fill_with(const char *script, const char *statement)
{
    const char *source = getenv("ISTHMUS_SOURCE");
    struct database made = make_database();
    char *sql, directory[4100];

    (void)snprintf(directory, sizeof directory, "%s/tests/bench", source ? source : ".");
    sql = read_text(directory, script);
    run_sql(made.db, sql);
    run_sql(made.db, "set statement_timeout = 0");
    run_sql(made.db, statement);
    run_sql(made.db, "vacuum analyze");
    free(sql);
    return made;
}

#define cr_assert_found(db, level, keys, tag, options, expected)                                   \
    do {                                                                                           \
        const char *found_ = found(db, level, keys, tag, options);                                 \
        cr_assert_str_eq(found_, expected, "%s: found '%s', not '%s'", keys, found_, expected);    \
    } while (0)

#endif
