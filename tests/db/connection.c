#include "tests/db/database.h"

#include <errno.h>
#include <signal.h>

static struct database d;

static void setup(void)
{
    make_empty_database(&d);
}

static void teardown(void)
{
    drop_database(&d);
}

TestSuite(connection, .init = setup, .fini = teardown, .timeout = 600);

Test(connection, a_session_is_durable_and_bounded_whatever_the_server_says)
{
    char sql[400];

    (void)snprintf(sql, sizeof sql,
                   "alter database %s set synchronous_commit = off; "
                   "alter database %s set default_transaction_isolation = 'serializable'",
                   d.name, d.name);
    run_sql(d.db, sql);
    db_disconnect(d.db);
    cr_assert_answer(d.db,
                     "select concat_ws(' ', current_setting('synchronous_commit'), "
                     "current_setting('statement_timeout'), current_setting('client_encoding'), "
                     "current_setting('application_name'), "
                     "current_setting('default_transaction_isolation'))",
                     "on 1min UTF8 isthmus-test read committed");
}

Test(connection, options_of_the_administrator_are_kept)
{
    char conninfo[1200];

    (void)snprintf(conninfo, sizeof conninfo, "%s options='-c work_mem=7MB'", d.conninfo);
    db_free(d.db);
    d.db = connect_to(conninfo);
    cr_assert_answer(d.db,
                     "select current_setting('work_mem') || "
                     "current_setting('synchronous_commit')",
                     "7MBon");
}

Test(connection, conninfo_that_is_not_valid_is_refused_at_once)
{
    struct db *db;

    cr_assert_eq(db_new("host", "test", &db), -EINVAL);
    cr_assert_eq(db_new("colour=blue", "test", &db), -EINVAL);
}

Test(connection, a_statement_is_prepared_once_per_connection_and_again_on_the_next)
{
    static const char sql[] = "select $1::int + $2::int";
    const char *const values[] = {"2", "3"};
    PGresult *result;

    for (int connection = 0; connection < 2; connection++) {
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(db_query(d.db, sql, 2, values, &result), 0, "%s", db_problem(d.db));
            cr_assert_str_eq(PQgetvalue(result, 0, 0), "5");
            PQclear(result);
        }
        cr_assert_answer(d.db, "select count(*) from pg_prepared_statements", "1");
        db_disconnect(d.db);
    }
}

Test(connection, errors_are_temporary_or_not_and_hold_no_value)
{
    static const struct {
        const char *sql;
        int expected;
        const char *problem;
    } rows[] = {
        {"select 'secret'::int", -EINVAL, "22P02"},
        {"nonsense", -EINVAL, "42601"},
        {"insert into n values (1), (1)", -EINVAL, "23505 only_once"},
        {"do $$ begin raise exception 'secret' using errcode = '40001'; end $$", -EAGAIN, "40001"},
        {"do $$ begin raise exception 'secret' using errcode = '53300'; end $$", -EAGAIN, "53300"},
        {"set statement_timeout = 1; select pg_sleep(5)", -EAGAIN, "57014"},
    };

    run_sql(d.db, "create table n (n int constraint only_once unique)");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_eq(db_script(d.db, rows[i].sql), rows[i].expected, "%s", rows[i].sql);
        cr_assert_str_eq(db_problem(d.db), rows[i].problem);
    }
}

Test(connection, a_connection_that_broke_says_again_and_is_opened_anew)
{
    cr_assert_eq(db_script(d.db, "select pg_terminate_backend(pg_backend_pid())"), -EAGAIN);
    cr_assert_null(db_connection(d.db));
    cr_assert_answer(d.db, "select 1", "1");
}

Test(connection, a_standby_is_left_for_another_host)
{
    run_sql(d.db, "set default_transaction_read_only = on");
    cr_assert_eq(db_script(d.db, "create table n (n int)"), -EAGAIN);
    cr_assert_str_eq(db_problem(d.db), "25006");
    cr_assert_null(db_connection(d.db));
}

