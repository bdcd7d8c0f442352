/* libpq: one connection, prepared statements, SQLSTATE → our errors. The only place that knows
 * libpq's result codes. Errors of every function below store/:
 *   -EAGAIN   the database is away, restarting, out of connections, or asks to try again
 *             (SQLSTATE classes 08, 40, 53, 57, 58, 25006, 55P03), or has not answered within
 *             statement_timeout and 5 s; a COMMIT in flight may have happened
 *   -EINVAL   the database refuses the statement or value (a fault in this program)
 *   -ENOMEM
 * db_problem() has SQLSTATE and constraint, never a value. */
#ifndef ISTHMUS_STORE_DB_H
#define ISTHMUS_STORE_DB_H

#include "store/base/conf.h"

#include <libpq-fe.h>

struct db;

/* A handle; no connection is made yet. @conninfo as in libpq (several hosts allowed);
 * @application_name shows in pg_stat_activity. -ENOMEM, or -EINVAL when @conninfo is not valid. */
int db_new(const char *conninfo, const char *application_name, struct db **ret);
/* The same from the section database {…}. */
int db_new_conf(const struct conf *c, const char *application_name, struct db **ret);
struct db *db_free(struct db *db);

/* Connect if there is no usable connection (bounded by connect_timeout). 0 or -EAGAIN. */
int db_connect(struct db *db);
/* Let the connection go; the next use connects again. */
void db_disconnect(struct db *db);
/* Which connection it is: another number after each db_connect() that made one; 0: there is none.
 * Keys that were read on another one may be those of other rows, as that server may not have had
 * all that the one before had. */
unsigned db_session(const struct db *db);

/* Why the last call failed: "57P01", "23505 patient_pkey", "cannot connect". Valid until the next
 * call. */
const char *db_problem(const struct db *db);
/* It failed with -EAGAIN because it met another transaction (SQLSTATE class 40: serialization
 * failure, deadlock), so it is worth another try at once. */
bool db_lost_race(const struct db *db);

/* Run @sql with @n text parameters (NULL is SQL NULL), prepared under its own address on first
 * use per connection: @sql must be a string literal. On success @ret (may be NULL) is the result,
 * to be cleared with PQclear. */
int db_query(struct db *db, const char *sql, int n, const char *const *values, PGresult **ret);
/* The same, not prepared: @sql is made for this one time. */
int db_query_once(struct db *db, const char *sql, int n, const char *const *values, PGresult **ret);
/* Begin a transaction with db_query(), and do not wait for it. db_receive() is called before
 * anything else: on success the transaction is open, and nothing else is asked before the caller
 * ends it; otherwise it has ended. */
int db_send(struct db *db, const char *sql, int n, const char *const *values);
int db_receive(struct db *db, PGresult **ret);
/* End a transaction with its changes. -EAGAIN also when it is not open any more, because the
 * connection was lost or a statement failed: then nothing was committed, and the connection is let
 * go. */
int db_commit(struct db *db);
/* End a transaction without its changes; a connection that cannot is let go. */
void db_rollback(struct db *db);
/* Prepare @sql as db_query() does; @ret_name is for PQsendQueryPrepared() and valid as long as the
 * connection. */
int db_prepare(struct db *db, const char *sql, int n, const char **ret_name);
/* What a result that was read from db_connection() means: 0 for rows and commands, else as above.
 * The connection is let go when it is of no use any more. */
int db_check(struct db *db, const PGresult *result);
/* The next result of what was sent on db_connection(), which is let go when it does not come. NULL:
 * there is none, or no connection any more. */
PGresult *db_next_result(struct db *db);
/* Milliseconds that an answer is waited for; 0: as long as it takes. */
int db_answer_ms(const struct db *db);
/* From now on as long as it takes: a migration may take hours. */
void db_wait_for_ever(struct db *db);
/* Several statements without parameters (migrations). */
int db_script(struct db *db, const char *sql);
/* The connection for LISTEN, COPY and cursors; NULL when not connected. */
PGconn *db_connection(struct db *db);

#endif
