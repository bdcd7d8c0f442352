/* Orders of the worklist for the tests, and how a study was matched. */
#ifndef ISTHMUS_TESTS_DB_ORDER_HELP_H
#define ISTHMUS_TESTS_DB_ORDER_HELP_H

#include "tests/db/database.h"
#include "tests/db/sample.h"

struct order {
    const char *accession, *procedure, *study, *patient; /* study: UID */
    const char *issuer;                                  /* of the accession number */
    const char *status;                                  /* NULL: active */
    const char *name;                                    /* folded; NULL: unknown */
};

#define ORDER(a, p, s, i) .accession = (a), .procedure = (p), .study = (s), .patient = (i)

static inline void match_orders(struct db *db)
{
    while (strcmp(ask(db, "select isthmus.match_due_orders()"), "0") != 0)
        ;
}

/* As if all orders had changed. */
static inline void look_again(struct db *db)
{
    run_sql(db, "insert into isthmus.worklist_due select order_key from isthmus.worklist_order "
                "on conflict (order_key) do nothing");
}

static inline void put_order_unmatched(struct db *db, const struct order *o)
{
    const char *const values[] = {o->accession,
                                  o->procedure,
                                  o->study,
                                  o->patient,
                                  o->issuer ? o->issuer : "",
                                  o->status ? o->status : "active",
                                  o->name};
    int r = db_query(db,
                     "with o as (insert into isthmus.worklist_order (source, accession_number, "
                     "requested_procedure_id, study_instance_uid, patient_id, accession_issuer, "
                     "status, patient_name_folded, attributes) "
                     "values ('sql', $1, $2, $3, $4, $5, $6, $7, '{}') returning order_key) "
                     "insert into isthmus.worklist_due select order_key from o",
                     7, values, NULL);

    cr_assert_eq(r, 0, "%s", db_problem(db));
}

static inline void put_order(struct db *db, const struct order *o)
{
    put_order_unmatched(db, o);
    match_orders(db);
}

/* "matched: ACC-1 RP-1", "patient differs, open, strange ACC-1": the only study. */
static inline const char *order_match_text(struct db *db)
{
    return ask(db,
               "select concat_ws('', m.order_state, case when m.open then ', open' end, "
               "case when m.strange_accession_numbers <> '{}' then ', strange ' || "
               "array_to_string(m.strange_accession_numbers, ', ') end, "
               "(select ': ' || string_agg(o.accession_number || ' ' || o.requested_procedure_id, "
               "', ' order by o.accession_number, o.requested_procedure_id) "
               "from isthmus.study_order so join isthmus.worklist_order o using (order_key) "
               "where so.study_key = m.study_key and so.linked)) "
               "from isthmus.order_match m");
}

#endif
