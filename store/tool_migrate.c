#include "store/base/cleanup.h"
#include "store/schema.h"
#include "store/tool.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *applied; /* names, for --json */

static void report_line(int version, const char *name)
{
    (void)version;
    (void)printf("applied %s\n", name);
}

static void report_json(int version, const char *name)
{
    (void)version;
    (void)json_array_append_new(applied, json_string(name));
}

static int migrate(const struct tool *t, const char *directory)
{
    _cleanup_free_ char *message = NULL;
    int r = schema_migrate(t->db, directory, t->json ? report_json : report_line, &message);

    if (r < 0)
        return tool_fail(t, TOOL_CANNOT, "%s", message ? message : "no memory");
    if (t->json)
        return tool_print_json(
            t, json_pack("{s:i,s:O}", "schema_version", SCHEMA_VERSION, "applied", applied));
    (void)printf("the index is of version %d\n", SCHEMA_VERSION);
    return TOOL_FINE;
}

static int run(struct tool *t, int argc, char **argv)
{
    static const struct option options[] = {{"sql", required_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    const char *directory = getenv("ISTHMUS_SQL_DIR");
    int option, code;

    if (!directory)
        directory = ISTHMUS_SQL_DIR;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 's')
            return TOOL_USAGE;
        directory = optarg;
    }
    if (optind < argc)
        return tool_usage(t, "takes no argument");
    applied = json_array();
    code = migrate(t, directory);
    json_decref(applied);
    return code;
}

const struct tool_command tool_migrate = {
    "migrate", "[--sql DIR] [--json]", "Make or update the index in the database",
    "  --sql DIR  the migrations 0001_name.sql … (default $ISTHMUS_SQL_DIR, else\n"
    "             " ISTHMUS_SQL_DIR ")\n"
    "  --json     print what was done as JSON\n"
    "\n"
    "Connects as database.conninfo says; give it the role that owns the database:\n"
    "a configuration with  conninfo = \"dbname=isthmus user=isthmus\".\n",
    run};
