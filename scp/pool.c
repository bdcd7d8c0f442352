#include "scp/pool.h"

#include "scp/handover.h"
#include "scp/worker.h"
#include "store/base/clock.h"
#include "store/base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#define INDEXER 0             /* slot of the indexer; workers have the others */
#define IDLE_SURPLUS_MS 60000 /* an idle worker above workers_min goes after so long */
#define REBIRTH_MS 1000       /* between two attempts after a child died at birth */

enum child_state { NONE, IDLE, BUSY };

struct child {
    enum child_state state;
    pid_t pid;
    int line;
    struct peer peer;          /* whom it serves, when BUSY */
    int64_t born_ms, since_ms; /* since_ms: in this state */
    bool retire;               /* started with settings that are no longer ours */
};

struct pool {
    struct store *store;
    const struct settings *settings;
    int epoll_fd;
    void (*before_child)(void *context);
    void *context;
    bool stopping;
    int64_t not_before_ms; /* the next birth */
    unsigned n_slots;
    struct child *children; /* [0] is the indexer */
};

static int grow(struct pool *p, unsigned n)
{
    struct child *more = realloc(p->children, n * sizeof *more);

    if (!more)
        return -ENOMEM;
    for (unsigned i = p->n_slots; i < n; i++)
        more[i] = (struct child){.line = -1};
    p->children = more;
    p->n_slots = n;
    return 0;
}

int pool_new(struct store *store, const struct settings *settings, int epoll_fd,
             void (*before_child)(void *context), void *context, struct pool **ret)
{
    struct pool *p = calloc(1, sizeof *p);

    if (!p)
        return -ENOMEM;
    *p = (struct pool){.store = store,
                       .settings = settings,
                       .epoll_fd = epoll_fd,
                       .before_child = before_child,
                       .context = context};
    if (grow(p, (unsigned)settings->workers_max + 1) < 0)
        return pool_free(p), -ENOMEM;
    *ret = p;
    return 0;
}

struct pool *pool_free(struct pool *p)
{
    if (p) {
        for (unsigned i = 0; i < p->n_slots; i++)
            if (p->children[i].line >= 0)
                (void)close(p->children[i].line);
        free(p->children);
        free(p);
    }
    return NULL;
}

static void let_go(struct child *c)
{
    if (c->line >= 0)
        (void)close(c->line); /* also leaves epoll */
    c->line = -1;
}

_Noreturn static void be_child(struct pool *p, unsigned slot, int line)
{
    p->before_child(p->context);
    for (unsigned i = 0; i < p->n_slots; i++)
        let_go(&p->children[i]);
    if (slot == INDEXER)
        indexer_run(line, p->settings, p->store);
    worker_run(line, p->settings, p->store);
}

static int give_birth(struct pool *p, unsigned slot)
{
    struct child *c = &p->children[slot];
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = slot};
    int ends[2];

    if (handover_pair(ends) < 0)
        return -EAGAIN;
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        be_child(p, slot, ends[1]);
    }
    (void)close(ends[1]);
    if (pid < 0 || epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, ends[0], &e) < 0) {
        (void)close(ends[0]);
        log_error("cannot start a worker: %s", strerror(errno));
        p->not_before_ms = clock_ms() + REBIRTH_MS;
        return -EAGAIN;
    }
    /* Idle from birth: what it is handed waits in its line. */
    *c = (struct child){.state = IDLE, .pid = pid, .line = ends[0], .born_ms = clock_ms()};
    c->since_ms = c->born_ms;
    return 0;
}

static unsigned workers(const struct pool *p)
{
    unsigned n = 0;

    for (unsigned i = 1; i < p->n_slots; i++)
        n += p->children[i].state != NONE;
    return n;
}

static int free_slot(const struct pool *p)
{
    for (unsigned i = 1; i < p->n_slots; i++)
        if (p->children[i].state == NONE)
            return (int)i;
    return -1;
}

/* Let one idle worker go that has had nothing to do for long. Returns when to look again. */
static int shed(struct pool *p)
{
    int64_t now = clock_ms(), next = -1;

    if (workers(p) <= (unsigned)p->settings->workers_min)
        return -1;
    for (unsigned i = 1; i < p->n_slots; i++) {
        struct child *c = &p->children[i];
        if (c->state != IDLE || c->line < 0)
            continue;
        int64_t left = c->since_ms + IDLE_SURPLUS_MS - now;
        if (left <= 0) {
            let_go(c);
            return 100; /* there may be more */
        }
        next = next < 0 || left < next ? left : next;
    }
    return (int)next;
}

