#include "fhir/order_source.h"
#include "fhir/backoff.h"
#include "fhir/order_look.h"
#include "fhir/stop.h"
#include "store/base/cleanup.h"
#include "store/base/log.h"

#include <errno.h>

#define FIRST_MS 1000

/* How long to wait after a look that ended with @r; @failures in a row. */
static int wait_ms(const struct order_look *l, int r, struct answer *a, int *failures)
{
    int64_t ms, max_ms = (int64_t)l->settings->pause_max_s * 1000;
    int64_t asked_ms = r == -ECONNABORTED ? (int64_t)a->retry_after_s * 1000 : 0;

    if (r == 0) {
        if (*failures > 0)
            log_info("orders are read again after %d trials", *failures);
        *failures = 0;
        return l->settings->orders_interval_s * 1000;
    }
    ms = backoff_ms(++*failures, FIRST_MS, max_ms, asked_ms < max_ms ? asked_ms : max_ms,
                    backoff_lot());
    if (*failures == 1)
        log_warning("orders cannot be read (%s), trying again",
                    r == -ECONNABORTED ? a->reason : db_problem(l->db));
    if (r == -ECONNABORTED)
        answer_done(a);
    else
        db_disconnect(l->db);
    return (int)ms;
}

int order_source_run(struct db *db, const struct settings *settings,
                     const struct order_rules *rules, const struct worklist_options *options)
{
    _cleanup_free_ char *message = NULL;
    struct order_look l;
    int failures = 0, r = order_look_open(db, settings, rules, options, &l, &message);

    if (r < 0) {
        log_error("orders cannot be read: %s", message);
        order_look_close(&l);
        return -EINVAL;
    }
    while (!stop_requested()) {
        struct answer answer = {0};

        r = order_look(&l, &answer);
        (void)stop_wait(wait_ms(&l, r, &answer, &failures));
    }
    order_look_close(&l);
    return 0;
}
