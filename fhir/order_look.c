#include "fhir/order_look.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/reading.h"
#include "fhir/uri.h"
#include "store/base/cleanup.h"
#include "store/base/log.h"

#include <errno.h>
#include <string.h>

#define OTHERS 3
#define SEEN_MAX 10000

static const char *const all_types[] = {"ServiceRequest", "Appointment", "Task", "Patient", NULL};

int order_look_open(struct db *db, const struct settings *settings, const struct order_rules *rules,
                    const struct worklist_options *options, struct order_look *ret,
                    char **ret_message)
{
    *ret = (struct order_look){.db = db, .settings = settings};
    ret->again = json_object();
    ret->seen = json_object();
    ret->seeing = json_object();
    ret->intake = (struct order_intake){.db = db,
                                        .server = &ret->server,
                                        .rules = rules,
                                        .options = options,
                                        .patient_data = settings->orders_patient_data};
    order_intake_open(&ret->intake);
    return order_server_open(settings, &ret->server, ret_message);
}

void order_look_close(struct order_look *l)
{
    order_intake_close(&l->intake);
    order_server_close(&l->server);
    json_decref(l->again);
    json_decref(l->seen);
    json_decref(l->seeing);
}

static int take_orders(void *context, json_t *bundle)
{
    struct order_look *l = context;
    const json_t *entry;
    size_t i;

    json_array_foreach (json_object_get(bundle, "entry"), i, entry)
        order_mark_note(&l->mark, json_object_get(entry, "resource"));
    return order_intake_page(&l->intake, bundle);
}

/* --- orders that changed --- */

/* What changed since @since_s (0: what is open), as far as the server takes such searches. */
static char *requests_path(const struct order_look *l, int64_t since_s)
{
    const char *query = l->settings->orders_query;
    bool changes = since_s > 0 && !l->server.no_changes;
    _cleanup_free_ char *since = changes ? order_mark_query(since_s) : NULL;

    return memory_print("ServiceRequest?%s%s%s&%s", query ? query : "", query ? "&" : "",
                        since ? since : "status=active,on-hold", order_intake_query(&l->intake));
}

static int search_requests(struct order_look *l, int64_t since_s, int64_t *ret_began_at_s,
                           struct answer *ret)
{
    _cleanup_free_ char *path = requests_path(l, since_s);
    bool changes = since_s > 0 && !l->server.no_changes;

    l->mark = (struct order_mark){.type = "ServiceRequest"};
    order_intake_begin(&l->intake, changes ? INTAKE_CHANGED : INTAKE_ALL);
    return order_server_search(&l->server, path, take_orders, l, true, ret_began_at_s, ret);
}

static void say_less(const struct order_server *s, bool one_by_one, bool no_changes)
{
    if (s->one_by_one && !one_by_one)
        log_warning("the server takes no _include: what belongs to orders is asked for by itself");
    if (s->no_changes && !no_changes)
        log_warning("the server takes no _lastUpdated: all open orders are read with every look");
}

/* The same search, asking for less and less of a server that does not take it. */
static int search_requests_somehow(struct order_look *l, int64_t since_s, int64_t *ret_began_at_s,
                                   struct answer *ret)
{
    struct order_server *s = &l->server;
    bool one_by_one = s->one_by_one, no_changes = s->no_changes;
    int r = -ECONNABORTED;

    for (int less = 2 * no_changes + one_by_one; less < 4; less++) {
        if (less > 2 * no_changes + one_by_one)
            answer_done(ret);
        s->one_by_one = less % 2;
        s->no_changes = less / 2;
        r = search_requests(l, since_s, ret_began_at_s, ret);
        if (r != -ECONNABORTED || !order_server_rejects(ret))
            break;
    }
    if (r == 0) {
        say_less(s, one_by_one, no_changes);
    } else {
        s->one_by_one = one_by_one;
        s->no_changes = no_changes;
    }
    return r;
}

/* 0: there was none. */
static int64_t since(const struct order_look *l, int64_t mark_s)
{
    return mark_s > l->settings->orders_overlap_s ? mark_s - l->settings->orders_overlap_s : 0;
}

