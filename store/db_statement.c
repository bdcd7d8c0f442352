#include "store/base/clock.h"
#include "store/db_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIPELINE_RESULTS 3 /* of a rollback, null behind it, and of the end */
#define LOOK_MS 1000       /* between looks at what poll() does not see, inside TLS */

/* The classes of PostgreSQL's Appendix A that say "not now" rather than "not this": connection,
 * transaction rollback, resources, operator intervention, system error; and a lock that was not
 * to be had in time. */
static bool is_temporary(const char *sqlstate)
{
    static const char *const classes[] = {"08", "40", "53", "57", "58", "55P03"};

    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strncmp(sqlstate, classes[i], strlen(classes[i])) == 0)
            return true;
    return false;
}

/* The connection is of no use although it stands: a standby after a switch-over stays one (the
 * primary is looked for among the hosts again), and after a migration or behind a pooler the
 * statements that we prepared are not what they were. */
static bool is_stale(const char *sqlstate)
{
    static const char *const states[] = {"25006", "26000", "0A000"};

    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(sqlstate, states[i]) == 0)
            return true;
    return false;
}

/* Only SQLSTATE and the name of a constraint: PQresultErrorMessage() can hold values. */
static int fail(struct db *db, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    bool lost = !db->connection || PQstatus(db->connection) != CONNECTION_OK || !state;
    bool temporary = lost || is_temporary(state) || is_stale(state);

    (void)snprintf(db->problem, sizeof db->problem, "%s%s%s", state ? state : "connection lost",
                   constraint ? " " : "", constraint ? constraint : "");
    if (lost || is_stale(state))
        db_disconnect(db);
    return temporary ? -EAGAIN : -EINVAL;
}

int db_check(struct db *db, const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE || status == PGRES_COMMAND_OK
               ? 0
               : fail(db, result);
}

static int finish(struct db *db, PGresult *result, PGresult **ret)
{
    int r = db_check(db, result);

    if (r == 0 && ret)
        *ret = result;
    else
        PQclear(result);
    return r;
}

/* The server's statement_timeout ends no COMMIT that waits for a standby or a disk, and nothing at
 * all where the server stands still. */
static bool wait_for_answer(const struct db *db)
{
    const int64_t end = clock_ms() + db->answer_ms;

    while (PQisBusy(db->connection)) {
        int64_t left = db->answer_ms > 0 ? end - clock_ms() : LOOK_MS;
        short more = PQflush(db->connection) > 0 ? POLLOUT : 0;
        struct pollfd p = {PQsocket(db->connection), (short)(POLLIN | more), 0};

        if (left <= 0)
            return false;
        (void)poll(&p, 1, (int)(left < LOOK_MS ? left : LOOK_MS));
        if (PQconsumeInput(db->connection) == 0)
            return true; /* PQgetResult() says what is the matter */
    }
    return true;
}

PGresult *db_next_result(struct db *db)
{
    if (db->connection && !wait_for_answer(db))
        db_disconnect(db);
    return db->connection ? PQgetResult(db->connection) : NULL;
}

/* That of the one statement that was @sent: the last, as a COMMIT that fails comes behind rows. */
static int take_result(struct db *db, int sent, PGresult **ret)
{
    PGresult *result = NULL, *next;

    while (sent == 1 && (next = db_next_result(db))) {
        PQclear(result);
        result = next;
    }
    if (!db->connection) {
        PQclear(result);
        result = NULL;
    }
    return finish(db, result, ret);
}

static const struct statement *find_statement(const struct db *db, const char *sql)
{
    for (const struct statement *s = db->statements; s; s = s->before)
        if (s->sql == sql)
            return s;
    return NULL;
}

static int prepare(struct db *db, const char *sql, int n, const struct statement **ret)
{
    struct statement *statement = malloc(sizeof *statement);
    int r;

    if (!statement)
        return -ENOMEM;
    *statement = (struct statement){.before = db->statements, .sql = sql};
    (void)snprintf(statement->name, sizeof statement->name, "s%u", db->n_statements);
    r = take_result(db, PQsendPrepare(db->connection, statement->name, sql, n, NULL), NULL);
    if (r < 0) {
        free(statement);
        return r;
    }
    db->statements = statement;
    db->n_statements++;
    *ret = statement;
    return 0;
}

