#include "tests/db/database.h"

#include <errno.h>
#include <sys/stat.h>

static struct database d;
static int reported;

static void setup(void)
{
    make_empty_database(&d);
}

static void teardown(void)
{
    drop_database(&d);
}

TestSuite(schema, .init = setup, .fini = teardown, .timeout = 600);

static void count(int version, const char *name)
{
    cr_assert_gt(version, 0);
    cr_assert_not_null(name);
    reported++;
}

static void check(int expected, const char *sentence)
{
    char *message = NULL;

    cr_assert_eq(schema_check(d.db, &message), expected);
    if (sentence)
        cr_assert_str_eq(message, sentence);
    free(message);
}

static int migrate(const char *directory, char **ret_message)
{
    *ret_message = NULL;
    reported = 0;
    return schema_migrate(d.db, directory, count, ret_message);
}

Test(schema, migrating_twice_applies_once)
{
    char *message;

    check(-EINVAL, "the database has no index yet: run 'isthmus migrate' as its owner");
    cr_assert_eq(migrate(sql_directory(), &message), 0, "%s", message);
    cr_assert_eq(reported, SCHEMA_VERSION);
    check(0, NULL);
    cr_assert_eq(migrate(sql_directory(), &message), 0, "%s", message);
    cr_assert_eq(reported, 0);
    cr_assert_answer(d.db, "select count(*) = max(version) from isthmus.schema_version", "t");
}

Test(schema, another_version_is_named_in_one_sentence)
{
    char *message, sentence[200];

    cr_assert_eq(migrate(sql_directory(), &message), 0, "%s", message);
    run_sql(d.db, "insert into isthmus.schema_version (version, name) values (99, 'future')");
    (void)snprintf(sentence, sizeof sentence,
                   "the index is of version 99, this program knows %d: install the newer program",
                   SCHEMA_VERSION);
    check(-EINVAL, sentence);
    cr_assert_eq(migrate(sql_directory(), &message), -EINVAL);
    cr_assert_not_null(strstr(message, "install the newer program"), "%s", message);
    free(message);
}

Test(schema, a_role_without_rights_is_told_which_it_needs)
{
    char *message;

    cr_assert_eq(migrate(sql_directory(), &message), 0, "%s", message);
    run_sql(d.db, "revoke usage on schema isthmus from isthmus_scp");
    run_sql(d.db, "set role isthmus_scp");
    check(-EINVAL, "this role may not read the index: grant it isthmus_scp or isthmus_fhir "
                   "(sql/roles.sql)");
}

Test(schema, a_database_that_is_away_is_not_a_wrong_version)
{
    db_free(d.db);
    cr_assert_eq(db_new("host=/nowhere dbname=x", "test", &d.db), 0);
    check(-EAGAIN, NULL);
}

static void write_file(const char *directory, const char *name, const char *text)
{
    char path[200];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    f = fopen(path, "w");
    cr_assert_not_null(f);
    (void)fputs(text, f);
    (void)fclose(f);
}

static void remove_files(const char *directory)
{
    static const char *const names[] = {"0001_a.sql", "0002_b.sql", "0003_c.sql"};
    char path[200];

    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(directory);
}

#define FIRST                                                                                      \
    "create schema isthmus; create table isthmus.schema_version (version integer "                 \
    "primary key, name text not null)"

Test(schema, a_migration_that_fails_leaves_nothing_and_those_before_it_stay)
{
    char directory[] = "/tmp/isthmus-migrations-XXXXXX", *message;

    cr_assert_not_null(mkdtemp(directory));
    write_file(directory, "0001_a.sql", FIRST);
    write_file(directory, "0002_b.sql", "create table isthmus.b (n int); select 1/0");
    cr_assert_eq(migrate(directory, &message), -EINVAL);
    cr_assert_str_eq(message, "0002_b.sql: the database says 22012; nothing of it was applied");
    free(message);
    cr_assert_eq(reported, 1);
    cr_assert_answer(d.db, "select to_regclass('isthmus.b') is null", "t");
    write_file(directory, "0002_b.sql", "create table isthmus.b (n int)");
    cr_assert_eq(migrate(directory, &message), 0, "%s", message);
    cr_assert_eq(reported, 1);
    cr_assert_answer(d.db,
                     "select string_agg(name, ' ' order by version) "
                     "from isthmus.schema_version",
                     "0001_a.sql 0002_b.sql");
    remove_files(directory);
}

Test(schema, a_gap_in_the_numbers_is_refused)
{
    char directory[] = "/tmp/isthmus-migrations-XXXXXX", *message;

    cr_assert_not_null(mkdtemp(directory));
    write_file(directory, "0001_a.sql", FIRST);
    write_file(directory, "0003_c.sql", "select 1");
    cr_assert_eq(migrate(directory, &message), -EINVAL);
    cr_assert_not_null(strstr(message, "/0003_c.sql: expected number 2"), "%s", message);
    free(message);
    remove_files(directory);
    cr_assert_eq(migrate(directory, &message), -ENOENT);
    free(message);
}
