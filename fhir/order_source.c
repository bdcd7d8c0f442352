#include "fhir/order_source.h"
#include "fhir/backoff.h"
#include "fhir/client.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/search.h"
#include "fhir/service_order.h"
#include "fhir/stop.h"
#include "fhir/uri.h"
#include "store/base/cleanup.h"
#include "store/base/log.h"

#include <errno.h>
#include <string.h>

#define FIRST_MS 1000
#define PAGE "_count=200"
#define IDS_MAX 50 /* in one search */
#define BELONGING                                                                                  \
    "_include=ServiceRequest:subject&_include=ServiceRequest:requester"                            \
    "&_include=ServiceRequest:encounter&_include=ServiceRequest:performer"                         \
    "&_revinclude=Appointment:based-on&_revinclude=Task:based-on"                                  \
    "&_include:iterate=Appointment:actor&_include:iterate=Task:owner"                              \
    "&_include:iterate=PractitionerRole:practitioner&" PAGE

struct source {
    struct db *db;
    const struct settings *settings;
    const struct order_rules *rules;
    const struct worklist_options *options;
    struct client *client;
    struct answer fetched; /* of the last fetch() that failed … */
    bool fetch_failed;     /* … not because there is no such resource */
    json_t *again;         /* ids of ServiceRequests that are to be read again */
    const char *type;      /* that is being looked at … */
    char *newest;          /* … and the latest meta.lastUpdated of it; malloc'ed */
    long long created, updated, refused;
    int failures;
};

/* --- how far it was read --- */

/* The time of the last look at @type; malloc'ed; NULL: none yet. */
static int load_since(struct source *s, const char *type, char **ret)
{
    const char *const values[] = {s->settings->url, type};
    PGresult *rows;
    int r = db_query(s->db,
                     "select last_updated from isthmus.worklist_source "
                     "where source_url = $1 and resource_type = $2",
                     2, values, &rows);

    if (r < 0)
        return r;
    *ret = PQntuples(rows) > 0 ? memory_print("%s", PQgetvalue(rows, 0, 0)) : NULL;
    PQclear(rows);
    return 0;
}

static int save_since(struct source *s, const char *type, const char *since)
{
    const char *const values[] = {s->settings->url, type, since};

    if (!since)
        return 0;
    return db_query(s->db,
                    "insert into isthmus.worklist_source (source_url, resource_type, last_updated) "
                    "values ($1, $2, $3) on conflict (source_url, resource_type) do update set "
                    "last_updated = excluded.last_updated, looked_at = now()",
                    3, values, NULL);
}

/* Texts of one server compare as their times do, but for fractions and changes of its offset: then
 * the earlier one is taken, and some is read twice. */
static void note_time(struct source *s, const json_t *resource)
{
    const char *type = node_get_text(resource, "resourceType");
    const char *time = node_get_text(json_object_get(resource, "meta"), "lastUpdated");

    if (!type || !time || strcmp(type, s->type) != 0 || (s->newest && strcmp(time, s->newest) <= 0))
        return;
    free(s->newest);
    s->newest = memory_print("%s", time);
}

/* --- orders of a page --- */

