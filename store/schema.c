#include "store/schema.h"
#include "store/base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_NAME_MAX 256

struct migration {
    int version;
    char name[FILE_NAME_MAX]; /* "0001_index.sql" */
};

__attribute__((format(printf, 3, 4))) static int say(int r, char **ret_message, const char *format,
                                                     ...)
{
    va_list ap;

    va_start(ap, format);
    if (vasprintf(ret_message, format, ap) < 0)
        *ret_message = NULL;
    va_end(ap);
    return r;
}

/* The version of the database, 0 when it has no schema of ours. */
static int read_version(struct db *db, int *ret, char **ret_message)
{
    PGresult *result;
    int r = db_query(db, "select coalesce(max(version), 0) from isthmus.schema_version", 0, NULL,
                     &result);

    if (r == 0) {
        *ret = atoi(PQgetvalue(result, 0, 0));
        PQclear(result);
        return 0;
    }
    if (strcmp(db_problem(db), "42P01") == 0 || strcmp(db_problem(db), "3F000") == 0) {
        *ret = 0;
        return 0;
    }
    if (strcmp(db_problem(db), "42501") == 0)
        return say(r, ret_message,
                   "this role may not read the index: grant it isthmus_scp or isthmus_fhir "
                   "(sql/roles.sql)");
    return say(r, ret_message, "the database cannot be used: %s", db_problem(db));
}

int schema_check(struct db *db, char **ret_message)
{
    int version, r = read_version(db, &version, ret_message);

    if (r < 0)
        return r;
    if (version == 0)
        return say(-EINVAL, ret_message,
                   "the database has no index yet: run 'isthmus migrate' as its owner");
    if (version < SCHEMA_VERSION)
        return say(-EINVAL, ret_message,
                   "the index is of version %d, this program needs %d: run 'isthmus migrate' as "
                   "the owner of the database",
                   version, SCHEMA_VERSION);
    if (version > SCHEMA_VERSION)
        return say(-EINVAL, ret_message,
                   "the index is of version %d, this program knows %d: install the newer program",
                   version, SCHEMA_VERSION);
    return 0;
}

static int is_migration(const struct dirent *entry)
{
    const char *name = entry->d_name;
    size_t n = strlen(name);

    return n > 9 && n < FILE_NAME_MAX && strspn(name, "0123456789") == 4 && name[4] == '_' &&
           strcmp(name + n - 4, ".sql") == 0;
}

/* The migrations of @directory by number. The caller frees *ret. */
static int list_migrations(const char *directory, struct migration **ret, size_t *ret_n)
{
    struct dirent **entries;
    int n = scandir(directory, &entries, is_migration, alphasort);
    struct migration *migrations;

    if (n < 0)
        return -errno;
    migrations = calloc((size_t)n + 1, sizeof *migrations);
    for (int i = 0; i < n; i++) {
        if (migrations) {
            migrations[i].version = atoi(entries[i]->d_name);
            (void)snprintf(migrations[i].name, FILE_NAME_MAX, "%s", entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    if (!migrations)
        return -ENOMEM;
    *ret = migrations;
    *ret_n = (size_t)n;
    return 0;
}

static int read_file(const char *directory, const char *name, char **ret)
{
    _cleanup_free_ char *path = NULL, *text = NULL;
    _cleanup_fclose_ FILE *f = NULL;
    size_t room = 0;
    ssize_t n;

    if (asprintf(&path, "%s/%s", directory, name) < 0) {
        path = NULL;
        return -ENOMEM;
    }
    f = fopen(path, "re");
    if (!f)
        return -errno;
    n = getdelim(&text, &room, '\0', f);
    if (n <= 0)
        return ferror(f) ? -EIO : -EINVAL;
    *ret = TAKE_PTR(text);
    return 0;
}

/* Inside a transaction that holds the lock: run @sql unless another migrator has done it. */
static int apply_locked(struct db *db, const struct migration *m, const char *sql)
{
    char version[16];
    const char *const values[] = {version, m->name};
    int r = db_script(db, sql);

    if (r < 0)
        return r;
    (void)snprintf(version, sizeof version, "%d", m->version);
    return db_query(db, "insert into isthmus.schema_version (version, name) values ($1, $2)", 2,
                    values, NULL);
}

static int apply(struct db *db, const char *directory, const struct migration *m, bool *ret_applied,
                 char **ret_message)
{
    _cleanup_free_ char *sql = NULL;
    int version = 0, r = read_file(directory, m->name, &sql);

    if (r < 0)
        return say(r, ret_message, "%s/%s: %s", directory, m->name, strerrordesc_np(-r));
    db_wait_for_ever(db);
    r = db_script(db, "begin; set local statement_timeout = 0; set local lock_timeout = 0; "
                      "select pg_advisory_xact_lock(7239874531)");
    if (r == 0)
        r = db_script(db, "savepoint looking");
    if (r == 0)
        r = read_version(db, &version, ret_message);
    if (r == 0)
        r = db_script(db, "rollback to looking");
    if (r == 0 && version < m->version)
        r = apply_locked(db, m, sql);
    if (r == 0)
        r = db_commit(db);
    if (r == 0) {
        *ret_applied = version < m->version;
        return 0;
    }
    if (!*ret_message)
        (void)say(r, ret_message, "%s: the database says %s; nothing of it was applied", m->name,
                  db_problem(db));
    db_rollback(db);
    return r;
}

static int check_numbers(const struct migration *migrations, size_t n, int version,
                         const char *directory, char **ret_message)
{
    if (n == 0)
        return say(-ENOENT, ret_message, "%s: no migrations (0001_name.sql) here", directory);
    for (size_t i = 0; i < n; i++)
        if (migrations[i].version != (int)i + 1)
            return say(-EINVAL, ret_message, "%s/%s: expected number %zu", directory,
                       migrations[i].name, i + 1);
    if (version > (int)n)
        return say(-EINVAL, ret_message,
                   "the index is of version %d, %s ends with %zu: install the newer program",
                   version, directory, n);
    return 0;
}

int schema_migrate(struct db *db, const char *directory,
                   void (*report)(int version, const char *name), char **ret_message)
{
    _cleanup_free_ struct migration *migrations = NULL;
    size_t n = 0;
    int version = 0, r;

    *ret_message = NULL;
    r = list_migrations(directory, &migrations, &n);
    if (r < 0)
        return say(r, ret_message, "%s: %s", directory, strerrordesc_np(-r));
    r = read_version(db, &version, ret_message);
    if (r == 0)
        r = check_numbers(migrations, n, version, directory, ret_message);
    for (size_t i = 0; r == 0 && i < n; i++) {
        bool applied = false;

        if (migrations[i].version <= version)
            continue;
        r = apply(db, directory, &migrations[i], &applied, ret_message);
        if (r == 0 && applied && report)
            report(migrations[i].version, migrations[i].name);
    }
    return r;
}