Test(connection, a_database_that_cannot_be_reached_says_why_on_one_line)
{
    struct db *db;

    cr_assert_eq(db_new("host=/nowhere dbname=x connect_timeout=2", "test", &db), 0);
    cr_assert_eq(db_connect(db), -EAGAIN);
    cr_assert_eq(strncmp(db_problem(db), "cannot connect: ", 16), 0, "%s", db_problem(db));
    cr_assert_null(strchr(db_problem(db), '\n'));
    db_free(db);
}

static struct db *connect_for_a_second(void)
{
    static const struct conf_section *const sections[] = {&conf_database, NULL};
    char path[] = "/tmp/isthmus-conf-XXXXXX", *message = NULL;
    struct conf *conf;
    struct db *db;
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    (void)dprintf(fd, "database {\n    conninfo = \"%s\"\n    statement_timeout = 1\n}\n",
                  d.conninfo);
    (void)close(fd);
    cr_assert_eq(conf_load(path, sections, &conf, &message), 0, "%s", message);
    (void)unlink(path);
    cr_assert_eq(db_new_conf(conf, "test", &db), 0);
    conf_free(conf);
    return db;
}

typedef int query(struct db *, const char *, int, const char *const *, PGresult **);

/* The limit of a second is for what stands still: whoever meets it otherwise asks again. */
static int ask_until_answered(query *ask_once, struct db *db, const char *sql, int n,
                              const char *const *values, PGresult **ret)
{
    int r;

    do
        r = ask_once(db, sql, n, values, ret);
    while (r == -EAGAIN);
    return r;
}

static pid_t backend_of(struct db *db)
{
    PGresult *result;
    pid_t pid;

    cr_assert_eq(ask_until_answered(db_query, db, "select pg_backend_pid()", 0, NULL, &result), 0);
    pid = (pid_t)atoi(PQgetvalue(result, 0, 0));
    PQclear(result);
    return pid;
}

static pid_t stopped;

/* Also when it is waited for without end, so that nothing stays behind that is stopped. */
static void let_go_on(int sign)
{
    (void)sign;
    (void)kill(stopped, SIGCONT);
}

/* Neither the question, prepared before, nor the goodbye has room in its socket. */
Test(connection, a_backend_that_stands_still_is_given_up)
{
    static query *const queries[] = {db_query, db_query_once};
    static const char sql[] = "select length($1)";
    static char large[4 << 20];
    const char *const values[] = {large};

    (void)signal(SIGALRM, let_go_on);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct db *db = connect_for_a_second();
        int r;

        memset(large, '\0', sizeof large);
        cr_assert_eq(ask_until_answered(queries[i], db, sql, 1, values, NULL), 0);
        stopped = backend_of(db);
        memset(large, 'x', sizeof large - 1);
        (void)alarm(30);
        cr_assert_eq(kill(stopped, SIGSTOP), 0);
        r = queries[i](db, sql, 1, values, NULL);
        (void)alarm(0);
        let_go_on(0);
        cr_assert_eq(r, -EAGAIN, "query %zu", i);
        cr_assert_null(db_connection(db));
        r = ask_until_answered(queries[i], db, sql, 1, values, NULL);
        cr_assert_eq(r, 0, "%s", db_problem(db));
        db_free(db);
    }
}

Test(connection, another_statement_is_refused_while_one_is_under_way)
{
    PGresult *result;

    cr_assert_eq(db_send(d.db, "select 1", 0, NULL), 0);
    cr_assert_eq(db_query(d.db, "select 42", 0, NULL, &result), -EAGAIN);
    cr_assert_null(db_connection(d.db));
    cr_assert_eq(db_send(d.db, "select 1", 0, NULL), 0);
    cr_assert_eq(db_query_once(d.db, "select 42", 0, NULL, &result), -EAGAIN);
    cr_assert_null(db_connection(d.db));
}
