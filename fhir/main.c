/* isthmus-fhir: publishes changed studies as FHIR. The main process reads the configuration,
 * keeps one or more senders per target running (sender.c) and answers signals:
 * SIGTERM, SIGINT end all; SIGHUP reads the configuration again. */
#include "fhir/inspect.h"
#include "fhir/memory.h"
#include "fhir/order_files.h"
#include "fhir/sender.h"
#include "fhir/settings.h"
#include "store/base/cleanup.h"
#include "store/base/log.h"
#include "store/schema.h"
#include "store/worklist.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#define STOP_MS 15000

static const struct conf_section *const sections[] = {
    &conf_database, &conf_store, &conf_log, &conf_orders, &settings_fhir, &settings_target, NULL};

struct daemon {
    const char *path;
    struct conf *conf;
    struct senders *senders;
    int signal_fd;
};

static int usage(FILE *f)
{
    (void)fputs(
        "usage: isthmus-fhir [--config FILE] [--check]\n"
        "       isthmus-fhir [--config FILE] --show STUDY | --coverage STUDY|all | --test | "
        "--look\n"
        "                    [--target NAME] [--release R5|R4] [--json]\n"
        "  --config FILE  the configuration (" ISTHMUS_CONF ")\n"
        "  --check        read the configuration, print it as it is in force, and exit\n"
        "  --show STUDY   print the Bundle of a Study Instance UID, without sending it\n"
        "  --coverage STUDY|all  print which paths of the mapping are filled\n"
        "  --test         try a target: connection, authentication, capabilities, $validate\n"
        "  --look         look for orders on a target once, and put them into the worklist\n"
        "  --read-orders  print the orders in the FHIR files that standard input names (for\n"
        "                 isthmus worklist import)\n"
        "  --target NAME  for these four: the target (the first one)\n"
        "  --release R    build in this release, R5 or R4 (what the target is)\n"
        "  --json         --coverage, --look as JSON\n"
        "  --options      print every option with its default, range and meaning, and exit\n"
        "  --version\n"
        "  --help\n",
        f);
    return f == stderr ? 2 : EXIT_SUCCESS;
}

/* Read the file and see that every target's settings fit together. */
static int load(const char *path, struct conf **ret, char **ret_message)
{
    struct conf *c;
    int r = conf_load(path, sections, &c, ret_message);

    if (r < 0)
        return r;
    for (size_t i = 0; i < settings_count(c); i++) {
        struct settings settings;

        r = settings_read(c, i, &settings, ret_message);
        if (r < 0) {
            (void)conf_free(c);
            return r;
        }
        settings_done(&settings);
    }
    *ret = c;
    return 0;
}

/* A schema of another version is refused at once; a database that is away is waited for. */
static int check_schema(const struct conf *c)
{
    struct db *db = NULL;
    _cleanup_free_ char *message = NULL;
    int r = db_new_conf(c, "isthmus-fhir", &db);

    if (r < 0) {
        log_error("database: conninfo is not valid");
        return r;
    }
    r = schema_check(db, &message);
    if (r < 0 && r != -EAGAIN)
        log_error("%s", message ? message : "the schema of the database cannot be read");
    (void)db_free(db);
    return r == -EAGAIN ? 0 : r;
}

