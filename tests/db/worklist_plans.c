#include "tests/db/worklist_explain.h"
#include "tests/db/worklist_help.h"

static struct database made;

static void fill(void)
{
    made = fill_with("worklist_population.sql", "select bench.fill_worklist(100000)");
}

static void empty(void)
{
    drop_database(&made);
}

TestSuite(worklist_plans, .init = fill, .fini = empty);

Test(worklist_plans, what_modalities_ask_reads_no_whole_table)
{
    size_t failed = 0;

    for (size_t i = 0; i < sizeof explained_worklist / sizeof *explained_worklist; i++) {
        const struct explained_worklist *e = &explained_worklist[i];
        struct query_options options = {.root = QUERY_WORKLIST,
                                        .view = e->own ? &explained_own_view : &explained_view};
        json_t *identifier = make_worklist_identifier(e->order, with_today(e->step));
        char *plan = explain_query(db_connection(made.db), identifier, &options);

        cr_assert_not_null(plan, "%s %s", e->order, e->step);
        if (strstr(plan, "Seq Scan") || !strstr(plan, "Index")) {
            cr_log_error("%s %s\n%s", e->order, e->step, plan);
            failed++;
        }
        free(plan);
        json_decref(identifier);
    }
    cr_assert_eq(failed, 0, "%zu queries read whole tables", failed);
}