/* For one statement: while another is under way the next result is that one's. */
static int make_ready(struct db *db)
{
    int r = db_connect(db);

    return r == 0 && PQpipelineStatus(db->connection) != PQ_PIPELINE_OFF ? fail(db, NULL) : r;
}

static int find_or_prepare(struct db *db, const char *sql, int n, const struct statement **ret)
{
    int r = make_ready(db);

    if (r < 0)
        return r;
    *ret = find_statement(db, sql);
    return *ret ? 0 : prepare(db, sql, n, ret);
}

int db_prepare(struct db *db, const char *sql, int n, const char **ret_name)
{
    const struct statement *statement;
    int r = find_or_prepare(db, sql, n, &statement);

    if (r == 0)
        *ret_name = statement->name;
    return r;
}

int db_query(struct db *db, const char *sql, int n, const char *const *values, PGresult **ret)
{
    const struct statement *statement;
    int r = find_or_prepare(db, sql, n, &statement);

    if (r < 0)
        return r;
    return take_result(
        db, PQsendQueryPrepared(db->connection, statement->name, n, values, NULL, NULL, 0), ret);
}

int db_query_once(struct db *db, const char *sql, int n, const char *const *values, PGresult **ret)
{
    int r = make_ready(db);

    if (r < 0)
        return r;
    return take_result(db, PQsendQueryParams(db->connection, sql, n, NULL, values, NULL, NULL, 0),
                       ret);
}

int db_send(struct db *db, const char *sql, int n, const char *const *values)
{
    const struct statement *statement;
    int r = find_or_prepare(db, sql, n, &statement);

    if (r < 0)
        return r;
    if (PQenterPipelineMode(db->connection) == 1 &&
        PQsendQueryPrepared(db->connection, statement->name, n, values, NULL, NULL, 0) == 1 &&
        PQsendFlushRequest(db->connection) == 1 && PQflush(db->connection) >= 0)
        return 0;
    return fail(db, NULL);
}

int db_receive(struct db *db, PGresult **ret)
{
    PGresult *result = db_next_result(db);
    int r;

    PQclear(db_next_result(db)); /* null, behind it */
    r = db->connection ? db_check(db, result) : fail(db, NULL);
    if (r < 0) {
        PQclear(result);
        db_rollback(db);
        return r;
    }
    *ret = result;
    return 0;
}

/* The transaction of db_send() ends where its pipeline does. */
static int end_pipeline(struct db *db)
{
    ExecStatusType status = PGRES_EMPTY_QUERY;
    int r = PQpipelineSync(db->connection) == 1 ? 0 : fail(db, NULL);

    for (int i = 0; i < PIPELINE_RESULTS && db->connection && status != PGRES_PIPELINE_SYNC; i++) {
        PGresult *result = db_next_result(db);

        status = PQresultStatus(result);
        if (r == 0 && result && status == PGRES_FATAL_ERROR)
            r = db_check(db, result);
        PQclear(result);
    }
    if (status == PGRES_PIPELINE_SYNC && PQexitPipelineMode(db->connection) == 1)
        return r;
    return fail(db, NULL);
}

/* On a connection made anew "commit" would succeed and commit nothing. */
int db_commit(struct db *db)
{
    if (db->connection && PQpipelineStatus(db->connection) == PQ_PIPELINE_ON)
        return end_pipeline(db);
    if (db->connection && PQtransactionStatus(db->connection) == PQTRANS_INTRANS)
        return take_result(db, PQsendQuery(db->connection, "commit"), NULL);
    db_disconnect(db);
    (void)snprintf(db->problem, sizeof db->problem, "transaction lost");
    return -EAGAIN;
}

void db_rollback(struct db *db)
{
    if (db->connection && PQpipelineStatus(db->connection) != PQ_PIPELINE_OFF &&
        (PQsendQueryParams(db->connection, "rollback", 0, NULL, NULL, NULL, NULL, 0) != 1 ||
         end_pipeline(db) < 0))
        db_disconnect(db); /* without it, the end of the pipeline is a COMMIT */
    if (db->connection && PQtransactionStatus(db->connection) != PQTRANS_IDLE &&
        take_result(db, PQsendQuery(db->connection, "rollback"), NULL) < 0)
        db_disconnect(db);
}

int db_script(struct db *db, const char *sql)
{
    int r = db_connect(db);

    return r < 0 ? r : take_result(db, PQsendQuery(db->connection, sql), NULL);
}
