/* Queries against a database that bench.fill() made (population.sql), as a C-FIND worker asks
 * them: plans, times of single queries, and the rate of many matches.
 *   bench_find CONNINFO STUDIES */
#include "store/base/cleanup.h"
#include "store/query.h"
#include "tests/bench/times.h"
#include "tests/db/query_explain.h"

#include <errno.h>

#define LOOKUPS 3000
#define PICK_SPREAD 7919u /* a prime: the studies asked for are all over the table */

struct bench {
    struct db *db;
    unsigned studies;
};

static json_t *identifier_of(const char *level, const char *keys)
{
    json_t *given = json_loads(keys, 0, NULL), *value;
    json_t *identifier = json_pack("{s:{s:s,s:[s]}}", "00080052", "vr", "CS", "Value", level);
    const char *tag;

    json_object_foreach (given, tag, value)
        json_object_set_new(identifier, tag,
                            json_is_object(value) ? json_incref(value)
                            : *json_string_value(value)
                                ? json_pack("{s:s,s:[O]}", "vr", "LO", "Value", value)
                                : json_pack("{s:s}", "vr", "LO"));
    json_decref(given);
    return identifier;
}

/* The number of matches, and when the first of them was there; what goes wrong ends the run. */
static unsigned run(const struct bench *b, const json_t *identifier, double *ret_first_ms)
{
    const struct query_options options = {.root = QUERY_STUDY_ROOT, .retrieve_ae_title = "ISTHMUS"};
    struct query_problem problem = {0};
    struct query *q = NULL;
    double start = now_ms();
    unsigned n = 0;
    json_t *one;
    int r = query_begin(b->db, identifier, &options, &q, &problem);

    if (r == 0)
        for (; (r = query_next(q, &one)) == 0; n++) {
            json_decref(one);
            if (n == 0)
                *ret_first_ms = now_ms() - start;
        }
    if (r != -ENOENT) {
        (void)fprintf(stderr, "query failed: %s %s\n", db_problem(b->db), problem.comment);
        exit(1);
    }
    query_end(q);
    return n;
}

/* @keys has one %u for the number of a study. */
static void lookups(const struct bench *b, const char *what, const char *keys, unsigned below)
{
    static double times[LOOKUPS];
    double total = 0, first;
    unsigned matches = 0;

    for (unsigned i = 0; i < LOOKUPS; i++) {
        unsigned study = 1 + (unsigned)((uint64_t)i * PICK_SPREAD % below);
        _cleanup_free_ char *text = NULL;
        json_t *identifier;
        double start;

        if (asprintf(&text, keys, study) < 0)
            exit(1);
        identifier = identifier_of("STUDY", text);
        start = now_ms();
        matches += run(b, identifier, &first);
        times[i] = now_ms() - start;
        total += times[i];
        json_decref(identifier);
    }
    qsort(times, LOOKUPS, sizeof *times, compare_times);
    (void)printf("%-28s %8.0f queries/s  median %6.3f ms  p99 %6.3f ms  matches %u\n", what,
                 LOOKUPS * 1e3 / total, times[LOOKUPS / 2], times[LOOKUPS * 99 / 100], matches);
}

/* The best of some runs: what the work takes when nothing else is in the way. */
static void list(const struct bench *b, const char *what, const char *level, const char *keys)
{
    json_t *identifier = identifier_of(level, keys);
    double best_ms = 1e9, best_first_ms = 1e9, first_ms = 0;
    unsigned n = 0;

    for (int i = 0; i < 7; i++) {
        double start = now_ms(), took_ms;

        n = run(b, identifier, &first_ms);
        took_ms = now_ms() - start;
        best_ms = took_ms < best_ms ? took_ms : best_ms;
        best_first_ms = first_ms < best_first_ms ? first_ms : best_first_ms;
    }
    (void)printf("%-28s %8u matches  first %6.2f ms  all %8.2f ms  %8.0f matches/s\n", what, n,
                 best_first_ms, best_ms, n * 1e3 / best_ms);
    json_decref(identifier);
}

static unsigned check_plans(const struct bench *b)
{
    unsigned whole = 0;

    for (size_t i = 0; i < sizeof explained / sizeof *explained; i++) {
        struct query_options options = {.root = explained[i].root,
                                        .relational = explained[i].relational};
        json_t *identifier = identifier_of(explained[i].level, explained[i].keys);
        _cleanup_free_ char *plan = explain_query(db_connection(b->db), identifier, &options);

        if (!plan || strstr(plan, "Seq Scan") || !strstr(plan, "Index")) {
            (void)printf("reads a whole table: %s %s\n%s", explained[i].level, explained[i].keys,
                         plan ? plan : "");
            whole++;
        }
        json_decref(identifier);
    }
    (void)printf("%zu usual queries, %u read a whole table\n", sizeof explained / sizeof *explained,
                 whole);
    return whole;
}

static void print_memory(void)
{
    char line[256];
    _cleanup_fclose_ FILE *f = fopen("/proc/self/status", "re");

    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM", 5) == 0)
            (void)printf("peak memory %s", line + strcspn(line, "0123456789"));
}

static void measure(const struct bench *b)
{
    lookups(b, "accession number", "{\"00080050\":\"A%09u\",\"00100010\":\"\",\"00080020\":\"\"}",
            b->studies);
    lookups(b, "patient ID", "{\"00100020\":\"P%08u\",\"00100010\":\"\",\"00080020\":\"\"}",
            b->studies / 2);
    lookups(b, "study UID", "{\"0020000D\":\"1.2.826.0.1.3680043.10.1000.%u\",\"00080020\":\"\"}",
            b->studies);
    lookups(b, "Requested Procedure ID", "{\"00401001\":\"RP%u\",\"00080020\":\"\"}", b->studies);
    list(b, "one day with counts", "STUDY",
         "{\"00080020\":\"20200505\",\"00080061\":\"\",\"00080030\":\"\",\"00100010\":\"\","
         "\"00100020\":\"\",\"00080050\":\"\",\"00201206\":\"\",\"00201208\":\"\"}");
    list(b, "one day, CT, availability", "STUDY",
         "{\"00080020\":\"20200505\",\"00080061\":\"CT\",\"00100010\":\"\",\"00080056\":\"\"}");
    list(b, "SMITH*", "STUDY", "{\"00100010\":\"SMITH*\",\"00080020\":\"\",\"00080050\":\"\"}");
    list(b, "SMI*", "STUDY",
         "{\"00100010\":\"SMI*\",\"00100020\":\"\",\"00080020\":\"\",\"00080050\":\"\","
         "\"00081030\":\"\",\"00080061\":\"\",\"00201206\":\"\"}");
    list(b, "SMI*, attributes", "STUDY",
         "{\"00100010\":\"SMI*\",\"00080020\":\"\",\"00401001\":\"\",\"00101010\":\"\"}");
    list(b, "a year", "STUDY", "{\"00080020\":\"20200101-20201231\",\"00080050\":\"\"}");
    print_memory();
}

int main(int argc, char **argv)
{
    struct bench b = {.db = NULL};
    unsigned whole;

    if (argc != 3 || (b.studies = (unsigned)strtoul(argv[2], NULL, 10)) == 0) {
        (void)fprintf(stderr, "usage: bench_find CONNINFO STUDIES\n");
        return 2;
    }
    if (db_new(argv[1], "isthmus-bench", &b.db) < 0 || db_connect(b.db) < 0) {
        (void)fprintf(stderr, "no database\n");
        return 1;
    }
    whole = check_plans(&b);
    measure(&b);
    db_free(b.db);
    return whole > 0;
}
