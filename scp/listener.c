#include "scp/listener.h"

#include "scp/pool.h"
#include "scp/waiting.h"
#include "store/base/clock.h"
#include "store/base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/* What an epoll event is about: kind << 32 | index; pool.c uses kind 0. */
enum { KIND_CHILD, KIND_SOCKET, KIND_WAITING, KIND_SIGNAL };

#define COMPLAIN_EVERY_MS 60000

struct listener {
    int epoll_fd, signal_fd;
    struct sockets *sockets;
    const struct settings *settings;
    struct pool *pool;
    struct waiting waiting[WAITING_MAX];
    unsigned waiting_end;  /* no slot from here on is in use */
    uint64_t associations; /* numbers for the log */
    uint64_t rejected;
    int64_t complain_ms; /* no warning about too many before */
    int64_t watchdog_ms; /* interval, 0: none asked for */
    int64_t watchdog_due_ms, drain_ends_ms;
    const struct settings *(*reload)(void);
};

static int watch(struct listener *l, int fd, uint32_t kind, unsigned index)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP,
                            .data.u64 = (uint64_t)kind << 32 | index};

    return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

/* --- connections that wait for their request --- */

static void forget(struct waiting *w)
{
    if (w->fd >= 0)
        (void)close(w->fd);
    w->fd = -1;
}

/* Too many wait or too many files are open: the one that has waited longest goes. */
static void forget_oldest(struct listener *l, const char *why)
{
    struct waiting *oldest = NULL;

    for (unsigned i = 0; i < WAITING_MAX; i++)
        if (l->waiting[i].fd >= 0 && (!oldest || l->waiting[i].since_ms < oldest->since_ms))
            oldest = &l->waiting[i];
    if (clock_ms() >= l->complain_ms) {
        l->complain_ms = clock_ms() + COMPLAIN_EVERY_MS;
        log_warning("%s; the connection that has waited longest is closed", why);
    }
    if (oldest)
        forget(oldest);
}

static struct waiting *waiting_slot(struct listener *l)
{
    for (;;) {
        for (unsigned i = 0; i < WAITING_MAX; i++) {
            if (l->waiting[i].fd >= 0)
                continue;
            if (i >= l->waiting_end)
                l->waiting_end = i + 1;
            return &l->waiting[i];
        }
        forget_oldest(l, "too many connections wait without a request");
    }
}

