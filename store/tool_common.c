#include "store/tool.h"
#include "store/base/cleanup.h"
#include "store/schema.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <utf8proc.h>

static void say(const struct tool *t, const char *format, va_list ap)
{
    (void)fprintf(stderr, "isthmus %s: ", t->command->name);
    (void)vfprintf(stderr, format, ap);
    (void)fputc('\n', stderr);
}

int tool_fail(const struct tool *t, int code, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    say(t, format, ap);
    va_end(ap);
    return code;
}

int tool_usage(const struct tool *t, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    say(t, format, ap);
    va_end(ap);
    (void)fprintf(stderr, "'isthmus %s --help' says more.\n", t->command->name);
    return TOOL_USAGE;
}

int tool_query(const struct tool *t, const char *sql, int n, const char *const *values,
               PGresult **ret)
{
    if (db_query(t->db, sql, n, values, ret) < 0)
        return tool_fail(t, TOOL_CANNOT, "the database says %s", db_problem(t->db));
    return TOOL_FINE;
}

int tool_check_schema(const struct tool *t)
{
    _cleanup_free_ char *message = NULL;

    if (schema_check(t->db, &message) < 0)
        return tool_fail(t, TOOL_CANNOT, "%s", message ? message : "no memory");
    return TOOL_FINE;
}

int tool_open_store(const struct tool *t, struct store **ret)
{
    const char *root = conf_string(t->conf, "store", "root");
    uint64_t reserve = (uint64_t)conf_int(t->conf, "store", "reserve_mib") << 20;
    int r = store_open_readonly(root, reserve, ret);

    if (r < 0)
        return tool_fail(t, TOOL_CANNOT, "%s: %s", root, strerrordesc_np(-r));
    return TOOL_FINE;
}

int tool_open_store_for_writing(const struct tool *t, struct store **ret)
{
    const char *root = conf_string(t->conf, "store", "root");
    uint64_t reserve = (uint64_t)conf_int(t->conf, "store", "reserve_mib") << 20;
    const struct passwd *owner;
    struct stat st;
    int r;

    if (stat(root, &st) < 0)
        return tool_fail(t, TOOL_CANNOT, "%s: %s; start the listener once, it makes the store",
                         root, strerrordesc_np(errno));
    owner = getpwuid(st.st_uid);
    if (st.st_uid != geteuid())
        return tool_fail(t, TOOL_CANNOT,
                         "the store %s belongs to %s, so this has to be run as that user: "
                         "sudo -u %s isthmus %s …",
                         root, owner ? owner->pw_name : "nobody known",
                         owner ? owner->pw_name : "USER", t->command->name);
    r = store_open(root, reserve, ret);
    return r < 0 ? tool_fail(t, TOOL_CANNOT, "the store %s cannot be written: %s", root,
                             strerrordesc_np(-r))
                 : TOOL_FINE;
}

void tool_user(char *buffer, size_t size)
{
    const struct passwd *user = getpwuid(getuid());
    const char *sudo = getenv("SUDO_USER");
    char number[24];

    (void)snprintf(number, sizeof number, "uid %lu", (unsigned long)getuid());
    (void)snprintf(buffer, size, "%s%s%s%s", sudo ? sudo : "", sudo ? " (as " : "",
                   user ? user->pw_name : number, sudo ? ")" : "");
}

bool tool_number(const char *text, double min, double max, double *ret)
{
    char *end;

    errno = 0;
    *ret = strtod(text, &end);
    return errno == 0 && end != text && *end == '\0' && *ret >= min && *ret <= max;
}

int tool_find_study(const struct tool *t, const char *name, long long *ret_key)
{
    PGresult *rows;
    int code = tool_query(t,
                          "select study_key, study_instance_uid from isthmus.study "
                          "where study_instance_uid = $1 or accession_number = $1 "
                          "order by study_instance_uid <> $1, study_key",
                          1, &name, &rows);

    if (code != TOOL_FINE)
        return code;
    if (PQntuples(rows) == 0) {
        code = tool_fail(t, TOOL_WRONG, "no study has this UID or accession number");
    } else if (PQntuples(rows) > 1 && strcmp(PQgetvalue(rows, 0, 1), name) != 0) {
        code = tool_fail(t, TOOL_USAGE,
                         "%d studies have this accession number; name one:", PQntuples(rows));
        for (int i = 0; i < PQntuples(rows); i++)
            (void)fprintf(stderr, "  %s\n", PQgetvalue(rows, i, 1));
    } else {
        *ret_key = strtoll(PQgetvalue(rows, 0, 0), NULL, 10);
    }
    PQclear(rows);
    return code;
}

int tool_print_json(const struct tool *t, json_t *value)
{
    int r = value ? json_dumpf(value, stdout, JSON_INDENT(2)) : -1;

    json_decref(value);
    if (r < 0)
        return tool_fail(t, TOOL_CANNOT, "no memory, or cannot write the output");
    (void)putchar('\n');
    return TOOL_FINE;
}

/* Columns on a terminal, wide characters counted twice. */
static int width(const char *text)
{
    int columns = 0;
    utf8proc_int32_t character;
    utf8proc_ssize_t n;

    for (; *text; text += n) {
        n = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, &character);
        if (n <= 0)
            return columns;
        columns += utf8proc_charwidth(character);
    }
    return columns;
}

static json_t *row_to_json(const PGresult *rows, int row)
{
    json_t *object = json_object();

    for (int c = 0; object && c < PQnfields(rows); c++) {
        const char *text = PQgetvalue(rows, row, c);
        Oid type = PQftype(rows, c);
        bool number = type == 20 || type == 21 || type == 23; /* int8, int2, int4 */
        json_t *value = PQgetisnull(rows, row, c) ? json_null()
                        : number                  ? json_integer(strtoll(text, NULL, 10))
                                                  : json_string(text);

        if (json_object_set_new(object, PQfname(rows, c), value) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

json_t *tool_rows_to_json(const PGresult *rows)
{
    json_t *array = json_array();

    for (int r = 0; array && r < PQntuples(rows); r++)
        if (json_array_append_new(array, row_to_json(rows, r)) < 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static void print_cell(const char *text, int columns, bool last)
{
    (void)fputs(text, stdout);
    for (int i = width(text); !last && i < columns + 2; i++)
        (void)putchar(' ');
}

static int column_width(const PGresult *rows, int column)
{
    int widest = width(PQfname(rows, column));

    for (int r = 0; r < PQntuples(rows); r++) {
        int w = width(PQgetvalue(rows, r, column));

        widest = w > widest ? w : widest;
    }
    return widest;
}

int tool_print_rows(const struct tool *t, const PGresult *rows)
{
    int n = PQnfields(rows);
    _cleanup_free_ int *widths = calloc((size_t)n + 1, sizeof *widths);

    if (t->json)
        return tool_print_json(t, tool_rows_to_json(rows));
    if (!widths)
        return tool_fail(t, TOOL_CANNOT, "no memory");
    for (int c = 0; c < n; c++)
        widths[c] = column_width(rows, c);
    for (int r = -1; r < PQntuples(rows); r++) {
        for (int c = 0; c < n; c++)
            print_cell(r < 0 ? PQfname(rows, c) : PQgetvalue(rows, r, c), widths[c], c == n - 1);
        (void)putchar('\n');
    }
    return TOOL_FINE;
}

void tool_size(double bytes, char buffer[TOOL_SIZE_MAX])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;

    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1024;
        unit++;
    }
    (void)snprintf(buffer, TOOL_SIZE_MAX, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}
