#include "store/db_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_EXTRA_MS 5000 /* beyond statement_timeout, which the server itself keeps */

struct db *db_free(struct db *db)
{
    if (!db)
        return NULL;
    db_disconnect(db);
    free(db->conninfo);
    free(db->application_name);
    free(db->options);
    free(db);
    return NULL;
}

/* Durability must not hang on the server's default of synchronous_commit, so the session says
 * what it needs, after the options that the administrator gave in conninfo. Compiling a statement
 * or starting processes for it takes longer than most of ours run, and many run beside each
 * other. */
static int join_options(const char *conninfo, long long statement_timeout_s, char **ret)
{
    char *message = NULL, *joined = NULL;
    const char *given = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &message);

    PQfreemem(message);
    if (!options)
        return -EINVAL;
    for (const PQconninfoOption *o = options; o->keyword; o++)
        if (strcmp(o->keyword, "options") == 0)
            given = o->val;
    if (asprintf(&joined,
                 "%s -c synchronous_commit=on -c statement_timeout=%llds "
                 "-c default_transaction_isolation=read\\ committed "
                 "-c jit=off -c max_parallel_workers_per_gather=0",
                 given ? given : "", statement_timeout_s) < 0)
        joined = NULL;
    PQconninfoFree(options);
    if (!joined)
        return -ENOMEM;
    *ret = joined;
    return 0;
}

static int new_handle(const char *conninfo, const char *application_name, long long timeout_s,
                      long long statement_timeout_s, struct db **ret)
{
    struct db *db = calloc(1, sizeof *db);
    int r = db ? join_options(conninfo, statement_timeout_s, &db->options) : -ENOMEM;

    if (r == 0) {
        db->conninfo = strdup(conninfo);
        db->application_name = strdup(application_name);
        if (!db->conninfo || !db->application_name)
            r = -ENOMEM;
        (void)snprintf(db->connect_timeout, sizeof db->connect_timeout, "%lld", timeout_s);
        db->answer_ms = statement_timeout_s > 0 ? statement_timeout_s * 1000 + ANSWER_EXTRA_MS : 0;
    }
    if (r == 0)
        *ret = db;
    else
        db_free(db);
    return r;
}

int db_new(const char *conninfo, const char *application_name, struct db **ret)
{
    return new_handle(conninfo, application_name, 5, 60, ret);
}

int db_new_conf(const struct conf *c, const char *application_name, struct db **ret)
{
    return new_handle(conf_string(c, "database", "conninfo"), application_name,
                      conf_int(c, "database", "connect_timeout"),
                      conf_int(c, "database", "statement_timeout"), ret);
}

void db_disconnect(struct db *db)
{
    PQfinish(db->connection);
    db->connection = NULL;
    while (db->statements) {
        struct statement *last = db->statements;

        db->statements = last->before;
        free(last);
    }
    db->n_statements = 0;
}

PGconn *db_connection(struct db *db)
{
    return db->connection;
}

const char *db_problem(const struct db *db)
{
    return db->problem;
}

bool db_lost_race(const struct db *db)
{
    return strncmp(db->problem, "40", 2) == 0;
}

/* Before there is a session there is no statement, so libpq's words about a connection hold names
 * of hosts, roles and databases and no value of ours. One line of them. */
static void set_connect_problem(struct db *db)
{
    (void)snprintf(db->problem, sizeof db->problem, "cannot connect: %s",
                   PQerrorMessage(db->connection));
    for (char *p = db->problem; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    for (size_t n = strlen(db->problem); n > 0 && db->problem[n - 1] == ' '; n--)
        db->problem[n - 1] = '\0';
}

/* Notices can quote values; nobody reads them. */
static void ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

/* What comes before conninfo is a default that it may override, what comes after is ours. */
static PGconn *open_connection(const struct db *db)
{
    const char *const names[] = {"connect_timeout",  "tcp_user_timeout",
                                 "keepalives_idle",  "keepalives_interval",
                                 "keepalives_count", "dbname",
                                 "client_encoding",  "application_name",
                                 "options",          NULL};
    const char *const values[] = {
        db->connect_timeout,  "30000",     "30", "10", "3", db->conninfo, "UTF8",
        db->application_name, db->options, NULL};

    return PQconnectdbParams(names, values, 1);
}

int db_connect(struct db *db)
{
    if (db->connection && PQstatus(db->connection) == CONNECTION_OK)
        return 0;
    db_disconnect(db);
    db->connection = open_connection(db);
    if (PQstatus(db->connection) != CONNECTION_OK) {
        set_connect_problem(db);
        db_disconnect(db);
        return -EAGAIN;
    }
    PQsetNoticeReceiver(db->connection, ignore_notice, NULL);
    /* Neither a question nor libpq's goodbye waits for room; db_next_result() does, as long as it
     * may. */
    (void)PQsetnonblocking(db->connection, 1);
    db->session++;
    return 0;
}

unsigned db_session(const struct db *db)
{
    return PQstatus(db->connection) == CONNECTION_OK ? db->session : 0;
}

int db_answer_ms(const struct db *db)
{
    return (int)db->answer_ms;
}

void db_wait_for_ever(struct db *db)
{
    db->answer_ms = 0;
}