/* @ret_before_s: how far it was read before; 0: not at all. */
static int look_at_requests(struct order_look *l, int64_t *ret_before_s, struct answer *ret)
{
    const char *const one[] = {"ServiceRequest", NULL};
    int64_t before_s, began_at_s = 0;
    int r = order_mark_load(l->db, l->server.url, "ServiceRequest", &before_s);

    if (r == 0)
        r = search_requests_somehow(l, since(l, before_s), &began_at_s, ret);
    if (r == 0 && began_at_s > 0 && began_at_s < since(l, before_s)) {
        log_warning("the clock of the server was set back: all open orders are read again");
        before_s = 0;
        r = order_mark_forget(l->db, l->server.url);
        if (r == 0)
            r = search_requests_somehow(l, 0, &began_at_s, ret);
    }
    if (r < 0)
        return r;
    *ret_before_s = before_s;
    return order_mark_save(l->db, l->server.url, before_s ? one : all_types,
                           order_mark_reached(&l->mark, began_at_s));
}

/* --- orders whose appointment, task or patient changed --- */

static void add_again(struct order_look *l, const char *reference)
{
    const char *at = reference ? strstr(reference, "ServiceRequest/") : NULL;
    _cleanup_free_ char *id = at ? memory_text(at + 15, strcspn(at + 15, "/")) : NULL;

    if (id && *id)
        (void)json_object_set_new(l->again, id, json_true());
}

static int add_orders_of_patient(struct order_look *l, const json_t *patient)
{
    const char *id = node_get_text(patient, "id");
    _cleanup_free_ char *name = id ? memory_print("Patient/%s", id) : NULL;
    const char *const values[] = {l->server.url, name};
    PGresult *rows;
    int r;

    if (!name)
        return 0;
    r = db_query(l->db,
                 "select source_reference from isthmus.worklist_order where source_url = $1 "
                 "and patient_reference in ($2, $1 || '/' || $2) "
                 "and status in ('draft', 'active', 'on-hold')",
                 2, values, &rows);
    if (r < 0)
        return r;
    for (int i = 0; i < PQntuples(rows); i++)
        add_again(l, PQgetvalue(rows, i, 0));
    PQclear(rows);
    return 0;
}

/* What was refused may have lacked what came now. */
static void add_refused(struct order_look *l)
{
    const json_t *unused;
    const char *name;

    json_object_foreach (l->intake.refused, name, unused)
        add_again(l, name);
}

/* Whether this version of an Appointment, Task or Patient was followed already: looks overlap. */
static bool is_seen(struct order_look *l, const json_t *resource)
{
    const char *type = node_get_text(resource, "resourceType"), *id = node_get_text(resource, "id");
    const char *version = node_get_text(json_object_get(resource, "meta"), "versionId"), *before;
    _cleanup_free_ char *name = type && id ? memory_print("%s/%s", type, id) : NULL;

    if (!name || !version)
        return false;
    before = node_get_text(l->seen, name);
    if (before && strcmp(before, version) == 0)
        return true;
    (void)json_object_set_new(l->seeing, name, json_string(version));
    return false;
}

static int take_changed(void *context, json_t *bundle)
{
    struct order_look *l = context;
    const json_t *entry, *reference;
    size_t i, k;
    int r = 0;

    json_array_foreach (json_object_get(bundle, "entry"), i, entry) {
        const json_t *resource = json_object_get(entry, "resource");

        order_mark_note(&l->mark, resource);
        if (r < 0 || is_seen(l, resource))
            continue;
        json_array_foreach (json_object_get(resource, "basedOn"), k, reference)
            add_again(l, node_get_text(reference, "reference"));
        if (is_resource(resource, "Patient"))
            r = add_orders_of_patient(l, resource);
        add_refused(l);
    }
    return r;
}

int order_look_at_ids(struct order_look *l, const json_t *ids, enum intake_mode mode,
                      struct answer *ret)
{
    _cleanup_free_ char *list = memory_print("%s", ""), *path = NULL;
    const json_t *id;
    size_t i;

