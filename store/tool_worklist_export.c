#include "store/base/cleanup.h"
#include "store/identifier.h"
#include "store/tool_worklist.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define EXPLICIT_LITTLE_ENDIAN "1.2.840.10008.1.2.1"

/* An order in the form of worklist_put(), with the status that each step has by now. */
static const char select_orders[] =
    "select jsonb_strip_nulls(jsonb_build_object('source', o.source, 'source_url', o.source_url, "
    "'source_reference', o.source_reference, 'source_version', o.source_version, "
    "'patient_reference', o.patient_reference, 'encounter_reference', o.encounter_reference, "
    "'status', o.status, 'attributes', o.attributes || jsonb_build_object('00400100', "
    "jsonb_build_object('vr', 'SQ', 'Value', jsonb_agg(w.step_attributes || "
    "jsonb_build_object('00400020', jsonb_build_object('vr', 'CS', 'Value', "
    "jsonb_build_array(w.step_status))) order by w.step_key)))))::text, o.order_key "
    "from isthmus.worklist w join isthmus.worklist_order o using (order_key) "
    "where " WORKLIST_CONDITION "group by o.order_key order by o.order_key";

static const char select_items[] =
    "select (w.order_attributes || jsonb_build_object('00400100', jsonb_build_object('vr', 'SQ', "
    "'Value', jsonb_build_array(w.step_attributes || jsonb_build_object('00400020', "
    "jsonb_build_object('vr', 'CS', 'Value', jsonb_build_array(w.step_status)))))))::text, "
    "w.order_key, w.step_key from isthmus.worklist w where " WORKLIST_CONDITION
    "order by w.order_key, w.step_key";

static int print_orders(const struct tool *t, const PGresult *rows)
{
    json_t *orders = json_array();

    for (int i = 0; i < PQntuples(rows); i++)
        if (json_array_append_new(orders, json_loads(PQgetvalue(rows, i, 0), 0, NULL)) < 0) {
            json_decref(orders);
            orders = NULL;
            break;
        }
    return tool_print_json(t, orders);
}

static int write_file(const char *path, const uint8_t *bytes, size_t n)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    for (size_t done = 0; done < n;) {
        ssize_t written = write(fd, bytes + done, n - done);

        if (written < 0)
            return -errno;
        done += (size_t)written;
    }
    return 0;
}

/* A data set of its own, in UTF-8 where it needs more than ASCII. */
static int write_item(const struct tool *t, const char *directory, const PGresult *rows, int row)
{
    json_t *item = json_loads(PQgetvalue(rows, row, 0), 0, NULL);
    _cleanup_free_ uint8_t *bytes = NULL;
    char path[PATH_MAX];
    size_t n = 0;
    int r =
        item ? identifier_encode(item, "ISO_IR 192", EXPLICIT_LITTLE_ENDIAN, &bytes, &n) : -ENOMEM;

    json_decref(item);
    (void)snprintf(path, sizeof path, "%s/%s-%s.wl", directory, PQgetvalue(rows, row, 1),
                   PQgetvalue(rows, row, 2));
    if (r == 0)
        r = write_file(path, bytes, n);
    return r < 0 ? tool_fail(t, TOOL_CANNOT, "%s: %s", path, strerrordesc_np(-r)) : TOOL_FINE;
}

static int write_items(const struct tool *t, const char *directory, const PGresult *rows)
{
    int code = TOOL_FINE;

    if (mkdir(directory, 0700) < 0 && errno != EEXIST)
        return tool_fail(t, TOOL_CANNOT, "%s: %s", directory, strerror(errno));
    for (int i = 0; i < PQntuples(rows) && code == TOOL_FINE; i++)
        code = write_item(t, directory, rows, i);
    return code;
}

int tool_worklist_export(const struct tool *t, const struct worklist_request *q)
{
    const char *values[WORKLIST_FILTERS];
    PGresult *rows;
    int code;

    tool_worklist_filters(q, values);
    code =
        tool_query(t, q->directory ? select_items : select_orders, WORKLIST_FILTERS, values, &rows);
    if (code != TOOL_FINE)
        return code;
    code = q->directory ? write_items(t, q->directory, rows) : print_orders(t, rows);
    PQclear(rows);
    return code;
}
