#include "tests/db/query_explain.h"
#include "tests/db/query_help.h"

#define STUDIES "100000" /* fewer, and reading a whole table may be the better plan */

static struct database made;

static void fill(void)
{
    made = fill_with("population.sql", "select bench.fill(" STUDIES ", 1, 1)");
}

static void empty(void)
{
    drop_database(&made);
}

TestSuite(query_plans, .init = fill, .fini = empty);

Test(query_plans, usual_queries_read_no_whole_table)
{
    size_t failed = 0;

    for (size_t i = 0; i < sizeof explained / sizeof *explained; i++) {
        const struct explained *e = &explained[i];
        struct query_options options = {.root = e->root, .relational = e->relational};
        json_t *identifier = make_identifier(e->level, e->keys);
        char *plan = explain_query(db_connection(made.db), identifier, &options);

        cr_assert_not_null(plan, "%s", e->keys);
        if (strstr(plan, "Seq Scan") || !strstr(plan, "Index")) {
            cr_log_error("%s %s\n%s", e->level, e->keys, plan);
            failed++;
        }
        free(plan);
        json_decref(identifier);
    }
    cr_assert_eq(failed, 0, "%zu queries read whole tables", failed);
}
