/* A database with two publishers, and studies that change. */
#ifndef ISTHMUS_TESTS_DB_CHANGES_H
#define ISTHMUS_TESTS_DB_CHANGES_H

#include "store/outbox.h"
#include "tests/db/database.h"
#include "tests/db/sample.h"

#include <errno.h>
#include <pthread.h>

static struct database d;
static struct db *other; /* a second publisher */

static inline void open_database(void)
{
    d = make_database();
    other = connect_to(d.conninfo);
}

static inline void close_database(void)
{
    db_free(other);
    drop_database(&d);
}

static inline int make_target(const char *name, int quiet_period_s)
{
    int target = 0;

    cr_assert_eq(target_register(d.db, name, "", quiet_period_s, 300, &target), 0);
    return target;
}

/* One more instance of study "2.@study". */
static inline void change(struct db *db, int study)
{
    static uint64_t n;
    char sop[32], uid[32];
    const struct sample s = {.sop = sop, .study = uid, .series = "3.1"};

    (void)snprintf(sop, sizeof sop, "1.%d", (int)++n);
    (void)snprintf(uid, sizeof uid, "2.%d", study);
    put(db, &s, n, INDEX_STORED);
}

/* Time passes: what is not parked becomes due. */
static inline void make_due(void)
{
    run_sql(d.db, "update isthmus.outbox set due_at = now() - interval '1 second'");
}

static inline struct outbox_item claim(struct db *db, int target)
{
    struct outbox_item item;
    int wait_ms = -1, r = outbox_claim(db, target, &item, &wait_ms);

    cr_assert_eq(r, 0, "%d %s, wait %d ms", r, db_problem(db), wait_ms);
    return item;
}

/* Study "2.1" changes, is due, and is claimed. */
static inline struct outbox_item change_and_claim(struct db *db, int target)
{
    change(d.db, 1);
    make_due();
    return claim(db, target);
}

static inline int claim_nothing(struct db *db, int target)
{
    struct outbox_item item;
    int wait_ms = -1;

    cr_assert_eq(outbox_claim(db, target, &item, &wait_ms), -ENOENT);
    cr_assert(wait_ms > 0 && wait_ms <= 60000, "wait %d ms", wait_ms);
    return wait_ms;
}

/* Let @work come until it waits for a lock, or to its end; run @sql meanwhile, and wait for its
 * end. */
static inline void run_meanwhile(struct db *db, const char *sql, void *(*work)(void *),
                                 void *context)
{
    static const char waiting[] = "select count(*) from pg_stat_activity where "
                                  "wait_event_type = 'Lock' and datname = current_database()";
    struct db *watcher = connect_to(d.conninfo);
    bool joined = false;
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, work, context), 0);
    while (!joined && strcmp(ask(watcher, waiting), "0") == 0)
        joined = pthread_tryjoin_np(thread, NULL) == 0;
    run_sql(db, sql);
    if (!joined)
        (void)pthread_join(thread, NULL);
    db_free(watcher);
}

#endif
