/* isthmus-scp: DICOM in. Options, configuration, start. */
#include "scp/dimse.h"
#include "scp/keys.h"
#include "scp/listener.h"
#include "scp/settings.h"
#include "store/base/cleanup.h"
#include "store/base/log.h"
#include "store/schema.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/resource.h>

static const char *config_path = ISTHMUS_CONF;
static struct settings current;

static const char help[] =
    "usage: isthmus-scp [--config FILE] [--check]\n"
    "The DICOM listener: C-ECHO and C-STORE for modalities and workstations.\n"
    "  --config FILE  read FILE instead of " ISTHMUS_CONF "\n"
    "  --check        read the configuration, print it as it is in force, and exit\n"
    "  --options      print every option with its default, range and meaning, and exit\n"
    "  --keys         print the C-FIND keys of each level as a Markdown table, and exit\n"
    "  --version      print the version and exit\n"
    "SIGTERM: finish what is in hand and stop. SIGHUP: read the configuration again.\n"
    "Exit status: 0 stopped as asked, 1 cannot run, 2 wrong usage or configuration.\n";

static int load(struct settings *ret)
{
    struct conf *c = NULL;
    _cleanup_free_ char *message = NULL;
    int r = conf_load(config_path, scp_sections, &c, &message);

    if (r < 0) {
        log_error("%s", message ? message : strerror(-r));
        return r;
    }
    settings_read(c, ret);
    log_open("isthmus-scp", conf_string(c, "log", "level"));
    return 0;
}

/* The files and rows of one process belong together: neither moves under its workers. */
static bool same_places(const struct conf *a, const struct conf *b)
{
    return strcmp(conf_string(a, "database", "conninfo"), conf_string(b, "database", "conninfo")) ==
               0 &&
           strcmp(conf_string(a, "store", "root"), conf_string(b, "store", "root")) == 0;
}

/* SIGHUP. The old configuration stays in memory: children that were forked with it use it. */
static const struct settings *reload(void)
{
    struct settings *fresh = malloc(sizeof *fresh);

    if (fresh && load(fresh) == 0) {
        if (same_places(fresh->conf, current.conf))
            return fresh;
        log_error("database.conninfo and store.root change only with a restart");
    }
    log_error("the configuration stays as it was");
    free(fresh);
    return NULL;
}

/* Another schema is refused; a database that is away is not: files are spooled until it is back. */
static int check_schema(const struct conf *c)
{
    struct db *db = NULL;
    _cleanup_free_ char *message = NULL;
    int r = db_new_conf(c, "isthmus-scp", &db);

    if (r == 0)
        r = schema_check(db, &message);
    if (r == -EAGAIN) {
        log_warning("the database is away; instances go to the spool until it is back");
        r = 0;
    } else if (r < 0) {
        log_error("%s", message ? message : "database.conninfo is not usable");
    }
    db_free(db);
    return r;
}

static int open_store(const struct conf *c, struct store **ret)
{
    const char *root = conf_string(c, "store", "root");
    uint64_t reserve = (uint64_t)conf_int(c, "store", "reserve_mib") << 20;
    int r = store_open(root, reserve, ret);

    if (r == -EXDEV)
        log_error("%s/incoming and %s/objects are on different file systems; they must share one",
                  root, root);
    else if (r < 0)
        log_error("the store %s cannot be used: %s; see store.root", root, strerror(-r));
    return r;
}

static void limit_resources(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    /* A core would be full of patients. */
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

static int listen_and_serve(struct store *store)
{
    struct sockets sockets = {0};
    _cleanup_free_ char *message = NULL;
    int r = sockets_open(&current, &sockets, &message);

    if (r < 0) {
        log_error("%s", message ? message : "cannot listen");
        return r;
    }
    r = listener_run(&sockets, store, &current, reload);
    if (r < 0)
        log_error("cannot run: %s", strerror(-r));
    return r;
}

static int run(void)
{
    struct store *store = NULL;
    int r;

    limit_resources();
    dimse_start();
    if (check_schema(current.conf) < 0 || open_store(current.conf, &store) < 0)
        return 1;
    r = listen_and_serve(store);
    store_free(store);
    return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check", no_argument, NULL, 'k'},
                                            {"options", no_argument, NULL, 'o'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"keys", no_argument, NULL, 'q'},
                                            {0}};
    bool check = false;
    int c;

    log_open("isthmus-scp", "info");
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'c')
            config_path = optarg;
        else if (c == 'k')
            check = true;
        else if (c == 'o')
            return conf_print_options(scp_sections), 0;
        else if (c == 'q')
            return keys_print(), 0;
        else if (c == 'v')
            return puts("isthmus-scp " ISTHMUS_VERSION), 0;
        else if (c == 'h')
            return fputs(help, stdout), 0;
        else
            return fputs(help, stderr), 2;
    }
    if (optind < argc)
        return fputs(help, stderr), 2;
    if (load(&current) < 0)
        return 2;
    if (check) {
        conf_print(current.conf, scp_sections);
        return 0;
    }
    return run();
}
