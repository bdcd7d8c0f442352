#include "store/crew.h"
#include "store/base/cleanup.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define AHEAD 8 /* tasks that a process has before its answer to the first is taken */

struct task {
    void *bytes;
    size_t n;
};

struct process {
    pid_t pid;
    int line;
};

struct crew {
    crew_work *work;
    crew_answer *answer;
    void *context;
    unsigned n;
    struct process processes[CREW_MAX];
    struct task tasks[CREW_MAX * AHEAD]; /* without answer: number % (n * AHEAD) */
    uint64_t given, answered;
};

static int send_all(int line, const void *bytes, size_t n)
{
    for (const char *p = bytes; n > 0;) {
        ssize_t done = send(line, p, n, MSG_NOSIGNAL);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -EPIPE;
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

static int receive_all(int line, void *bytes, size_t n)
{
    for (char *p = bytes; n > 0;) {
        ssize_t done = recv(line, p, n, 0);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -EPIPE;
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

static int send_message(int line, const void *bytes, size_t n)
{
    uint64_t length = n;
    int r = send_all(line, &length, sizeof length);

    return r < 0 ? r : send_all(line, bytes, n);
}

/* -EPIPE: nobody is there any more. */
static int receive_message(int line, void **ret, size_t *ret_n)
{
    _cleanup_free_ void *bytes = NULL;
    uint64_t length = 0;
    int r = receive_all(line, &length, sizeof length);

    if (r < 0 || length > CREW_MESSAGE_MAX)
        return -EPIPE;
    bytes = malloc(length + 1);
    if (!bytes)
        return -ENOMEM;
    r = receive_all(line, bytes, length);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(bytes);
    *ret_n = length;
    return 0;
}

_Noreturn static void serve(const struct crew *c, int line)
{
    for (;;) {
        void *task = NULL, *answer = NULL;
        size_t n = 0, answer_n = 0;

        if (receive_message(line, &task, &n) < 0)
            _exit(0);
        if (c->work(c->context, task, n, &answer, &answer_n) < 0 ||
            send_message(line, answer, answer_n) < 0)
            _exit(1);
        free(task);
        free(answer);
    }
}

/* A line that another process held too would not end with ours. */
static void close_lines(const struct crew *c)
{
    for (unsigned i = 0; i < c->n; i++)
        if (c->processes[i].line >= 0)
            (void)close(c->processes[i].line);
}

static int start(struct crew *c, struct process *p)
{
    int lines[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, lines) < 0)
        return -errno;
    p->pid = fork();
    if (p->pid < 0) {
        int e = -errno;

        (void)close(lines[0]);
        (void)close(lines[1]);
        return e;
    }
    if (p->pid == 0) {
        (void)close(lines[0]);
        close_lines(c);
        serve(c, lines[1]);
    }
    (void)close(lines[1]);
    p->line = lines[0];
    return 0;
}

static void stop(struct process *p)
{
    if (p->line >= 0)
        (void)close(p->line);
    p->line = -1;
    if (p->pid > 0) {
        (void)kill(p->pid, SIGKILL);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    p->pid = 0;
}

int crew_new(unsigned n, crew_work *work, crew_answer *answer, void *context, struct crew **ret)
{
    struct crew *c = n > 0 && n <= CREW_MAX ? calloc(1, sizeof *c) : NULL;
    int r = 0;

    if (!c)
        return n > 0 && n <= CREW_MAX ? -ENOMEM : -EINVAL;
    *c = (struct crew){.work = work, .answer = answer, .context = context, .n = n};
    for (unsigned i = 0; i < n; i++)
        c->processes[i].line = -1;
    for (unsigned i = 0; r == 0 && i < n; i++)
        r = start(c, &c->processes[i]);
    if (r < 0)
        crew_free(c);
    else
        *ret = c;
    return r;
}

static struct process *process_of(struct crew *c, uint64_t task)
{
    return &c->processes[task % c->n];
}

static struct task *task_of(struct crew *c, uint64_t number)
{
    return &c->tasks[number % ((uint64_t)c->n * AHEAD)];
}

/* The process died over task @number: a new one gets those that it had not begun. */
static int replace(struct crew *c, uint64_t number)
{
    struct process *p = process_of(c, number);
    int r;

    stop(p);
    r = start(c, p);
    for (uint64_t next = number + c->n; r == 0 && next < c->given; next += c->n) {
        const struct task *t = task_of(c, next);

        (void)send_message(p->line, t->bytes, t->n); /* dead again: seen when its answer is due */
    }
    return r;
}

static int take_answer(struct crew *c)
{
    uint64_t number = c->answered++;
    struct task *t = task_of(c, number);
    _cleanup_free_ void *answer = NULL;
    _cleanup_free_ void *task = TAKE_PTR(t->bytes);
    size_t n = 0;
    int r = receive_message(process_of(c, number)->line, &answer, &n);

    if (r == -EPIPE)
        r = replace(c, number);
    return r < 0 ? r : c->answer(c->context, task, t->n, answer, n);
}

int crew_give(struct crew *c, const void *task, size_t n)
{
    struct task *t;
    int r = 0;

    if (c->given - c->answered == (uint64_t)c->n * AHEAD)
        r = take_answer(c);
    if (r != 0)
        return r;
    t = task_of(c, c->given);
    t->bytes = malloc(n + 1);
    if (!t->bytes)
        return -ENOMEM;
    memcpy(t->bytes, task, n);
    t->n = n;
    (void)send_message(process_of(c, c->given)->line, task, n); /* dead: as above */
    c->given++;
    return 0;
}

int crew_finish(struct crew *c)
{
    int r = 0;

    while (r == 0 && c->answered < c->given)
        r = take_answer(c);
    return r;
}

struct crew *crew_free(struct crew *c)
{
    if (!c)
        return NULL;
    for (unsigned i = 0; i < c->n; i++)
        stop(&c->processes[i]);
    for (size_t i = 0; i < sizeof c->tasks / sizeof *c->tasks; i++)
        free(c->tasks[i].bytes);
    free(c);
    return NULL;
}
