#include "fhir/sender.h"
#include "fhir/backoff.h"
#include "fhir/client.h"
#include "fhir/memory.h"
#include "fhir/order_source.h"
#include "fhir/publisher.h"
#include "fhir/reading.h"
#include "fhir/settings.h"
#include "fhir/stop.h"
#include "store/base/cleanup.h"
#include "store/base/clock.h"
#include "store/base/log.h"
#include "store/schema.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define RESTART_FIRST_MS 1000
#define RESTART_MAX_MS 60000
#define LONG_LIFE_MS 60000 /* who lived so long did not fail at its start */
#define SCHEMA_MAX_MS 10000

struct sender {
    size_t target; /* index in the configuration */
    bool orders;   /* brings orders in instead of sending */
    pid_t pid;     /* 0: to be started at start_at_ms */
    int64_t started_at_ms, start_at_ms;
    int failures; /* in a row */
};

struct senders {
    const struct conf *conf;
    size_t n;
    struct sender *list;
};

/* Wait until the database is there and has the schema that we know. */
static int await_schema(struct db *db)
{
    for (int failures = 1;; failures++) {
        _cleanup_free_ char *message = NULL;
        int r = schema_check(db, &message);

        if (r == -EAGAIN && failures == 1)
            log_warning("the database is away (%s), trying again", db_problem(db));
        else if (r < 0 && r != -EAGAIN)
            log_error("cannot publish: %s", message ? message : "the schema cannot be read");
        if (r != -EAGAIN)
            return r;
        if (stop_wait((int)backoff_ms(failures, 500, SCHEMA_MAX_MS, 0, backoff_lot())))
            return r;
    }
}

static int bring_orders(const struct conf *c, struct db *db, const struct settings *settings)
{
    struct worklist_options options = worklist_options_of(c);
    struct order_rules rules;

    settings_orders(c, &rules);
    return order_source_run(db, settings, &rules, &options);
}

static int work_for(const struct conf *c, size_t target, bool orders)
{
    struct settings settings;
    struct db *db = NULL;
    _cleanup_free_ char *message = NULL;
    int r = settings_read(c, target, &settings, &message);

    if (r < 0) {
        log_error("%s", message);
        return r;
    }
    r = db_new_conf(c, "isthmus-fhir", &db);
    if (r < 0)
        log_error("the database cannot be used as it is configured");
    else
        r = await_schema(db);
    if (r >= 0)
        r = orders ? bring_orders(c, db, &settings) : publisher_run(db, &settings);
    (void)db_free(db);
    settings_done(&settings);
    return r;
}

/* What the parent arranged for itself is not for its children. It ends them by SIGTERM; the
 * interrupt key of a terminal reaches all at once. */
static int begin_child(pid_t parent)
{
    sigset_t none;
    int r;

    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    r = stop_begin();
    if (r < 0)
        return r;
    (void)sigemptyset(&none);
    (void)sigaddset(&none, SIGTERM);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        return -ECANCELED;
    return client_begin();
}

static void start(struct senders *s, struct sender *sender)
{
    pid_t parent = getpid(), pid = fork();

    sender->started_at_ms = clock_ms();
    if (pid < 0) {
        sender->start_at_ms = sender->started_at_ms + RESTART_FIRST_MS;
        return;
    }
    if (pid == 0) {
        const struct conf *c = s->conf;
        size_t target = sender->target;
        bool orders = sender->orders;

        free(s->list);
        free(s);
        log_subject("target %s", conf_title(c, "target", target));
        exit(begin_child(parent) < 0 || work_for(c, target, orders) < 0 ? EXIT_FAILURE
                                                                        : EXIT_SUCCESS);
    }
    sender->pid = pid;
}

static void add_sender(struct senders *s, struct sender sender)
{
    s->list = memory_resize(s->list, (s->n + 1) * sizeof *s->list);
    s->list[s->n++] = sender;
}

struct senders *senders_start(const struct conf *c)
{
    struct senders *s = memory_new(sizeof *s);

    *s = (struct senders){.conf = c};
    for (size_t i = 0; i < settings_count(c); i++) {
        const char *orders = conf_titled_string(c, "target", i, "orders");
        long long n = conf_titled_int(c, "target", i, "senders");

        for (; n > 0 && strcmp(orders, "only") != 0; n--)
            add_sender(s, (struct sender){.target = i});
        if (strcmp(orders, "none") != 0)
            add_sender(s, (struct sender){.target = i, .orders = true});
    }
    (void)senders_tend(s);
    return s;
}

bool senders_ended(struct senders *s, pid_t pid, int status)
{
    for (size_t i = 0; i < s->n; i++) {
        struct sender *sender = &s->list[i];

        if (sender->pid != pid)
            continue;
        sender->pid = 0;
        if (clock_ms() - sender->started_at_ms > LONG_LIFE_MS)
            sender->failures = 0;
        sender->start_at_ms = clock_ms() + backoff_ms(++sender->failures, RESTART_FIRST_MS,
                                                      RESTART_MAX_MS, 0, backoff_lot());
        if (WIFSIGNALED(status))
            log_warning("the sender of target %s died of signal %d, starting another",
                        conf_title(s->conf, "target", sender->target), WTERMSIG(status));
        return true;
    }
    return false;
}

int senders_tend(struct senders *s)
{
    int64_t next_ms = -1;

    for (size_t i = 0; i < s->n; i++) {
        struct sender *sender = &s->list[i];
        int64_t left_ms = sender->start_at_ms - clock_ms();

        if (sender->pid > 0)
            continue;
        if (left_ms <= 0) {
            start(s, sender);
            left_ms = sender->pid > 0 ? -1 : RESTART_FIRST_MS;
        }
        if (left_ms > 0 && (next_ms < 0 || left_ms < next_ms))
            next_ms = left_ms;
    }
    return (int)next_ms;
}

static size_t signal_all(const struct senders *s, int signal_number)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        if (s->list[i].pid > 0) {
            (void)kill(s->list[i].pid, signal_number);
            n++;
        }
    return n;
}

/* Collect the children that have ended; the number of those that have not. */
static size_t collect(struct senders *s)
{
    size_t left = 0;

    for (size_t i = 0; i < s->n; i++) {
        struct sender *sender = &s->list[i];

        if (sender->pid > 0 && waitpid(sender->pid, NULL, WNOHANG) != 0)
            sender->pid = 0;
        left += sender->pid > 0;
    }
    return left;
}

struct senders *senders_stop(struct senders *s, int wait_ms)
{
    const struct timespec tick = {.tv_nsec = 10L * 1000 * 1000};
    int64_t until_ms = clock_ms() + wait_ms;

    if (!s)
        return NULL;
    (void)signal_all(s, SIGTERM);
    while (collect(s) > 0 && clock_ms() < until_ms)
        (void)nanosleep(&tick, NULL);
    if (signal_all(s, SIGKILL) > 0)
        log_warning("senders did not end in time and were killed");
    for (size_t i = 0; i < s->n; i++)
        if (s->list[i].pid > 0)
            (void)waitpid(s->list[i].pid, NULL, 0);
    free(s->list);
    free(s);
    return NULL;
}
