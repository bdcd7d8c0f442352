#include "store/index_batch.h"

#include <errno.h>
#include <stdbool.h>

static bool send_all(PGconn *connection, const char *statement, const struct index_batch_row *rows,
                     size_t n)
{
    bool sent = PQsendQueryParams(connection, "begin", 0, NULL, NULL, NULL, NULL, 0) == 1;

    for (size_t i = 0; sent && i < n; i++)
        sent = PQsendQueryPrepared(connection, statement, INDEX_PARAMETERS, rows[i].values, NULL,
                                   NULL, 0) == 1;
    return sent && PQsendQueryParams(connection, "commit", 0, NULL, NULL, NULL, NULL, 0) == 1 &&
           PQpipelineSync(connection) == 1;
}

/* Results come for begin, each row, commit and the end of the pipeline; each but the last with a
 * null result behind it. The first error counts, the rest was not executed. */
static int take_results(struct db *db, struct index_batch_row *rows, size_t n)
{
    int error = 0;

    for (size_t i = 0; i < n + 3; i++) {
        PGresult *result = db_connection(db) ? PQgetResult(db_connection(db)) : NULL;
        ExecStatusType status = PQresultStatus(result);

        if (!result)
            return error < 0 ? error : -EAGAIN;
        if (status == PGRES_TUPLES_OK && i > 0 && i <= n)
            rows[i - 1].result = index_result_of(PQgetvalue(result, 0, 0));
        else if (error == 0 && status != PGRES_PIPELINE_SYNC && status != PGRES_PIPELINE_ABORTED)
            error = db_check(db, result);
        PQclear(result);
        if (status != PGRES_PIPELINE_SYNC && db_connection(db))
            PQclear(PQgetResult(db_connection(db)));
    }
    return error;
}

/* Either all of them are committed or none. */
static int put_together(struct db *db, struct index_batch_row *rows, size_t n)
{
    const char *statement = NULL;
    int r = db_prepare(db, index_put_statement, INDEX_PARAMETERS, &statement);

    if (r < 0)
        return r;
    if (PQenterPipelineMode(db_connection(db)) == 1 &&
        send_all(db_connection(db), statement, rows, n))
        r = take_results(db, rows, n);
    else
        r = -EAGAIN;
    if (db_connection(db) && PQexitPipelineMode(db_connection(db)) != 1)
        db_disconnect(db);
    if (r < 0 && db_connection(db) && PQtransactionStatus(db_connection(db)) != PQTRANS_IDLE &&
        db_script(db, "rollback") < 0)
        db_disconnect(db);
    return r;
}

int index_put_batch(struct db *db, struct index_batch_row *rows, size_t n)
{
    int r = put_together(db, rows, n);

    for (size_t i = 0; i < n; i++)
        rows[i].error = 0;
    if (r == 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        rows[i].error = index_put_values(db, rows[i].values, &rows[i].result, NULL);
        if (rows[i].error < 0 && rows[i].error != -EINVAL)
            return rows[i].error;
    }
    return 0;
}
