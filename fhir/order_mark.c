#include "fhir/order_mark.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/when.h"
#include "store/base/cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void order_mark_note(struct order_mark *m, const json_t *resource)
{
    const char *type = node_get_text(resource, "resourceType");
    const char *text = node_get_text(json_object_get(resource, "meta"), "lastUpdated");
    int64_t s;

    if (type && text && strcmp(type, m->type) == 0 && when_instant(text, &s) && s > m->newest_s)
        m->newest_s = s;
}

int64_t order_mark_reached(const struct order_mark *m, int64_t began_at_s)
{
    return began_at_s > 0 && began_at_s < m->newest_s ? began_at_s : m->newest_s;
}

int order_mark_load(struct db *db, const char *url, const char *type, int64_t *ret_s)
{
    const char *const values[] = {url, type};
    PGresult *rows;
    int r = db_query(db,
                     "select extract(epoch from last_updated)::bigint from isthmus.worklist_source "
                     "where source_url = $1 and resource_type = $2",
                     2, values, &rows);

    if (r < 0)
        return r;
    *ret_s = PQntuples(rows) > 0 ? strtoll(PQgetvalue(rows, 0, 0), NULL, 10) : 0;
    PQclear(rows);
    return 0;
}

int order_mark_save(struct db *db, const char *url, const char *const *types, int64_t s)
{
    _cleanup_json_ json_t *list = json_array();
    _cleanup_free_ char *text = NULL;
    char seconds[24];
    const char *values[3] = {url, NULL, seconds};

    if (s == 0)
        return 0;
    for (; *types; types++)
        (void)json_array_append_new(list, json_string(*types));
    text = json_dumps(list, JSON_COMPACT);
    values[1] = text;
    (void)snprintf(seconds, sizeof seconds, "%" PRId64, s);
    return db_query(db,
                    "insert into isthmus.worklist_source (source_url, resource_type, last_updated) "
                    "select $1, t, to_timestamp($3::bigint) from jsonb_array_elements_text($2) t "
                    "on conflict (source_url, resource_type) do update set "
                    "last_updated = excluded.last_updated",
                    3, values, NULL);
}

int order_mark_forget(struct db *db, const char *url)
{
    const char *const values[] = {url};

    return db_query(db, "delete from isthmus.worklist_source where source_url = $1", 1, values,
                    NULL);
}

char *order_mark_query(int64_t since_s)
{
    time_t since = since_s;
    struct tm tm;
    char text[40];

    (void)gmtime_r(&since, &tm);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H%%3A%M%%3A%SZ", &tm);
    return memory_print("_lastUpdated=ge%s", text);
}
