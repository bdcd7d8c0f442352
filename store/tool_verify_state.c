#include "store/tool_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { INSTANCE, CONFLICT, ROWS, BYTES, WRONG };

int verify_begin(struct verify *v, bool restart)
{
    PGresult *state;
    bool alone;
    int code =
        tool_query(v->tool, "select pg_try_advisory_lock(hashtextextended('isthmus verify', 0))", 0,
                   NULL, &state);

    if (code != TOOL_FINE)
        return code;
    alone = *PQgetvalue(state, 0, 0) == 't';
    PQclear(state);
    if (!alone)
        return tool_fail(v->tool, TOOL_CANNOT, "it is running already; let it finish");
    if (restart)
        code = verify_end(v);
    if (code == TOOL_FINE)
        code = tool_query(v->tool,
                          "insert into isthmus.verification default values on conflict (one) "
                          "do update set one = true "
                          "returning instance_key, conflict_key, rows, bytes, wrong",
                          0, NULL, &state);
    if (code != TOOL_FINE)
        return code;
    (void)snprintf(v->last_instance, sizeof v->last_instance, "%s", PQgetvalue(state, 0, INSTANCE));
    (void)snprintf(v->last_conflict, sizeof v->last_conflict, "%s", PQgetvalue(state, 0, CONFLICT));
    v->rows = strtoull(PQgetvalue(state, 0, ROWS), NULL, 10);
    v->bytes_before = strtoull(PQgetvalue(state, 0, BYTES), NULL, 10);
    v->wrong = strtoull(PQgetvalue(state, 0, WRONG), NULL, 10);
    PQclear(state);
    return TOOL_FINE;
}

int verify_save(const struct verify *v)
{
    char rows[24], bytes[24], wrong[24];
    const char *const values[] = {v->last_instance, v->last_conflict, rows, bytes, wrong};
    PGresult *result;
    int code;

    (void)snprintf(rows, sizeof rows, "%" PRIu64, v->rows);
    (void)snprintf(bytes, sizeof bytes, "%" PRIu64, v->bytes_before + atomic_load(&v->bytes));
    (void)snprintf(wrong, sizeof wrong, "%" PRIu64, v->wrong);
    code = tool_query(v->tool,
                      "update isthmus.verification set instance_key = $1, conflict_key = $2, "
                      "rows = $3, bytes = $4, wrong = $5",
                      5, values, &result);
    if (code == TOOL_FINE)
        PQclear(result);
    return code;
}

int verify_end(const struct verify *v)
{
    PGresult *result;
    int code = tool_query(v->tool, "delete from isthmus.verification", 0, NULL, &result);

    if (code == TOOL_FINE)
        PQclear(result);
    return code;
}

void verify_report(struct verify *v, uint64_t blob, const char *what, const char *sop_uid)
{
    char path[STORE_PATH_MAX];

    v->wrong++;
    store_path(blob, path);
    if (v->problems) {
        (void)json_array_append_new(v->problems,
                                    json_pack("{s:s,s:s,s:s?}", "file", path, "problem", what,
                                              "sop_instance_uid", sop_uid));
        return;
    }
    progress_end(&v->progress);
    (void)printf("%s: %s%s%s\n", path, what, sop_uid ? ", instance " : "", sop_uid ? sop_uid : "");
}
