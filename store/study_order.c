#include "store/study_order.h"
#include "store/document.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The columns of the two statements below. */
enum { MATCH_STATE, MATCH_OPEN, MATCH_DIFFERS, MATCH_REPLACED, MATCH_WITHHELD, MATCH_STRANGE };
enum { ORDER_URL, ORDER_REFERENCE, ORDER_ENCOUNTER, ORDER_ACCESSION, ORDER_ATTRIBUTES };

static const char select_match[] =
    "select m.order_state, coalesce(m.open, t.patient_differs), "
    "t.patient_differs and t.corrected_patient is null, "
    "t.corrected_study is not null or m.chosen_orders is not null, "
    "coalesce(m.chosen_orders = '{}', false), "
    "coalesce(to_jsonb(m.strange_accession_numbers), '[]') "
    "from isthmus.study t left join isthmus.order_match m using (study_key) where study_key = $1";
static const char select_orders[] =
    "select case when o.source_status is distinct from 'deleted' then o.source_url end, "
    "o.source_reference, o.encounter_reference, o.accession_number, "
    "o.attributes from isthmus.study_order so join isthmus.worklist_order o using (order_key) "
    "where so.study_key = $1 and so.linked order by o.accession_number, o.requested_procedure_id, "
    "o.order_key";

static int copy_cell(const PGresult *rows, int row, int column, char **ret)
{
    *ret = NULL;
    if (PQgetisnull(rows, row, column))
        return 0;
    *ret = strdup(PQgetvalue(rows, row, column));
    return *ret ? 0 : -ENOMEM;
}

static bool is_true(const PGresult *rows, int column)
{
    return *PQgetvalue(rows, 0, column) == 't';
}

static int take_document(struct study *s, const PGresult *rows, int row, int column,
                         const json_t **ret)
{
    json_t *document;
    int r = document_parse(PQgetvalue(rows, row, column), &document);

    if (r == 0 && json_array_append_new(s->documents, document) < 0)
        r = -ENOMEM;
    if (r == 0)
        *ret = document;
    return r;
}

static int take_match(struct study *s, const PGresult *rows)
{
    int r = copy_cell(rows, 0, MATCH_STATE, &s->order_state);

    s->order_open = is_true(rows, MATCH_OPEN);
    s->patient_differs = is_true(rows, MATCH_DIFFERS);
    s->request_replaced = is_true(rows, MATCH_REPLACED);
    s->request_withheld = is_true(rows, MATCH_WITHHELD);
    return r < 0 ? r : take_document(s, rows, 0, MATCH_STRANGE, &s->strange_accessions);
}

static int take_order(struct study *s, const PGresult *rows, int row, struct study_order *ret)
{
    char **const texts[] = {&ret->source_url, &ret->source_reference, &ret->encounter_reference,
                            &ret->accession_number};
    int r = 0;

    for (int column = ORDER_URL; r == 0 && column <= ORDER_ACCESSION; column++)
        r = copy_cell(rows, row, column, texts[column]);
    return r < 0 ? r : take_document(s, rows, row, ORDER_ATTRIBUTES, &ret->attributes);
}

static int take_orders(struct study *s, const PGresult *rows)
{
    int r = 0;

    s->orders = calloc((size_t)PQntuples(rows) + 1, sizeof *s->orders);
    if (!s->orders)
        return -ENOMEM;
    for (int row = 0; r == 0 && row < PQntuples(rows); row++)
        r = take_order(s, rows, row, &s->orders[s->n_orders++]);
    return r;
}

int study_load_orders(struct db *db, int64_t key, struct study *ret)
{
    char key_text[24];
    const char *const values[] = {key_text};
    PGresult *match = NULL, *orders = NULL;
    int r;

    (void)snprintf(key_text, sizeof key_text, "%" PRId64, key);
    r = db_query(db, select_match, 1, values, &match);
    if (r == 0)
        r = db_query(db, select_orders, 1, values, &orders);
    if (r == 0)
        r = take_match(ret, match);
    if (r == 0)
        r = take_orders(ret, orders);
    PQclear(match);
    PQclear(orders);
    return r;
}

void study_free_orders(struct study *s)
{
    for (size_t i = 0; i < s->n_orders; i++) {
        free(s->orders[i].source_url);
        free(s->orders[i].source_reference);
        free(s->orders[i].encounter_reference);
        free(s->orders[i].accession_number);
    }
    free(s->orders);
    free(s->order_state);
}
