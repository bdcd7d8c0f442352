#include "fhir/order_belonging.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/uri.h"
#include "store/base/cleanup.h"
#include "store/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of the values of 50 patients, latest first; who is not among the first 2000 goes without. */
#define PAGES_MAX 10

int order_belonging_held(struct db *db, const char *url, const json_t *requests, json_t **ret)
{
    _cleanup_json_ json_t *names = json_array();
    _cleanup_free_ char *text = NULL;
    const char *name, *values[2] = {url, NULL};
    const json_t *request;
    PGresult *rows;
    int r;

    json_object_foreach ((json_t *)requests, name, request)
        (void)json_array_append_new(names, json_string(name));
    text = json_dumps(names, JSON_COMPACT);
    values[1] = text;
    r = db_query(
        db,
        "select coalesce(jsonb_object_agg(o.source_reference, jsonb_build_object('version', "
        "o.source_version, 'steps', (select jsonb_agg(s.source_reference) "
        "from isthmus.worklist_step s where s.order_key = o.order_key "
        "and s.source_reference is not null and s.status in ('SCHEDULED', 'ARRIVED', 'READY')))), "
        "'{}') from isthmus.worklist_order o where o.source_url = $1 and o.source_reference in "
        "(select jsonb_array_elements_text($2::jsonb))",
        2, values, &rows);
    if (r < 0)
        return r;
    *ret = json_loads(PQgetvalue(rows, 0, 0), 0, NULL);
    PQclear(rows);
    return *ret ? 0 : -ENOMEM;
}

static int add_page(void *context, json_t *bundle)
{
    pool_add_all(context, bundle);
    return 0;
}

/* Resources of @type whose @parameter is one of @names, in portions. */
static int ask_for(struct order_server *s, struct pool *pool, const char *type,
                   const char *parameter, const json_t *names, const char *more, int pages_max)
{
    _cleanup_free_ char *list = NULL;
    const json_t *unused;
    const char *name;
    size_t n = 0;
    int r = 0;

    json_object_foreach ((json_t *)names, name, unused) {
        _cleanup_free_ char *encoded = uri_encode(name), *before = list, *path = NULL;

        list = memory_print("%s%s%s", before ? before : "", before ? "," : "", encoded);
        if (++n % ORDER_SERVER_IDS != 0 && n < json_object_size(names))
            continue;
        path = memory_print("%s?%s=%s%s&_count=200", type, parameter, list, more);
        free(TAKE_PTR(list));
        if (r == 0 && !order_server_lacks(s, type))
            r = order_server_ask(s, type, path, add_page, pool, pages_max);
    }
    return r;
}

int order_belonging_steps(struct order_server *s, struct pool *pool, const json_t *requests)
{
    int r = ask_for(s, pool, "Appointment", "based-on", requests, "", 0);

    return r < 0 ? r : ask_for(s, pool, "Task", "based-on", requests, "", 0);
}

static int cancel_step(struct db *db, const char *url, const char *name)
{
    const char *const values[] = {url, name};

    log_info("%s was deleted on the server: its step is cancelled", name);
    return db_query(db, "select isthmus.worklist_step_gone($1, $2)", 2, values, NULL);
}

static int add_missing(struct order_server *s, struct db *db, struct pool *pool, const char *name)
{
    json_t *resource = NULL;
    int status = 0, r;

    if (pool_has(pool, name))
        return 0;
    r = order_server_probe(s, name, &resource, &status);
    if (r == 0)
        pool_add(pool, NULL, resource);
    json_decref(resource);
    return r == -ENOENT ? cancel_step(db, s->url, name) : r;
}

int order_belonging_missing(struct order_server *s, struct db *db, struct pool *pool,
                            const json_t *requests, const json_t *held)
{
    const json_t *request, *step;
    const char *name;
    size_t i;
    int r = 0;

    json_object_foreach ((json_t *)requests, name, request)
        json_array_foreach (json_object_get(json_object_get(held, name), "steps"), i, step)
            if (r == 0)
                r = add_missing(s, db, pool, json_string_value(step));
    return r;
}

int order_belonging_patients(struct order_server *s, struct pool *pool, const json_t *requests)
{
    _cleanup_json_ json_t *patients = json_object();
    const json_t *request;
    const char *name;
    int r;

    json_object_foreach ((json_t *)requests, name, request) {
        const json_t *patient = pool_find(pool, request, json_object_get(request, "subject"));
        const char *id = node_get_text(patient, "id"),
                   *type = node_get_text(patient, "resourceType");

        if (id && type && strcmp(type, "Patient") == 0) {
            _cleanup_free_ char *patient_name = memory_print("Patient/%s", id);

            (void)json_object_set_new(patients, patient_name, json_true());
        }
        if (s->failed)
            return -ECONNABORTED;
    }
    r = ask_for(s, pool, "Observation", "patient", patients,
                "&code=29463-7,8302-2,82810-3&_sort=-date", PAGES_MAX);
    return r < 0 ? r : ask_for(s, pool, "AllergyIntolerance", "patient", patients, "", PAGES_MAX);
}