static bool is_plain_reference(const char *text)
{
    const char *slash = strchr(text, '/');
    size_t n = slash ? strlen(slash + 1) : 0;

    return slash > text && n > 0 && n <= 64 && !strchr(slash + 1, '/') &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") ==
               (size_t)(slash - text) &&
           strspn(slash + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-") ==
               n;
}

/* A resource that the server did not send along. */
static json_t *fetch(void *context, const char *reference)
{
    struct source *s = context;
    struct reply reply;
    struct answer answer;
    json_t *resource = NULL;

    if (s->fetch_failed || !is_plain_reference(reference))
        return NULL;
    client_send(s->client, "GET", reference, NULL, &reply);
    answer_of(&reply, &answer);
    if (answer.verdict == VERDICT_DONE && reply.body)
        resource = json_loads(reply.body, JSON_ALLOW_NUL, NULL);
    if (answer.verdict != VERDICT_DONE && reply.status != 404 && reply.status != 410) {
        s->fetch_failed = true;
        s->fetched = answer;
    } else {
        answer_done(&answer);
    }
    return resource;
}

/* The name of a resource says nothing about a patient. */
static void log_faults(struct source *s, const char *name, const json_t *faults)
{
    const json_t *fault;
    size_t i;

    s->refused++;
    json_array_foreach (faults, i, fault)
        log_warning("%s is refused: %s", name, json_string_value(fault));
}

static void count_results(struct source *s, const json_t *names, const json_t *results)
{
    const json_t *result;
    size_t i;

    json_array_foreach (results, i, result) {
        const char *what = node_get_text(result, "result");

        s->created += what && strcmp(what, "created") == 0;
        s->updated += what && strcmp(what, "updated") == 0;
        if (what && strcmp(what, "refused") == 0)
            log_faults(s, json_string_value(json_array_get(names, i)),
                       json_object_get(result, "faults"));
    }
}

static int put_requests(struct source *s, const struct pool *pool)
{
    _cleanup_json_ json_t *orders = json_array(), *names = json_array(), *results = NULL;
    const json_t *request;
    const char *name;
    int r;

    json_object_foreach ((json_t *)pool_requests(pool), name, request) {
        json_t *result = NULL;

        r = service_order_read(s->rules, pool, request, s->settings->url, &result);
        if (s->fetch_failed) {
            json_decref(result);
            return -ECONNABORTED;
        }
        if (r == 0) {
            (void)json_array_append(orders, result);
            (void)json_array_append_new(names, json_string(name));
        } else if (r == -EBADMSG) {
            log_faults(s, name, result);
        }
        json_decref(result);
    }
    if (json_array_size(orders) == 0)
        return 0;
    r = worklist_put(s->db, orders, s->options, &results);
    if (r == 0)
        count_results(s, names, results);
    return r;
}

static int take_orders(void *context, json_t *bundle)
{
    struct source *s = context;
    struct pool *pool = pool_new(s->settings->url, fetch, s);
    const json_t *entry;
    size_t i;
    int r;

    pool_add_all(pool, bundle);
    json_array_foreach (json_object_get(bundle, "entry"), i, entry)
        note_time(s, json_object_get(entry, "resource"));
    r = put_requests(s, pool);
    (void)pool_free(pool);
    return r;
}

/* Search; -ECONNABORTED: @ret says why the server did not answer to the end. */
static int search(struct source *s, const char *path, search_page *page, struct answer *ret)
{
    int r = search_all(s->client, s->settings->url, path, page, s, ret);

    if (r == -ECONNABORTED && s->fetch_failed) {
        *ret = s->fetched;
        s->fetch_failed = false;
    } else if (r == 0 && ret->verdict != VERDICT_DONE) {
        r = -ECONNABORTED;
    } else if (r == 0) {
        answer_done(ret);
    }
    return r;
}

static int look_at_requests(struct source *s, bool *ret_first, struct answer *ret)
{
    const char *query = s->settings->orders_query;
    _cleanup_free_ char *since = NULL, *encoded = NULL, *path = NULL;
    int r = load_since(s, "ServiceRequest", &since);

    if (r < 0)
        return r;
    *ret_first = !since;
    s->type = "ServiceRequest";
    encoded = since ? uri_encode(since) : NULL;
    path = memory_print("ServiceRequest?%s%s%s%s&%s", query ? query : "", query ? "&" : "",
                        since ? "_lastUpdated=ge" : "status=active,on-hold", encoded ? encoded : "",
                        BELONGING);
    r = search(s, path, take_orders, ret);
    return r < 0 ? r : save_since(s, s->type, s->newest);
}

/* --- orders whose appointment, task or patient changed --- */

static void add_again(struct source *s, const char *reference)
{
    const char *at = reference ? strstr(reference, "ServiceRequest/") : NULL;
    _cleanup_free_ char *id = at ? memory_text(at + 15, strcspn(at + 15, "/")) : NULL;

    if (id && *id)
        (void)json_object_set_new(s->again, id, json_true());
}

static int add_orders_of_patient(struct source *s, const json_t *patient)
{
    const char *id = node_get_text(patient, "id");
    _cleanup_free_ char *name = id ? memory_print("Patient/%s", id) : NULL;
    const char *const values[] = {s->settings->url, name};
    PGresult *rows;
    int r;

    if (!name)
        return 0;
    r = db_query(s->db,
                 "select source_reference from isthmus.worklist_order where source_url = $1 "
                 "and patient_reference in ($2, $1 || '/' || $2) "
                 "and status in ('draft', 'active', 'on-hold')",
                 2, values, &rows);
    if (r < 0)
        return r;
    for (int i = 0; i < PQntuples(rows); i++)
        add_again(s, PQgetvalue(rows, i, 0));
    PQclear(rows);
    return 0;
}

static int take_changed(void *context, json_t *bundle)
{
    struct source *s = context;
    const json_t *entry, *reference;
    size_t i, k;
    int r = 0;

    json_array_foreach (json_object_get(bundle, "entry"), i, entry) {
        const json_t *resource = json_object_get(entry, "resource");

        note_time(s, resource);
        json_array_foreach (json_object_get(resource, "basedOn"), k, reference)
            add_again(s, node_get_text(reference, "reference"));
        if (r == 0 && is_resource(resource, "Patient"))
            r = add_orders_of_patient(s, resource);
    }
    return r;
}

/* One search for at most IDS_MAX of the ids that are left. */
static int read_some_again(struct source *s, struct answer *ret)
{
    _cleanup_free_ char *ids = memory_print("%s", ""), *path = NULL;
    _cleanup_json_ json_t *taken = json_array();
    const char *id;
    const json_t *unused;
    size_t i;

    json_object_foreach (s->again, id, unused) {
        _cleanup_free_ char *encoded = uri_encode(id), *before = ids;

        ids = memory_print("%s%s%s", before, *before ? "," : "", encoded);
        (void)json_array_append_new(taken, json_string(id));
        if (json_array_size(taken) == IDS_MAX)
            break;
    }
    json_array_foreach (taken, i, unused)
        (void)json_object_del(s->again, json_string_value(unused));
    path = memory_print("ServiceRequest?_id=%s&%s", ids, BELONGING);
    return search(s, path, take_orders, ret);
}

static int look_at_others(struct source *s, const char *type, bool first, struct answer *ret)
{
    _cleanup_free_ char *since = NULL, *path = NULL, *encoded = NULL, *reached = NULL;
    _cleanup_free_ char *of_requests = NULL;
    int r = load_since(s, type, &since);

    if (r < 0)
        return r;
    if (!since || first)
        return save_since(s, type, s->newest);
    of_requests = TAKE_PTR(s->newest);
    s->type = type;
    encoded = uri_encode(since);
    path = memory_print("%s?_lastUpdated=ge%s&" PAGE, type, encoded);
    r = search(s, path, take_changed, ret);
    if (r == -ECONNABORTED && ret->verdict == VERDICT_NEVER) {
        log_debug("the server has no search for %s", type);
        answer_done(ret);
        r = 0;
    }
    reached = TAKE_PTR(s->newest);
    while (r == 0 && json_object_size(s->again) > 0)
        r = read_some_again(s, ret);
    if (r == 0)
        r = save_since(s, type, reached);
    free(s->newest);
    s->newest = TAKE_PTR(of_requests);
    return r;
}

static int look(struct source *s, struct answer *ret)
{
    static const char *const others[] = {"Appointment", "Task", "Patient"};
    bool first = true;
    int r;

    s->created = s->updated = s->refused = 0;
    free(TAKE_PTR(s->newest));
    (void)json_object_clear(s->again);
    r = look_at_requests(s, &first, ret);
    for (size_t i = 0; r == 0 && i < sizeof others / sizeof *others; i++)
        r = look_at_others(s, others[i], first, ret);
    if (s->created + s->updated > 0)
        log_info("orders: %lld new, %lld changed", s->created, s->updated);
    return r;
}

/* How long to wait after a look that ended with @r. */
static int wait_ms(struct source *s, int r, struct answer *a)
{
    int64_t ms, max_ms = (int64_t)s->settings->pause_max_s * 1000;
    int64_t asked_ms = r == -ECONNABORTED ? (int64_t)a->retry_after_s * 1000 : 0;

    if (r == 0) {
        if (s->failures > 0)
            log_info("orders are read again after %d trials", s->failures);
        s->failures = 0;
        return s->settings->orders_interval_s * 1000;
    }
    ms = backoff_ms(++s->failures, FIRST_MS, max_ms, asked_ms < max_ms ? asked_ms : max_ms,
                    backoff_lot());
    if (s->failures == 1)
        log_warning("orders cannot be read (%s), trying again",
                    r == -ECONNABORTED ? a->reason : db_problem(s->db));
    if (r == -ECONNABORTED)
        answer_done(a);
    else
        db_disconnect(s->db);
    return (int)ms;
}

int order_source_run(struct db *db, const struct settings *settings,
                     const struct order_rules *rules, const struct worklist_options *options)
{
    struct source s = {.db = db, .settings = settings, .rules = rules, .options = options};
    _cleanup_free_ char *message = NULL;

    if (client_new(&settings->delivery, settings->mapping.release, &s.client, &message) < 0) {
        log_error("orders cannot be read: %s", message);
        return -EINVAL;
    }
    s.again = json_object();
    while (!stop_requested()) {
        struct answer answer = {0};
        int r = look(&s, &answer);

        (void)stop_wait(wait_ms(&s, r, &answer));
    }
    json_decref(s.again);
    free(s.newest);
    (void)client_free(s.client);
    return 0;
}