    json_array_foreach (ids, i, id) {
        _cleanup_free_ char *encoded = uri_encode(json_string_value(id)), *before = list;

        list = memory_print("%s%s%s", before, *before ? "," : "", encoded);
    }
    path = memory_print("ServiceRequest?_id=%s&%s", list, order_intake_query(&l->intake));
    order_intake_begin(&l->intake, mode);
    return order_server_search(&l->server, path, take_orders, l, false, NULL, ret);
}

/* At most ORDER_SERVER_IDS of those that are left. */
static int read_some_again(struct order_look *l, struct answer *ret)
{
    _cleanup_json_ json_t *ids = json_array();
    const json_t *unused;
    const char *id;
    size_t i;

    json_object_foreach (l->again, id, unused)
        if (json_array_size(ids) < ORDER_SERVER_IDS)
            (void)json_array_append_new(ids, json_string(id));
    json_array_foreach (ids, i, unused)
        (void)json_object_del(l->again, json_string_value(unused));
    return order_look_at_ids(l, ids, INTAKE_ALL, ret);
}

/* The changes of @type since @since_s; a server without a search for them is looked through by and
 * by (order_check()). */
static int search_changes(struct order_look *l, const char *type, int64_t since_s,
                          int64_t *ret_began_at_s, struct answer *ret)
{
    _cleanup_free_ char *changed = order_mark_query(since_s), *what = NULL, *path = NULL;
    int r;

    what = memory_print("what changed in %s", type);
    if (l->server.no_changes || order_server_lacks(&l->server, what))
        return 0;
    l->mark = (struct order_mark){.type = type};
    path = memory_print("%s?%s&_count=200", type, changed);
    r = order_server_search(&l->server, path, take_changed, l, true, ret_began_at_s, ret);
    if (r == -ECONNABORTED && order_server_rejects(ret)) {
        order_server_set_lacking(&l->server, what, ret->reason);
        answer_done(ret);
        r = 0;
    }
    return r;
}

/* @ret_s: how far @type is read when the orders are. */
static int find_changed(struct order_look *l, const char *type, int64_t before_s, int64_t *ret_s,
                        struct answer *ret)
{
    int64_t mark_s, began_at_s = 0;
    int r = order_mark_load(l->db, l->server.url, type, &mark_s);

    l->mark.newest_s = 0;
    if (r == 0)
        r = search_changes(l, type, since(l, mark_s ? mark_s : before_s), &began_at_s, ret);
    *ret_s = order_mark_reached(&l->mark, began_at_s);
    return r;
}

static void keep_seen(struct order_look *l)
{
    if (json_object_size(l->seen) > SEEN_MAX)
        (void)json_object_clear(l->seen);
    (void)json_object_update(l->seen, l->seeing);
}

static int look_at_others(struct order_look *l, int64_t before_s, struct answer *ret)
{
    int64_t reached_s[OTHERS] = {0};
    int r = 0;

    (void)json_object_clear(l->again);
    (void)json_object_clear(l->seeing);
    for (size_t i = 0; r == 0 && i < OTHERS; i++)
        r = find_changed(l, all_types[i + 1], before_s, &reached_s[i], ret);
    while (r == 0 && json_object_size(l->again) > 0)
        r = read_some_again(l, ret);
    for (size_t i = 0; r == 0 && i < OTHERS; i++)
        r = order_mark_save(l->db, l->server.url, (const char *const[]){all_types[i + 1], NULL},
                            reached_s[i]);
    if (r == 0)
        keep_seen(l);
    return r;
}

int order_look(struct order_look *l, struct answer *ret)
{
    struct order_intake *in = &l->intake;
    int64_t before_s = 0;
    int r;

    in->read = in->put = in->created = in->updated = l->gone = 0;
    r = look_at_requests(l, &before_s, ret);
    if (r == 0 && before_s > 0)
        r = look_at_others(l, before_s, ret);
    if (r == 0)
        r = order_check(l, ret);
    if (in->created + in->updated + l->gone > 0)
        log_info("orders: %lld new, %lld changed, %lld deleted on the server", in->created,
                 in->updated, l->gone);
    return r;
}
