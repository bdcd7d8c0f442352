/* Worklist queries against a database that bench.fill_worklist() made (worklist_population.sql), as
 * a C-FIND worker asks them: plans, and times of single queries.
 *   bench_worklist CONNINFO STEPS */
#include "store/base/cleanup.h"
#include "store/query.h"
#include "tests/bench/times.h"
#include "tests/db/worklist_explain.h"

#include <errno.h>

#define QUERIES 3000
#define PICK_SPREAD 7919u /* a prime: the orders asked for are all over the table */

static json_t *object_of(const char *keys)
{
    json_t *given = json_loads(keys, 0, NULL), *object = json_object(), *value;
    const char *tag;

    json_object_foreach (given, tag, value)
        json_object_set_new(object, tag,
                            *json_string_value(value)
                                ? json_pack("{s:s,s:[O]}", "vr", "LO", "Value", value)
                                : json_pack("{s:s}", "vr", "LO"));
    json_decref(given);
    return object;
}

static json_t *identifier_of(const char *order, const char *step)
{
    json_t *identifier = object_of(order);

    json_object_set_new(identifier, "00400100",
                        json_pack("{s:s,s:[o]}", "vr", "SQ", "Value", object_of(step)));
    return identifier;
}

/* The number of matches; what goes wrong ends the run. */
static unsigned run(struct db *db, const json_t *identifier)
{
    const struct query_options options = {.root = QUERY_WORKLIST, .view = &explained_view};
    struct query_problem problem = {0};
    struct query *q = NULL;
    unsigned n = 0;
    json_t *one;
    int r = query_begin(db, identifier, &options, &q, &problem);

    if (r == 0)
        for (; (r = query_next(q, &one)) == 0; n++)
            json_decref(one);
    if (r != -ENOENT) {
        (void)fprintf(stderr, "query failed: %s %s\n", db_problem(db), problem.comment);
        exit(1);
    }
    query_end(q);
    return n;
}

/* What a modality wants to know: the keys of table K.6-1 of types 1 and 2. */
#define OF_ORDER                                                                                   \
    "\"00080090\":\"\",\"00081110\":\"\",\"00100020\":\"\",\"00100030\":\"\",\"00100040\":\"\","   \
    "\"00101030\":\"\",\"00102000\":\"\",\"00102110\":\"\",\"001021C0\":\"\",\"0020000D\":\"\","   \
    "\"00321032\":\"\",\"00321060\":\"\",\"00321064\":\"\",\"00380010\":\"\",\"00380050\":\"\","   \
    "\"00380300\":\"\",\"00380500\":\"\",\"00401001\":\"\",\"00401003\":\"\",\"00401004\":\"\","   \
    "\"00403001\":\"\"}"
#define OF_STEP                                                                                    \
    "\"00321070\":\"\",\"00400003\":\"\",\"00400006\":\"\",\"00400007\":\"\",\"00400008\":\"\","   \
    "\"00400009\":\"\",\"00400010\":\"\",\"00400011\":\"\",\"00400012\":\"\",\"00400020\":\"\"}"

/* @order and @step may have one %u, for a number from 1 to @below. */
static void measure(struct db *db, const char *what, const char *order, const char *step,
                    unsigned below)
{
    static double times[QUERIES];
    double total = 0;
    unsigned long matches = 0;

    for (unsigned i = 0; i < QUERIES; i++) {
        unsigned n = 1 + (unsigned)((uint64_t)i * PICK_SPREAD % below);
        _cleanup_free_ char *of_order = NULL, *of_step = NULL;
        json_t *identifier;
        double start;

        if (asprintf(&of_order, order, n) < 0 || asprintf(&of_step, step, n) < 0)
            exit(1);
        identifier = identifier_of(of_order, with_today(of_step));
        start = now_ms();
        matches += run(db, identifier);
        times[i] = now_ms() - start;
        total += times[i];
        json_decref(identifier);
    }
    qsort(times, QUERIES, sizeof *times, compare_times);
    (void)printf("%-28s %8.0f queries/s  median %6.3f ms  p99 %6.3f ms  matches %.1f each\n", what,
                 QUERIES * 1e3 / total, times[QUERIES / 2], times[QUERIES * 99 / 100],
                 (double)matches / QUERIES);
}

static unsigned check_plans(struct db *db)
{
    unsigned whole = 0;

    for (size_t i = 0; i < sizeof explained_worklist / sizeof *explained_worklist; i++) {
        const struct explained_worklist *e = &explained_worklist[i];
        struct query_options options = {.root = QUERY_WORKLIST,
                                        .view = e->own ? &explained_own_view : &explained_view};
        json_t *identifier = identifier_of(e->order, with_today(e->step));
        _cleanup_free_ char *plan = explain_query(db_connection(db), identifier, &options);

        if (!plan || strstr(plan, "Seq Scan") || !strstr(plan, "Index")) {
            (void)printf("reads a whole table: %s %s\n%s", e->order, e->step, plan ? plan : "");
            whole++;
        }
        json_decref(identifier);
    }
    (void)printf("%zu usual queries, %u read a whole table\n",
                 sizeof explained_worklist / sizeof *explained_worklist, whole);
    return whole;
}

int main(int argc, char **argv)
{
    struct db *db = NULL;
    unsigned whole, steps;

    if (argc != 3 || (steps = (unsigned)strtoul(argv[2], NULL, 10)) == 0) {
        (void)fprintf(stderr, "usage: bench_worklist CONNINFO STEPS\n");
        return 2;
    }
    if (db_new(argv[1], "isthmus-bench", &db) < 0 || db_connect(db) < 0) {
        (void)fprintf(stderr, "no database\n");
        return 1;
    }
    whole = check_plans(db);
    measure(db, "today, one station", "{\"00080050\":\"\",\"00100010\":\"\"," OF_ORDER,
            "{\"00080060\":\"\",\"00400001\":\"STATION%u\",\"00400002\":\"TODAY\"," OF_STEP, 19);
    measure(db, "today, one modality", "{\"00080050\":\"\",\"00100010\":\"\"," OF_ORDER,
            "{\"00080060\":\"CT\",\"00400001\":\"\",\"00400002\":\"TODAY\"," OF_STEP, 1);
    measure(db, "accession number", "{\"00080050\":\"A%09u\",\"00100010\":\"\"," OF_ORDER,
            "{\"00080060\":\"\",\"00400001\":\"\",\"00400002\":\"\"," OF_STEP, steps);
    measure(db, "name of today", "{\"00080050\":\"\",\"00100010\":\"SMITH*%u\"," OF_ORDER,
            "{\"00080060\":\"\",\"00400001\":\"\",\"00400002\":\"TODAY\"," OF_STEP, 9);
    db_free(db);
    return whole > 0;
}
