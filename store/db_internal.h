/* Between db.c (the connection) and db_statement.c (what is done on it); nobody else includes this.
 */
#ifndef ISTHMUS_STORE_DB_INTERNAL_H
#define ISTHMUS_STORE_DB_INTERNAL_H

#include "store/db.h"

#include <stdint.h>

#define DB_PROBLEM_MAX 320

struct statement {
    struct statement *before; /* prepared before it */
    const char *sql;          /* its address is the key */
    char name[16];
};

struct db {
    char *conninfo, *application_name;
    char *options; /* settings of the session: those of conninfo, then ours */
    char connect_timeout[16];
    int64_t answer_ms; /* until then there is an answer, or there is none; 0: no limit */
    PGconn *connection;
    unsigned session;             /* the number of connections that were made */
    struct statement *statements; /* prepared on this connection, the last one first */
    unsigned n_statements;
    char problem[DB_PROBLEM_MAX];
};

#endif