static void notify_reloading(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
                     (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

static void notify_ready(const struct daemon *d)
{
    (void)sd_notifyf(0, "READY=1\nSTATUS=%zu targets", settings_count(d->conf));
}

/* With a file that cannot be used the old settings stay in force. */
static void reload(struct daemon *d)
{
    _cleanup_free_ char *message = NULL;
    struct conf *c;

    notify_reloading();
    if (load(d->path, &c, &message) < 0) {
        log_error("%s; going on with the old configuration", message ? message : "out of memory");
    } else {
        d->senders = senders_stop(d->senders, STOP_MS);
        (void)conf_free(d->conf);
        d->conf = c;
        log_open("isthmus-fhir", conf_string(c, "log", "level"));
        log_info("configuration read again: %zu targets", settings_count(c));
        d->senders = senders_start(c);
    }
    notify_ready(d);
}

static void collect_children(struct daemon *d)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        (void)senders_ended(d->senders, pid, status);
}

/* Whether to go on. */
static bool take_signal(struct daemon *d)
{
    struct signalfd_siginfo info;

    if (read(d->signal_fd, &info, sizeof info) != sizeof info)
        return true;
    switch (info.ssi_signo) {
    case SIGCHLD:
        collect_children(d);
        return true;
    case SIGHUP:
        reload(d);
        return true;
    default:
        return false;
    }
}

static void serve(struct daemon *d)
{
    struct pollfd fd = {.fd = d->signal_fd, .events = POLLIN};
    uint64_t watchdog_us = 0;
    int tick_ms = sd_watchdog_enabled(0, &watchdog_us) > 0 ? (int)(watchdog_us / 2000) : -1;

    for (;;) {
        int wait_ms = senders_tend(d->senders);

        if (wait_ms < 0 || (tick_ms > 0 && tick_ms < wait_ms))
            wait_ms = tick_ms;
        if (poll(&fd, 1, wait_ms) > 0 && !take_signal(d))
            return;
        if (tick_ms > 0)
            (void)sd_notify(0, "WATCHDOG=1");
    }
}

static int open_signals(void)
{
    static const int taken[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        (void)sigaddset(&set, taken[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static int run(const char *path, struct conf *conf)
{
    struct daemon d = {.path = path, .conf = conf};

    log_open("isthmus-fhir", conf_string(conf, "log", "level"));
    if (settings_count(conf) == 0)
        log_warning("no target {} is configured: nothing will be published");
    d.signal_fd = open_signals();
    if (d.signal_fd < 0 || check_schema(conf) < 0) {
        (void)conf_free(conf);
        return EXIT_FAILURE;
    }
    d.senders = senders_start(conf);
    log_info("version " ISTHMUS_VERSION ", %zu targets", settings_count(conf));
    notify_ready(&d);
    serve(&d);
    (void)sd_notify(0, "STOPPING=1");
    d.senders = senders_stop(d.senders, STOP_MS);
    log_info("stopped");
    (void)close(d.signal_fd);
    (void)conf_free(d.conf);
    return EXIT_SUCCESS;
}

struct arguments {
    const char *path;
    struct inspection inspection;
    int command; /* 's', 'a', 't', 'l': one of inspect.h; 0: none */
    bool check;
};

/* An exit status, or -1: go on. */
static int read_arguments(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},  {"check", no_argument, NULL, 'C'},
        {"show", required_argument, NULL, 's'},    {"coverage", required_argument, NULL, 'a'},
        {"test", no_argument, NULL, 't'},          {"look", no_argument, NULL, 'l'},
        {"read-orders", no_argument, NULL, 'O'},   {"target", required_argument, NULL, 'T'},
        {"release", required_argument, NULL, 'r'}, {"json", no_argument, NULL, 'j'},
        {"options", no_argument, NULL, 'o'},       {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    struct inspection *i = &ret->inspection;
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
        switch (option) {
        case 'c':
            ret->path = optarg;
            break;
        case 'C':
            ret->check = true;
            break;
        case 's':
        case 'a':
        case 't':
        case 'l':
        case 'O':
            ret->command = option;
            i->study = optarg && strcmp(optarg, "all") != 0 ? optarg : NULL;
            break;
        case 'T':
            i->target = optarg;
            break;
        case 'r':
            i->release = optarg;
            break;
        case 'j':
            i->json = true;
            break;
        case 'o':
            conf_print_options(sections);
            return EXIT_SUCCESS;
        case 'V':
            (void)puts("isthmus-fhir " ISTHMUS_VERSION);
            return EXIT_SUCCESS;
        case 'h':
            return usage(stdout);
        default:
            return usage(stderr);
        }
    if (optind < argc || (!ret->command && (i->target || i->release || i->json)) ||
        (ret->command == 's' && !i->study) ||
        (i->release && strcmp(i->release, "R5") != 0 && strcmp(i->release, "R4") != 0))
        return usage(stderr);
    return -1;
}

static int inspect(const struct conf *conf, const struct arguments *a)
{
    log_open("isthmus-fhir", a->command == 'l' ? "warning" : "error");
    if (a->command == 'O')
        return order_files_read(conf);
    if (a->command == 'l')
        return inspect_orders(conf, &a->inspection);
    return a->command == 's'   ? inspect_show(conf, &a->inspection)
           : a->command == 'a' ? inspect_coverage(conf, &a->inspection)
                               : inspect_target(conf, &a->inspection);
}

int main(int argc, char **argv)
{
    struct arguments a = {.path = ISTHMUS_CONF};
    _cleanup_free_ char *message = NULL;
    struct conf *conf;
    int status = read_arguments(argc, argv, &a);

    if (status >= 0)
        return status;
    memory_begin();
    if (load(a.path, &conf, &message) < 0) {
        (void)fprintf(stderr, "isthmus-fhir: %s\n", message ? message : "out of memory");
        return EXIT_FAILURE;
    }
    if (!a.check && !a.command)
        return run(a.path, conf);
    if (a.check)
        conf_print(conf, sections);
    status = a.command ? inspect(conf, &a) : EXIT_SUCCESS;
    (void)conf_free(conf);
    return status;
}