int pool_keep(struct pool *p)
{
    int slot = 0;

    if (p->stopping)
        return -1;
    if (clock_ms() < p->not_before_ms)
        return (int)(p->not_before_ms - clock_ms());
    if (p->children[INDEXER].state == NONE && give_birth(p, INDEXER) < 0)
        return REBIRTH_MS;
    while (workers(p) < (unsigned)p->settings->workers_min && (slot = free_slot(p)) > 0)
        if (give_birth(p, (unsigned)slot) < 0)
            return REBIRTH_MS;
    return shed(p);
}

static void wake_indexer(struct pool *p)
{
    if (p->children[INDEXER].line >= 0)
        handover_say(p->children[INDEXER].line, HANDOVER_WAKE);
}

/* The one that was busy last: its caches are warm, and the others can be shed. */
static struct child *idle_worker(struct pool *p)
{
    struct child *best = NULL;

    for (unsigned i = 1; i < p->n_slots; i++) {
        struct child *c = &p->children[i];
        if (c->state == IDLE && c->line >= 0 && (!best || c->since_ms > best->since_ms))
            best = c;
    }
    return best;
}

static unsigned serving(const struct pool *p, const struct peer *peer)
{
    unsigned n = 0;

    for (unsigned i = 1; i < p->n_slots; i++)
        n += p->children[i].state == BUSY && memcmp(&p->children[i].peer, peer, sizeof *peer) == 0;
    return n;
}

int pool_dispatch(struct pool *p, int fd, uint64_t number, const struct peer *peer)
{
    struct child *c;

    if (serving(p, peer) >= (unsigned)p->settings->associations_per_address)
        return -EUSERS;
    for (;;) {
        int slot = -1;
        if (!(c = idle_worker(p)) && workers(p) < (unsigned)p->settings->workers_max)
            slot = free_slot(p);
        if (slot > 0 && clock_ms() >= p->not_before_ms && give_birth(p, (unsigned)slot) == 0)
            c = &p->children[slot];
        if (!c || p->stopping)
            return -EBUSY;
        c->state = BUSY;
        c->peer = *peer;
        c->since_ms = clock_ms();
        if (handover_send(c->line, fd, number) == 0)
            return 0;
        let_go(c); /* it died while idle; reaping will tell */
    }
}

void pool_listen(struct pool *p, uint32_t id)
{
    struct child *c = &p->children[id];
    int word;

    while (c->line >= 0 && (word = handover_hear(c->line)) != 0) {
        if (word == HANDOVER_SPOOLED)
            wake_indexer(p);
        if (word == HANDOVER_IDLE) {
            c->state = IDLE;
            c->since_ms = clock_ms();
        }
        if (word < 0 || (word == HANDOVER_IDLE && (c->retire || p->stopping)))
            let_go(c);
    }
}

static void child_ended(struct pool *p, struct child *c, int status)
{
    bool is_indexer = c == &p->children[INDEXER];
    bool failed = WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
    pid_t pid = c->pid;

    if (failed && clock_ms() - c->born_ms < REBIRTH_MS)
        p->not_before_ms = clock_ms() + REBIRTH_MS;
    let_go(c);
    *c = (struct child){.line = -1};
    if (!failed || p->stopping)
        return;
    log_error("%s %d ended by %s %d; a new one takes its place", is_indexer ? "indexer" : "worker",
              (int)pid, WIFSIGNALED(status) ? "signal" : "exit status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if (!is_indexer)
        wake_indexer(p); /* it may have left a sealed file behind */
}

void pool_reap(struct pool *p)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (unsigned i = 0; i < p->n_slots; i++)
            if (p->children[i].state != NONE && p->children[i].pid == pid)
                child_ended(p, &p->children[i], status);
}

void pool_renew(struct pool *p, const struct settings *settings)
{
    p->settings = settings;
    if ((unsigned)settings->workers_max + 1 > p->n_slots)
        (void)grow(p, (unsigned)settings->workers_max + 1);
    for (unsigned i = 0; i < p->n_slots; i++) {
        struct child *c = &p->children[i];
        c->retire = c->state != NONE;
        if (c->state == IDLE || i == INDEXER)
            let_go(c);
    }
}

void pool_stop(struct pool *p)
{
    p->stopping = true;
    for (unsigned i = 0; i < p->n_slots; i++) {
        if (p->children[i].state == NONE)
            continue;
        (void)kill(p->children[i].pid, SIGTERM);
        if (p->children[i].state != BUSY)
            let_go(&p->children[i]);
    }
}

void pool_kill(struct pool *p)
{
    for (unsigned i = 0; i < p->n_slots; i++)
        if (p->children[i].state != NONE)
            (void)kill(p->children[i].pid, SIGKILL);
}

unsigned pool_busy(const struct pool *p)
{
    unsigned n = 0;

    for (unsigned i = 1; i < p->n_slots; i++)
        n += p->children[i].state == BUSY;
    return n;
}

unsigned pool_children(const struct pool *p)
{
    return workers(p) + (p->children[INDEXER].state != NONE);
}
