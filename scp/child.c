#include "scp/child.h"

#include "scp/dimse.h"
#include "store/base/log.h"

#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>

volatile sig_atomic_t child_stopping;

static void on_term(int signal_number)
{
    (void)signal_number;
    child_stopping = 1;
    dimse_drain();
}

void child_begin(const char *name)
{
    struct sigaction term = {.sa_handler = on_term}; /* no SA_RESTART: waits end */
    sigset_t none;

    (void)sigaction(SIGTERM, &term, NULL);
    (void)signal(SIGINT, SIG_IGN); /* Ctrl-C is for the parent; it tells us */
    (void)signal(SIGHUP, SIG_IGN);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_NAME, name);
    /* Woken by a disk or the database, we need not be first: who runs has less to do again. */
    (void)sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
    log_subject(NULL);
}
