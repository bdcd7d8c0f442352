#include "scp/worker.h"

#include "scp/association.h"
#include "scp/child.h"
#include "scp/handover.h"
#include "store/base/log.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define WARM_MS 30000 /* the database connection is kept so long without an association */

/* DCMTK 3.6.7 loses what it has read of a request that it gives up on, up to WAITING_PDU_MAX: who
 * sends many of those must not use up the memory. */
#define HEAP_MAX ((size_t)64 << 20)
#define HEAP_LOOK_EVERY 8 /* associations: to count the heap takes as long as to parse an image */

static bool is_worn(const struct settings *settings, int served)
{
    return served >= settings->associations_per_worker ||
           (served % HEAP_LOOK_EVERY == 0 && mallinfo2().uordblks > HEAP_MAX);
}

_Noreturn void worker_run(int line, const struct settings *settings, struct store *store)
{
    static struct session s; /* static: large, it has a table of contexts */
    uint64_t number;
    int fd;

    child_begin("isthmus-worker");
    s = (struct session){.settings = settings, .store = store, .line = line};
    if (db_new_conf(settings->conf, "isthmus-scp", &s.db) < 0) {
        log_error("a worker cannot start: database.conninfo is not usable");
        _exit(1);
    }
    bool worn = false;
    for (int served = 0; !worn && !child_stopping;) {
        struct pollfd p = {line, POLLIN, 0};
        if (poll(&p, 1, WARM_MS) == 0)
            db_disconnect(s.db); /* idle workers do not use up the server's connections */
        int r = handover_receive(line, &fd, &number);
        if (r == -EINTR)
            continue;
        if (r < 0)
            break;
        association_serve(&s, fd, number);
        worn = is_worn(settings, ++served);
        if (!worn)
            handover_say(line, HANDOVER_IDLE);
    }
    for (size_t i = 0; i < SESSION_SERIES; i++)
        index_series_done(&s.series[i]);
    header_free(s.header);
    db_free(s.db);
    store_free(store);
    exit(0);
}
