#include "scp/child.h"
#include "scp/handover.h"
#include "scp/worker.h"
#include "store/base/cleanup.h"
#include "store/base/log.h"
#include "store/index_batch.h"
#include "store/index_row.h"
#include "store/reread.h"
#include "store/worklist.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 5000
#define LOOK_MS 30000 /* files may come without a word: from a worker whose parent was killed */

struct indexer {
    struct store *store;
    struct db *db;
    int completed_after_s;
    unsigned restored_titles;
    uint64_t complained; /* the file that was complained about last */
    struct index_batch *batch;
    uint64_t done[ADOPT_FILES_MAX]; /* files that have their row by the batch */
    size_t n_done;
    bool stands; /* what is in incoming/ stays there, although there is a database */
};

/* --- many together, as long as nothing is the matter with them ----------------------------- */

static void note_done(void *context, uint64_t blob, enum index_result result, int error)
{
    struct indexer *x = context;

    if (error == 0 && (result == INDEX_STORED || result == INDEX_CONFLICT))
        x->done[x->n_done++] = blob;
}

static bool is_done(const struct indexer *x, uint64_t id)
{
    for (size_t i = 0; i < x->n_done; i++)
        if (x->done[i] == id)
            return true;
    return false;
}

static int add_row(struct indexer *x, uint64_t id, int fd)
{
    _cleanup_(instance_done) struct instance i = {0};
    _cleanup_free_ char *block = NULL;
    size_t n = 0;
    int r = instance_reread_sealed(fd, &i, NULL);

    if (r < 0)
        return r;
    i.blob_id = id;
    r = index_row_pack_instance(&i, &block, &n);
    return r < 0 ? r : index_batch_add(x->batch, id, block, n);
}

/* What is not done here comes to take(), one by one. */
static void put_together(void *context, const uint64_t *ids, const int *fds, size_t n)
{
    struct indexer *x = context;

    x->n_done = 0;
    if (child_stopping || db_connect(x->db) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (add_row(x, ids[i], fds[i]) == -EAGAIN)
            return;
    (void)index_batch_flush(x->batch);
}

/* --- one ----------------------------------------------------------------------------------- */

static int take(void *context, uint64_t id, int fd)
{
    struct indexer *x = context;
    _cleanup_(instance_done) struct instance i = {0};
    enum index_result result;
    uint64_t old = 0;
    int r;

    if (is_done(x, id))
        return 0;
    r = child_stopping ? -EAGAIN : db_connect(x->db);
    if (r == 0)
        r = instance_reread_sealed(fd, &i, NULL);
    i.blob_id = id;
    if (r == 0)
        r = index_keep(x->db, x->store, NULL, &i, x->restored_titles, &result, &old);
    if (r == -EAGAIN && !child_stopping && db_connection(x->db))
        r = -EBUSY; /* a row that somebody locks: the next file may have another */
    if (r < 0 && r != -EAGAIN && r != -EBUSY && r != -ENODATA && x->complained != id) {
        x->complained = id;
        log_error("file %016llx of incoming/ cannot be indexed (%s); it stays there",
                  (unsigned long long)id,
                  r == -EINVAL   ? db_problem(x->db)
                  : r == -EILSEQ ? "its bytes are not those that were received"
                                 : strerror(-r));
    }
    if (r == 0 && result == INDEX_REPAIRED)
        log_warning("the file %016llx of a repeated instance was gone or damaged; %016llx takes "
                    "its place",
                    (unsigned long long)old, (unsigned long long)id);
    if (r == 0 && result == INDEX_DUPLICATE)
        r = store_delete(x->store, id);
    return r;
}

/* One look into incoming/. Returns how many sealed files are left there, or negative errno. */
static int look(struct indexer *x)
{
    unsigned abandoned = 0, left = 0;
    int taken;

    x->n_done = 0;
    taken = store_adopt(x->store, put_together, take, x, &abandoned, &left);
    x->stands = left > 0 && taken == 0 && db_connection(x->db);
    if (taken < 0)
        return taken;
    if (taken > 0 || abandoned > 0)
        log_info("spool: %d files indexed, %u unfinished files removed, %u files wait", taken,
                 abandoned, left);
    return (int)left;
}

/* Orders that nobody has looked for the studies of, and steps that are over. Without a database
 * there is a next time. */
static void tend_orders(struct indexer *x)
{
    if (db_connect(x->db) < 0 || worklist_match(x->db) < 0)
        return;
    if (x->completed_after_s > 0)
        (void)worklist_complete(x->db, x->completed_after_s);
}

/* How long there is nothing to do, unless a word comes. */
static int rest_ms(const struct indexer *x)
{
    bool sooner = x->completed_after_s > 0 && x->completed_after_s < LOOK_MS / 1000;

    return sooner ? x->completed_after_s * 1000 : LOOK_MS;
}

_Noreturn void indexer_run(int line, const struct settings *settings, struct store *store)
{
    struct indexer x = {.store = store,
                        .restored_titles = settings->restored_titles,
                        .completed_after_s =
                            (int)conf_int(settings->conf, "worklist", "completed_after")};
    int wait_ms = RETRY_MIN_MS, left;

    child_begin("isthmus-indexer");
    if (db_new_conf(settings->conf, "isthmus-scp indexer", &x.db) < 0 ||
        index_batch_new(x.db, note_done, &x, &x.batch) < 0)
        _exit(1);
    for (;;) {
        left = look(&x);
        if (left < 0)
            log_error("spool: files stay in incoming/, the disk says: %s", strerror(-left));
        if (child_stopping)
            break;
        if (left <= 0 || x.stands)
            tend_orders(&x);
        if (left == 0) {
            db_disconnect(x.db); /* nothing to do for a long time, usually */
            wait_ms = RETRY_MIN_MS;
        }
        struct pollfd p = {line, POLLIN, 0};
        if (poll(&p, 1, left == 0 ? rest_ms(&x) : wait_ms) > 0) {
            int word;
            while ((word = handover_hear(line)) > 0)
                ;
            if (word < 0)
                break;
        }
        wait_ms = wait_ms * 2 < RETRY_MAX_MS ? wait_ms * 2 : RETRY_MAX_MS;
    }
    index_batch_free(x.batch);
    db_free(x.db);
    store_free(store);
    exit(0);
}
