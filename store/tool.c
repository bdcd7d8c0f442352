#include "store/tool.h"
#include "store/base/cleanup.h"
#include "store/base/log.h"
#include "store/caller.h"
#include "store/worklist.h"
#include "store/worklist_settings.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const struct tool_command *const commands[] = {
    &tool_migrate,  &tool_status,    &tool_import,    &tool_reindex,    &tool_verify, &tool_publish,
    &tool_worklist, &tool_reconcile, &tool_conflicts, &tool_provenance, &tool_access, NULL};

static void print_usage(FILE *f)
{
    (void)fputs("usage: isthmus [--config FILE] COMMAND …\n\n", f);
    for (const struct tool_command *const *c = commands; *c; c++)
        (void)fprintf(f, "  %-10s %s\n", (*c)->name, (*c)->summary);
    (void)fputs("\n  --config FILE  (default " ISTHMUS_CONF ")\n"
                "  --version\n"
                "  COMMAND --help says more.\n\n"
                "Exit status: 0 fine, 1 something found wrong, 2 usage, 3 cannot\n"
                "(no database, no file …).\n",
                f);
}

static int print_command_usage(const struct tool_command *c)
{
    (void)printf("usage: isthmus [--config FILE] %s %s\n\n%s.\n\n%s", c->name, c->arguments,
                 c->summary, c->help);
    return TOOL_FINE;
}

static const struct tool_command *find_command(const char *name)
{
    for (const struct tool_command *const *c = commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

/* --json and --help may stand anywhere after the command; they are taken out. */
static bool take_common(struct tool *t, int *argc, char **argv)
{
    bool help = false;
    int kept = 1;

    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            t->json = true;
        else if (strcmp(argv[i], "--help") == 0)
            help = true;
        else
            argv[kept++] = argv[i];
    }
    argv[kept] = NULL;
    *argc = kept;
    return help;
}

static int run(const char *config, const struct tool_command *command, int argc, char **argv)
{
    const struct conf_section *const sections[] = {
        &conf_database,      &conf_store,  &conf_log, &conf_callers, &conf_worklist,
        &conf_station_group, &conf_orders, &conf_ae,  NULL};
    struct tool t = {.command = command};
    struct conf *conf = NULL;
    _cleanup_free_ char *message = NULL;
    int code;

    if (take_common(&t, &argc, argv))
        return print_command_usage(command);
    if (conf_load(config, sections, &conf, &message) < 0)
        return tool_fail(&t, TOOL_CANNOT, "%s", message ? message : "no memory");
    log_open("isthmus", conf_string(conf, "log", "level"));
    t.conf = conf;
    t.config_path = config;
    if (db_new_conf(conf, "isthmus", &t.db) < 0)
        code = tool_fail(&t, TOOL_CANNOT, "%s: database.conninfo cannot be understood", config);
    else
        code = command->run(&t, argc, argv);
    db_free(t.db);
    conf_free(conf);
    if (fflush(stdout) != 0)
        code = tool_fail(&t, TOOL_CANNOT, "cannot write the output");
    return code;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    const char *config = ISTHMUS_CONF;
    const struct tool_command *command;
    int option;

    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            config = optarg;
            break;
        case 'h':
            print_usage(stdout);
            return TOOL_FINE;
        case 'v':
            (void)puts("isthmus " ISTHMUS_VERSION);
            return TOOL_FINE;
        default:
            print_usage(stderr);
            return TOOL_USAGE;
        }
    }
    if (optind == argc) {
        print_usage(stderr);
        return TOOL_USAGE;
    }
    command = find_command(argv[optind]);
    if (!command) {
        (void)fprintf(stderr, "isthmus: no command is called %s\n", argv[optind]);
        return TOOL_USAGE;
    }
    argc -= optind;
    argv += optind;
    optind = 0; /* the command scans its own */
    return run(config, command, argc, argv);
}
