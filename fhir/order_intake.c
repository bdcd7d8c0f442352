#include "fhir/order_intake.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/order_belonging.h"
#include "fhir/service_order.h"
#include "store/base/cleanup.h"
#include "store/base/log.h"

#include <errno.h>
#include <string.h>

#define PAGE "_count=200"
#define REFUSED_MAX 1000

void order_intake_open(struct order_intake *in)
{
    in->found = json_object();
    in->refused = json_object();
}

void order_intake_close(struct order_intake *in)
{
    json_decref(in->found);
    json_decref(in->refused);
    in->found = in->refused = NULL;
}

void order_intake_begin(struct order_intake *in, enum intake_mode mode)
{
    in->mode = mode;
    (void)json_object_clear(in->found);
}

const char *order_intake_query(const struct order_intake *in)
{
    return in->server->one_by_one
               ? PAGE
               : "_include=ServiceRequest:subject&_include=ServiceRequest:requester"
                 "&_include=ServiceRequest:encounter&_include=ServiceRequest:performer"
                 "&_revinclude=Appointment:based-on&_revinclude=Task:based-on"
                 "&_include:iterate=Appointment:actor&_include:iterate=Task:owner"
                 "&_include:iterate=PractitionerRole:practitioner&" PAGE;
}

static const char *version_of(const json_t *request)
{
    return node_get_text(json_object_get(request, "meta"), "versionId");
}

/* Whether the order is to be put; it is noted in any case. */
static bool is_wanted(struct order_intake *in, const char *name, const json_t *request,
                      const json_t *held)
{
    const char *version = version_of(request), *before = node_get_text(in->found, name);
    const char *known = node_get_text(json_object_get(held, name), "version");

    bool again = version && before && strcmp(version, before) == 0; /* pages overlap */
    bool same = version && known && strcmp(version, known) == 0;

    in->read++;
    (void)json_object_set_new(in->found, name, json_string(version ? version : ""));
    return !again && !(same && in->mode == INTAKE_CHANGED);
}

/* The name of a resource says nothing about a patient. The same version is complained about
 * once. */
static void log_faults(struct order_intake *in, const char *name, const json_t *faults)
{
    const char *said = node_get_text(in->refused, name), *version = node_get_text(in->found, name);
    const json_t *fault;
    size_t i;

    if (said && version && strcmp(said, version) == 0)
        return;
    if (json_object_size(in->refused) >= REFUSED_MAX)
        (void)json_object_clear(in->refused);
    (void)json_object_set_new(in->refused, name, json_string(version ? version : ""));
    json_array_foreach (faults, i, fault)
        log_warning("%s is refused: %s", name, json_string_value(fault));
}

static void count_results(struct order_intake *in, const json_t *names, const json_t *results)
{
    const json_t *result;
    size_t i;

    json_array_foreach (results, i, result) {
        const char *name = json_string_value(json_array_get(names, i));
        const char *what = node_get_text(result, "result");
        bool refused = what && strcmp(what, "refused") == 0;

        in->created += what && strcmp(what, "created") == 0;
        in->updated += what && strcmp(what, "updated") == 0;
        if (refused)
            log_faults(in, name, json_object_get(result, "faults"));
        else
            (void)json_object_del(in->refused, name);
    }
}

static void push_order(struct order_intake *in, const char *name, json_t *order, json_t *orders,
                       json_t *names)
{
    if (in->mode == INTAKE_CURRENT)
        (void)json_object_set_new(order, "current", json_true());
    (void)json_array_append_new(orders, order);
    (void)json_array_append_new(names, json_string(name));
}

/* What is over needs no more than to be known; NULL: it goes on. */
static json_t *order_that_is_over(const struct order_intake *in, const char *name,
                                  const json_t *request)
{
    static const char *const over[] = {"revoked", "entered-in-error", "completed"};
    const char *status = node_get_text(request, "status");

    for (size_t i = 0; status && i < sizeof over / sizeof *over; i++)
        if (strcmp(status, over[i]) == 0) {
            const json_t *meta = json_object_get(request, "meta");

            return json_pack("{s:{}, s:s, s:s, s:s, s:s*, s:s*}", "attributes", "status", status,
                             "source_url", in->server->url, "source_reference", name,
                             "source_version", node_get_text(meta, "versionId"),
                             "source_updated_at", node_get_text(meta, "lastUpdated"));
        }
    return NULL;
}

/* The orders that @wanted are, with the names that they have at the server. */
static int read_orders(struct order_intake *in, const struct pool *pool, const json_t *wanted,
                       json_t *orders, json_t *names)
{
    const json_t *request;
    const char *name;

    json_object_foreach ((json_t *)wanted, name, request) {
        json_t *result = NULL, *over;
        int r = service_order_read(in->rules, pool, request, in->server->url, &result);

        if (in->server->failed) {
            json_decref(result);
            return -ECONNABORTED;
        }
        over = r == 0 ? NULL : order_that_is_over(in, name, request);
        if (r == 0)
            push_order(in, name, json_incref(result), orders, names);
        else if (over)
            push_order(in, name, over, orders, names);
        else if (r == -EBADMSG)
            log_faults(in, name, result);
        json_decref(result);
    }
    return 0;
}

static int put_orders(struct order_intake *in, const struct pool *pool, const json_t *wanted)
{
    _cleanup_json_ json_t *orders = json_array(), *names = json_array(), *results = NULL;
    int r = read_orders(in, pool, wanted, orders, names);

    if (r < 0 || json_array_size(orders) == 0)
        return r;
    r = worklist_put(in->db, orders, in->options, &results);
    if (r < 0)
        return r;
    in->put += (long long)json_array_size(orders);
    count_results(in, names, results);
    return 0;
}

/* @requests without those that are in the worklist as they are. */
static json_t *choose(struct order_intake *in, const json_t *requests, const json_t *held)
{
    json_t *wanted = json_object(), *request;
    const char *name;

    json_object_foreach ((json_t *)requests, name, request)
        if (is_wanted(in, name, request, held))
            (void)json_object_set(wanted, name, request);
    return wanted;
}

static int take(struct order_intake *in, struct pool *pool)
{
    _cleanup_json_ json_t *held = NULL, *wanted = NULL;
    int r = order_belonging_held(in->db, in->server->url, pool_requests(pool), &held);

    if (r < 0)
        return r;
    wanted = choose(in, pool_requests(pool), held);
    if (json_object_size(wanted) == 0)
        return 0;
    if (in->server->one_by_one)
        r = order_belonging_steps(in->server, pool, wanted);
    if (r == 0)
        r = order_belonging_missing(in->server, in->db, pool, wanted, held);
    if (r == 0 && in->patient_data)
        r = order_belonging_patients(in->server, pool, wanted);
    return r < 0 ? r : put_orders(in, pool, wanted);
}

int order_intake_page(struct order_intake *in, json_t *bundle)
{
    struct pool *pool = pool_new(in->server->url, order_server_fetch, in->server);
    int r;

    if (!in->server->one_by_one && search_ignores(bundle, "_revinclude")) {
        log_warning("the server does not send along what belongs to orders (_revinclude); it is "
                    "asked for by itself");
        in->server->one_by_one = true;
    }
    pool_add_all(pool, bundle);
    r = take(in, pool);
    (void)pool_free(pool);
    return r;
}
