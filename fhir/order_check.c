/* The open orders that are held here, read from their server again in rounds. An order that is not
 * in the answer is asked for by itself; only 404 and 410 say that it is gone. One that was gone is
 * asked for during another week: a server that lost its data may have got them back. */
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/order_look.h"
#include "store/base/cleanup.h"
#include "store/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "ServiceRequest/"
#define OVER "9223372036854775807" /* the round is */

/* Begin a round if the last one ended and it is time; the first look reads all that is open. 0 or
 * errors of db.h. */
static int begin_round(struct order_look *l)
{
    char seconds[16];
    const char *const values[] = {l->server.url, seconds};

    (void)snprintf(seconds, sizeof seconds, "%d", l->settings->orders_check_interval_s);
    return db_query(l->db,
                    "insert into isthmus.worklist_round as r values ($1, " OVER ", now()) "
                    "on conflict (source_url) do update set order_key = 0, began_at = now() "
                    "where r.order_key = " OVER " and "
                    "r.began_at <= now() - make_interval(secs => $2::integer)",
                    2, values, NULL);
}

/* The next portion: ids, and the key of the last of them; OVER when there are no more. */
static int load_portion(struct order_look *l, json_t *ids, char ret_last[24])
{
    char limit[16];
    const char *const values[] = {l->server.url, limit};
    PGresult *rows;
    int r;

    (void)snprintf(limit, sizeof limit, "%d", ORDER_SERVER_IDS);
    r = db_query(
        l->db,
        "select o.source_reference, o.order_key from isthmus.worklist_order o "
        "where o.source_url = $1 and (o.status in ('draft', 'active', 'on-hold') "
        "or o.source_status = 'deleted') and (o.source_status is distinct from 'deleted' "
        "or o.changed_at > now() - interval '7 days') and o.source_reference like '" PREFIX "%' "
        "and o.order_key > (select order_key from isthmus.worklist_round where source_url = $1) "
        "order by o.order_key limit $2::integer",
        2, values, &rows);
    if (r < 0)
        return r;
    for (int i = 0; i < PQntuples(rows); i++) {
        (void)json_array_append_new(ids, json_string(PQgetvalue(rows, i, 0) + strlen(PREFIX)));
        (void)snprintf(ret_last, 24, "%s", PQgetvalue(rows, i, 1));
    }
    if (PQntuples(rows) < ORDER_SERVER_IDS)
        (void)strcpy(ret_last, OVER);
    PQclear(rows);
    return 0;
}

static int save_portion(struct order_look *l, const char *last)
{
    const char *const values[] = {l->server.url, last};

    return db_query(l->db,
                    "update isthmus.worklist_round set order_key = $2::bigint "
                    "where source_url = $1",
                    2, values, NULL);
}

static int cancel_order(struct order_look *l, const char *name, int status)
{
    _cleanup_free_ char *reason = memory_print("deleted on its server (HTTP %d)", status);
    const char *const values[] = {l->server.url, name, reason};
    PGresult *rows;
    int r = db_query(l->db, "select isthmus.worklist_gone($1, $2, $3)", 3, values, &rows);

    if (r < 0)
        return r;
    if (*PQgetvalue(rows, 0, 0) == 't') {
        log_info("%s was deleted on the server: the order is revoked", name);
        l->gone++;
    }
    PQclear(rows);
    return 0;
}

/* An order that a search for its id did not find. */
static int check_missing(struct order_look *l, const char *name, struct answer *ret)
{
    json_t *resource = NULL;
    int status = 0, r = order_server_probe(&l->server, name, &resource, &status);

    json_decref(resource);
    if (r == -ENOENT && status != 0)
        return cancel_order(l, name, status);
    if (r == -ECONNABORTED) {
        *ret = l->server.failure;
        l->server.failure = (struct answer){0};
        l->server.failed = false;
        return r;
    }
    return 0;
}

int order_check(struct order_look *l, struct answer *ret)
{
    _cleanup_json_ json_t *ids = json_array();
    const json_t *id;
    char last[24];
    size_t i;
    int r = begin_round(l);

    if (r == 0)
        r = load_portion(l, ids, last);
    if (r == 0 && json_array_size(ids) > 0)
        r = order_look_at_ids(l, ids, INTAKE_CURRENT, ret);
    json_array_foreach (ids, i, id) {
        _cleanup_free_ char *name = memory_print(PREFIX "%s", json_string_value(id));

        if (r == 0 && !json_object_get(l->intake.found, name))
            r = check_missing(l, name, ret);
    }
    return r < 0 ? r : save_portion(l, last);
}
