/* A database, and orders made of parts of DICOM JSON to put into its worklist. */
#ifndef ISTHMUS_TESTS_DB_WORKLIST_ORDER_H
#define ISTHMUS_TESTS_DB_WORKLIST_ORDER_H

#include "store/worklist.h"
#include "tests/db/database.h"

#include <jansson.h>

static struct database d;

static inline void open_database(void)
{
    d = make_database();
}

static inline void close_database(void)
{
    drop_database(&d);
}

static const struct worklist_options options = {"I", 4};

/* An order from parts: @more are further members of it, @step of its step, each with a comma. */
static inline json_t *order_of(const char *attributes, const char *step, const char *more)
{
    char text[4096];
    json_t *order;

    (void)snprintf(text, sizeof text,
                   "{\"attributes\": {%s"
                   "\"00100010\": {\"vr\": \"PN\", \"Value\": [{\"Alphabetic\": \"Doe^Jane\"}]},"
                   "\"00100020\": {\"vr\": \"LO\", \"Value\": [\"4711\"]},"
                   "\"00400100\": {\"vr\": \"SQ\", \"Value\": [{%s"
                   "\"00080060\": {\"vr\": \"CS\", \"Value\": [\"CT\"]},"
                   "\"00400002\": {\"vr\": \"DA\", \"Value\": [\"20260102\"]}}]}}%s}",
                   attributes, step, more);
    order = json_loads(text, 0, NULL);
    cr_assert_not_null(order, "%s", text);
    return order;
}

#define ATTRIBUTE(tag, vr, value) "\"" tag "\": {\"vr\": \"" vr "\", \"Value\": [\"" value "\"]}, "
#define ACCESSION(a) ATTRIBUTE("00080050", "SH", a)
#define UID(a) ATTRIBUTE("0020000D", "UI", a)
#define PROCEDURE(a) ATTRIBUTE("00401001", "SH", a)
#define PLACER(a) ATTRIBUTE("00402016", "LO", a)

static inline json_t *put_into(struct db *db, json_t *orders)
{
    json_t *results = NULL;

    cr_assert_eq(worklist_put(db, orders, &options, &results), 0, "%s", db_problem(db));
    json_decref(orders);
    return results;
}

/* Put one; what became of it: "created", or the first fault. */
static inline const char *put(json_t *order)
{
    static char said[400];
    json_t *results = put_into(d.db, order), *result = json_array_get(results, 0);
    const char *fault = json_string_value(json_array_get(json_object_get(result, "faults"), 0));

    cr_assert_eq(json_array_size(results), 1);
    (void)snprintf(said, sizeof said, "%s",
                   fault ? fault : json_string_value(json_object_get(result, "result")));
    json_decref(results);
    return said;
}

#endif
