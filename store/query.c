#include "store/query.h"
#include "store/base/clock.h"
#include "store/query_row.h"
#include "store/query_sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CANCELLED "57014" /* by the statement time-out of the database, or its administrator */
#define KNOWN_MAX 64

struct query {
    struct db *db;
    struct plan plan;
    unsigned limit, n_matches;
    bool running;     /* results are outstanding on the connection */
    bool begun;       /* rows have been read, or the statement was sent again */
    int64_t heard_ms; /* the database, or its statement was sent */
    bool known;       /* what the next query_next() says: @outcome and @next */
    int outcome;
    json_t *next;
};

/* --- Begin ---------------------------------------------------------------------------------- */

/* Statements are prepared under the address of their text, so texts that are worth it live as long
 * as the process. They are few: they differ by which attributes are asked for, not by values. */
static const char *known_text(const char *sql)
{
    static char *known[KNOWN_MAX];
    static size_t n;

    for (size_t i = 0; i < n; i++)
        if (strcmp(known[i], sql) == 0)
            return known[i];
    if (n == KNOWN_MAX || !(known[n] = strdup(sql)))
        return NULL;
    return known[n++];
}

/* To prepare takes the locks of the tables, too. */
static int prepare(struct query *q, const char *sql, int n, const char **ret_name)
{
    int r = db_prepare(q->db, sql, n, ret_name);

    return r == -EAGAIN && strncmp(db_problem(q->db), CANCELLED, 5) == 0 ? -ETIMEDOUT : r;
}

/* Keys that are compared for equality get a prepared statement, planned once. For ranges and
 * patterns the planner has to see the values. */
static int send_statement(struct query *q, const struct statement_text *s)
{
    const char *known = s->plain ? known_text(s->sql) : NULL, *name = NULL;
    const char *const *values = (const char *const *)s->values;
    int n = (int)s->n_values, r = db_connect(q->db), sent;

    if (r == 0 && known)
        r = prepare(q, known, n, &name);
    if (r < 0)
        return r;
    if (name)
        sent = PQsendQueryPrepared(db_connection(q->db), name, n, values, NULL, NULL, 0);
    else
        sent = PQsendQueryParams(db_connection(q->db), s->sql, n, NULL, values, NULL, NULL, 0);
    if (!sent) {
        db_disconnect(q->db);
        return -EAGAIN;
    }
    q->running = true;
    q->heard_ms = clock_ms();
    return PQsetSingleRowMode(db_connection(q->db)) ? 0 : -EINVAL;
}

static int start(struct query *q)
{
    struct statement_text s;
    int r = statement_make(&q->plan, &s);

    if (r == 0)
        r = send_statement(q, &s);
    statement_done(&s);
    return r;
}

/* A connection that stood idle may have been lost long ago, with a restart of the database: before
 * the first row nobody needs to know. */
static bool may_start_again(struct query *q)
{
    bool may = !q->begun && !db_connection(q->db);

    q->begun = true;
    return may;
}

int query_begin(struct db *db, const json_t *identifier, const struct query_options *options,
                struct query **ret, struct query_problem *ret_problem)
{
    struct query *q = calloc(1, sizeof *q);
    int r;

    if (!q)
        return -ENOMEM;
    q->db = db;
    q->limit = options->limit;
    r = plan_make(identifier, options, &q->plan, ret_problem);
    if (r == 0)
        r = start(q);
    if (r == -EAGAIN && may_start_again(q))
        r = start(q);
    if (r < 0) {
        query_end(q);
        return r;
    }
    *ret = q;
    return 0;
}

bool query_has_unsupported(const struct query *q)
{
    return q->plan.unsupported;
}

/* --- Next ----------------------------------------------------------------------------------- */

static void settle(struct query *q, int outcome, json_t *next)
{
    q->known = true;
    q->outcome = outcome;
    q->next = next;
}

static bool is_cancelled(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return state && strcmp(state, CANCELLED) == 0;
}

/* Read what is still coming. true: the server says that it was cancelled. */
static bool drain(struct query *q)
{
    bool cancelled = false;
    PGresult *result;

    while ((result = db_next_result(q->db))) {
        cancelled = cancelled || is_cancelled(result);
        PQclear(result);
    }
    q->running = false;
    if (db_connection(q->db) && PQstatus(db_connection(q->db)) != CONNECTION_OK)
        db_disconnect(q->db);
    return cancelled;
}

/* A row that is a match, or the end, or an error settles what comes next. */
static void take_result(struct query *q, const PGresult *result)
{
    json_t *answer = NULL;
    int r = db_check(q->db, result);

    if (r < 0) {
        r = is_cancelled(result) ? -ETIMEDOUT : r;
        (void)drain(q); /* nothing comes after an error */
        if (may_start_again(q) && start(q) == 0)
            return;
    }
    q->begun = true;
    if (r == 0 && PQresultStatus(result) != PGRES_SINGLE_TUPLE)
        return; /* the end of the rows; NULL follows */
    if (r == 0)
        r = row_take(&q->plan, result, &answer);
    if (r == 0 && q->limit && q->n_matches == q->limit) {
        json_decref(answer);
        answer = NULL;
        r = -ENOBUFS;
    }
    if (r != -ENOENT)
        settle(q, r, answer);
}

/* Take results until one settles what comes next. false: that would wait, and @wait is not set. */
static bool advance(struct query *q, bool wait)
{
    while (!q->known) {
        PGconn *connection = db_connection(q->db);
        PGresult *result;

        if (!connection || !q->running) {
            settle(q, connection ? -ENOENT : -EAGAIN, NULL);
            break;
        }
        if (!wait && PQisBusy(connection))
            return false;
        result = db_next_result(q->db);
        q->heard_ms = clock_ms();
        if (result)
            take_result(q, result);
        else
            q->running = false;
        PQclear(result);
    }
    return true;
}

int query_next(struct query *q, json_t **ret)
{
    (void)advance(q, true);
    if (q->outcome < 0)
        return q->outcome;
    q->known = false;
    q->n_matches++;
    *ret = q->next;
    q->next = NULL;
    return 0;
}

int query_fd(const struct query *q)
{
    const PGconn *connection = db_connection(q->db);

    return q->running && !q->known && connection ? PQsocket(connection) : -1;
}

static bool is_overdue(const struct query *q)
{
    int limit_ms = db_answer_ms(q->db);

    return limit_ms > 0 && clock_ms() - q->heard_ms > limit_ms;
}

/* Bytes are read only when what was read before is used up, so that they do not pile up. */
bool query_ready(struct query *q)
{
    if (advance(q, false))
        return true;
    if (!PQconsumeInput(db_connection(q->db)))
        return advance(q, true); /* the connection is lost: the next result says so at once */
    if (!advance(q, false) && is_overdue(q))
        db_disconnect(q->db);
    return advance(q, false);
}

/* --- End ------------------------------------------------------------------------------------ */

/* A cancellation that comes too late could strike the next statement, so a connection on which it
 * did not show is let go. */
static void stop(struct query *q)
{
    PGcancel *cancel = PQgetCancel(db_connection(q->db));
    char message[256];
    bool sent = cancel && PQcancel(cancel, message, sizeof message);

    PQfreeCancel(cancel);
    if (!sent || !drain(q))
        db_disconnect(q->db);
}

struct query *query_end(struct query *q)
{
    if (!q)
        return NULL;
    if (q->running && db_connection(q->db))
        stop(q);
    json_decref(q->next);
    plan_done(&q->plan);
    free(q);
    return NULL;
}
