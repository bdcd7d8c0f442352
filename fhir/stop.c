#include "fhir/stop.h"
#include "store/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>

static int signal_fd = -1;
static int64_t requested_at_ms = -1;

int stop_begin(void)
{
    sigset_t term;

    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &term, NULL) < 0)
        return -errno;
    signal_fd = signalfd(-1, &term, SFD_CLOEXEC);
    return signal_fd < 0 ? -errno : 0;
}

/* The signal stays in the descriptor: once readable, always readable. */
bool stop_wait(int wait_ms)
{
    int64_t until_ms = clock_ms() + wait_ms;
    struct pollfd fd = {.fd = signal_fd, .events = POLLIN};
    int r;

    do {
        int64_t left_ms = until_ms - clock_ms();

        r = poll(&fd, 1, left_ms > 0 ? (int)left_ms : 0);
    } while (r < 0 && errno == EINTR);
    if (r > 0 && requested_at_ms < 0)
        requested_at_ms = clock_ms();
    return r > 0;
}

bool stop_requested(void)
{
    return stop_wait(0);
}

bool stop_overdue(void)
{
    return stop_requested() && clock_ms() - requested_at_ms > STOP_GRACE_MS;
}
