/* A database of its own for each test, in the cluster of ISTHMUS_TEST_DB, with the whole schema. */
#ifndef ISTHMUS_TESTS_DB_DATABASE_H
#define ISTHMUS_TESTS_DB_DATABASE_H

#include "store/db.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/schema.h"

struct database {
    char name[64], conninfo[1024];
    struct db *db;
};

static inline const char *sql_directory(void)
{
    static char path[4096];
    const char *source = getenv("ISTHMUS_SOURCE");

    (void)snprintf(path, sizeof path, "%s/sql", source ? source : ".");
    return path;
}

static inline struct db *connect_to(const char *conninfo)
{
    struct db *db = NULL;

    cr_assert_eq(db_new(conninfo, "isthmus-test", &db), 0);
    cr_assert_eq(db_connect(db), 0, "%s", db_problem(db));
    return db;
}

static inline void run_sql(struct db *db, const char *sql)
{
    cr_assert_eq(db_script(db, sql), 0, "%s: %s", db_problem(db), sql);
}

static inline char *read_text(const char *directory, const char *name)
{
    char path[4200], *text = NULL;
    size_t room = 0;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    f = fopen(path, "r");
    cr_assert_not_null(f, "%s", path);
    cr_assert_gt(getdelim(&text, &room, '\0', f), 0);
    (void)fclose(f);
    return text;
}

/* The roles are shared by all databases of the cluster, and tests run beside each other. */
static inline void make_empty_database(struct database *d)
{
    const char *cluster = getenv("ISTHMUS_TEST_DB");
    char *roles = read_text(sql_directory(), "roles.sql"), sql[200];
    struct db *db;

    cr_assert_not_null(cluster, "ISTHMUS_TEST_DB names no cluster; run tests/run");
    db = connect_to(cluster);
    (void)snprintf(d->name, sizeof d->name, "isthmus_test_%ld", (long)getpid());
    (void)snprintf(d->conninfo, sizeof d->conninfo, "%s dbname=%s", cluster, d->name);
    run_sql(db, "select pg_advisory_lock(1)");
    run_sql(db, roles);
    (void)snprintf(sql, sizeof sql, "drop database if exists %s with (force)", d->name);
    run_sql(db, sql);
    (void)snprintf(sql, sizeof sql, "create database %s owner isthmus", d->name);
    run_sql(db, sql);
    db_free(db);
    free(roles);
    d->db = connect_to(d->conninfo);
}

static inline struct database make_database(void)
{
    struct database d = {0};
    char *message = NULL;

    make_empty_database(&d);
    cr_assert_eq(schema_migrate(d.db, sql_directory(), NULL, &message), 0, "%s", message);
    return d;
}

static inline void drop_database(struct database *d)
{
    char sql[200];
    struct db *db = connect_to(getenv("ISTHMUS_TEST_DB"));

    db_free(d->db);
    (void)snprintf(sql, sizeof sql, "drop database %s with (force)", d->name);
    run_sql(db, sql);
    db_free(db);
}

/* The only value of the only row of a query, as text; in a buffer that each thread uses again. */
static inline const char *ask(struct db *db, const char *sql)
{
    static _Thread_local char value[4096];
    PGresult *result;

    cr_assert_eq(db_connect(db), 0);
    result = PQexec(db_connection(db), sql);
    cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s: %s", sql,
                 PQresultErrorMessage(result));
    cr_assert_eq(PQntuples(result), 1, "%s: %d rows", sql, PQntuples(result));
    (void)snprintf(value, sizeof value, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return value;
}

#define cr_assert_answer(db, sql, expected) cr_assert_str_eq(ask(db, sql), expected, "%s", sql)

#endif