static void serve(struct listener *l, struct waiting *w)
{
    (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    int r = pool_dispatch(l->pool, w->fd, ++l->associations, &w->peer);
    if (r == 0) {
        forget(w);
        return;
    }
    waiting_reject(w);
    if (l->rejected++ % 100 == 0)
        log_warning("association rejected, local limit exceeded: %s; %llu so far",
                    r == -EUSERS ? "one address has scp.associations_per_address"
                                 : "all of scp.workers_max are at work",
                    (unsigned long long)l->rejected);
}

/* @hung_up: the peer will send no more; what is incomplete stays so. */
static void waiting_event(struct listener *l, struct waiting *w, bool hung_up)
{
    if (w->fd < 0)
        return;
    switch (waiting_look(w)) {
    case WAITING_READY:
        serve(l, w);
        break;
    case WAITING_ALIEN:
        log_warning("a connection closed: what it sent is not a DICOM association request");
        forget(w);
        break;
    case WAITING_GONE:
        forget(w);
        break;
    case WAITING_STILL:
        if (hung_up)
            forget(w);
        break;
    }
}

/* The request often comes with the connection, which then need not be watched. */
static void accept_all(struct listener *l, int socket_fd)
{
    int fd;

    while ((fd = accept4(socket_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        struct waiting *w = waiting_slot(l);
        *w = (struct waiting){.fd = fd, .peer = waiting_peer(fd), .since_ms = clock_ms()};
        waiting_event(l, w, false);
        if (w->fd >= 0 && watch(l, fd, KIND_WAITING, (unsigned)(w - l->waiting)) < 0)
            forget(w);
    }
    if (errno == EMFILE || errno == ENFILE)
        forget_oldest(l, "too many open files (LimitNOFILE)");
}

/* Close those over their time. Returns milliseconds to the next one, -1: none waits. */
static int expire(struct listener *l)
{
    int64_t now = clock_ms(), next = -1;
    unsigned end = 0;

    for (unsigned i = 0; i < l->waiting_end; i++) {
        struct waiting *w = &l->waiting[i];
        int64_t left = w->since_ms + l->settings->limits.artim_ms - now;
        if (w->fd < 0)
            continue;
        if (left <= 0) {
            forget(w);
            continue;
        }
        end = i + 1;
        if (next < 0 || left < next)
            next = left;
    }
    l->waiting_end = end;
    return (int)next;
}

/* --- children, signals, time --- */

static void before_child(void *context)
{
    struct listener *l = context;

    sockets_close(l->sockets);
    for (unsigned i = 0; i < WAITING_MAX; i++)
        forget(&l->waiting[i]);
    (void)close(l->signal_fd);
    (void)close(l->epoll_fd);
}

static void drain(struct listener *l)
{
    if (l->drain_ends_ms > 0) { /* asked twice: hurry */
        l->drain_ends_ms = clock_ms();
        return;
    }
    (void)sd_notify(0, "STOPPING=1");
    log_info("stopping: %u associations at work", pool_busy(l->pool));
    /* Closing does not take a socket out of epoll while systemd holds it too. */
    for (unsigned i = 0; i < l->sockets->n; i++)
        (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, l->sockets->fds[i], NULL);
    sockets_close(l->sockets);
    for (unsigned i = 0; i < WAITING_MAX; i++)
        forget(&l->waiting[i]);
    l->drain_ends_ms = clock_ms() + l->settings->drain_ms;
    pool_stop(l->pool);
}

static void renew(struct listener *l)
{
    const struct settings *settings = l->reload();

    if (!settings)
        return;
    l->settings = settings;
    pool_renew(l->pool, settings);
    log_info("configuration read again; addresses and port change only with a restart");
}

static void signal_event(struct listener *l)
{
    struct signalfd_siginfo info;

    while (read(l->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            pool_reap(l->pool);
        else if (info.ssi_signo == SIGHUP && l->drain_ends_ms == 0)
            renew(l);
        else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            drain(l);
    }
}

static void dispatch_event(struct listener *l, const struct epoll_event *e)
{
    unsigned index = (unsigned)e->data.u64;

    switch (e->data.u64 >> 32) {
    case KIND_CHILD:
        pool_listen(l->pool, index);
        break;
    case KIND_SOCKET:
        if (index < l->sockets->n)
            accept_all(l, l->sockets->fds[index]);
        break;
    case KIND_WAITING:
        waiting_event(l, &l->waiting[index], e->events & (EPOLLRDHUP | EPOLLHUP));
        break;
    case KIND_SIGNAL:
        signal_event(l);
        break;
    }
}

static int sooner(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Everything that time asks for. Returns how long to sleep, -1: until something happens. */
static int keep(struct listener *l)
{
    int wait = sooner(pool_keep(l->pool), expire(l));
    int64_t now = clock_ms();

    if (l->drain_ends_ms > 0) {
        if (now >= l->drain_ends_ms)
            pool_kill(l->pool);
        wait = sooner(wait, now >= l->drain_ends_ms ? 100 : (int)(l->drain_ends_ms - now));
    }
    if (l->watchdog_ms > 0) {
        if (now >= l->watchdog_due_ms) {
            (void)sd_notify(0, "WATCHDOG=1");
            l->watchdog_due_ms = now + l->watchdog_ms;
        }
        wait = sooner(wait, (int)(l->watchdog_due_ms - now));
    }
    return wait;
}

static int set_up(struct listener *l, struct store *store)
{
    uint64_t watchdog_us = 0;
    sigset_t signals;
    int r = 0;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGCHLD);
    (void)sigaddset(&signals, SIGHUP);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    for (unsigned i = 0; i < WAITING_MAX; i++)
        l->waiting[i].fd = -1;
    l->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->signal_fd < 0 || l->epoll_fd < 0)
        return -errno;
    r = watch(l, l->signal_fd, KIND_SIGNAL, 0);
    for (unsigned i = 0; i < l->sockets->n && r == 0; i++)
        r = watch(l, l->sockets->fds[i], KIND_SOCKET, i);
    if (sd_watchdog_enabled(0, &watchdog_us) > 0)
        l->watchdog_ms = (int64_t)(watchdog_us / 2000);
    return r < 0 ? r : pool_new(store, l->settings, l->epoll_fd, before_child, l, &l->pool);
}

int listener_run(struct sockets *sockets, struct store *store, const struct settings *settings,
                 const struct settings *(*reload)(void))
{
    static struct listener l; /* static: a large table */
    struct epoll_event events[64];
    int r;

    l = (struct listener){.sockets = sockets, .settings = settings, .reload = reload};
    r = set_up(&l, store);
    if (r < 0)
        return r;
    int wait = keep(&l);
    log_info("ready: %s listens on %u sockets, port %d", settings->ae_title, sockets->n,
             settings->port);
    (void)sd_notify(0, "READY=1");
    while (l.drain_ends_ms == 0 || pool_children(l.pool) > 0) {
        int n = epoll_wait(l.epoll_fd, events, 64, wait);
        for (int i = 0; i < n; i++)
            dispatch_event(&l, &events[i]);
        wait = keep(&l);
    }
    l.pool = pool_free(l.pool);
    log_info("stopped");
    return 0;
}
