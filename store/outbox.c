#include "store/outbox.h"
#include "store/base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MAX_MS 60000
#define RACE_TRIES 5

/* Numbers as parameters. */
struct number {
    char text[24];
};

static struct number number(int64_t n)
{
    struct number number;

    (void)snprintf(number.text, sizeof number.text, "%" PRId64, n);
    return number;
}

static int64_t cell(const PGresult *result, int column)
{
    return strtoll(PQgetvalue(result, 0, column), NULL, 10);
}

/* Studies that were there before the target are marked in a transaction of their own: a crash in
 * between leaves `filled` false, and the next start does it. */
static int fill(struct db *db, int target)
{
    const struct number key = number(target);

    return db_query(db, "select isthmus.fill_target($1)", 1, (const char *[]){key.text}, NULL);
}

int target_register(struct db *db, const char *name, const char *description, int quiet_period_s,
                    int longest_delay_s, int *ret)
{
    const struct number quiet = number(quiet_period_s), longest = number(longest_delay_s);
    const char *const values[] = {name, description, quiet.text, longest.text};
    PGresult *result;
    int target, r;

    r = db_query(db,
                 "select target_key, filled from isthmus.register_target($1, $2, "
                 "make_interval(secs => $3), make_interval(secs => $4))",
                 4, values, &result);
    if (r < 0)
        return r;
    target = (int)cell(result, 0);
    if (strcmp(PQgetvalue(result, 0, 1), "t") != 0)
        r = fill(db, target);
    PQclear(result);
    if (r == 0)
        *ret = target;
    return r;
}

int target_configure(struct db *db, int target, const char *fingerprint)
{
    const struct number key = number(target);
    const char *const values[] = {key.text, fingerprint};
    PGresult *result;
    int r = db_query(db, "select isthmus.configure_target($1, $2)", 2, values, &result);

    if (r < 0)
        return r;
    r = strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    PQclear(result);
    return r;
}

int target_forget(struct db *db, const char *name)
{
    PGresult *result;
    int r = db_query(db, "select isthmus.forget_target($1)", 1, (const char *[]){name}, &result);

    if (r < 0)
        return r;
    r = strcmp(PQgetvalue(result, 0, 0), "t") == 0 ? 0 : -ENOENT;
    PQclear(result);
    return r;
}

int target_pause(struct db *db, int target, int seconds, const char *why)
{
    const struct number key = number(target), for_s = number(seconds);
    const char *const values[] = {key.text, for_s.text, why};

    return db_query(db,
                    "update isthmus.target set paused_until = now() + make_interval(secs => $2), "
                    "paused_why = $3 where target_key = $1",
                    3, values, NULL);
}

int target_resume(struct db *db, int target)
{
    const struct number key = number(target);

    return db_query(db, "select isthmus.end_pause($1)", 1, (const char *[]){key.text}, NULL);
}

static void take_item(const PGresult *result, int target, struct outbox_item *ret)
{
    *ret = (struct outbox_item){.target = target,
                                .study_key = cell(result, 0),
                                .generation = cell(result, 1),
                                .attempts = (int)cell(result, 2)};
    (void)snprintf(ret->digest, sizeof ret->digest, "%s", PQgetvalue(result, 0, 3));
    (void)snprintf(ret->form, sizeof ret->form, "%s", PQgetvalue(result, 0, 4));
}

int outbox_claim(struct db *db, int target, struct outbox_item *ret, int *ret_wait_ms)
{
    const struct number key = number(target);
    PGresult *result;
    int r = db_query(db,
                     "select study_key, generation, attempts, digest, form, wait_ms "
                     "from isthmus.claim($1)",
                     1, (const char *[]){key.text}, &result);

    if (r < 0)
        return r;
    if (PQgetisnull(result, 0, 0)) {
        int64_t wait_ms = cell(result, 5);

        *ret_wait_ms = wait_ms > WAIT_MAX_MS ? WAIT_MAX_MS : (int)wait_ms;
        r = -ENOENT;
    } else {
        take_item(result, target, ret);
    }
    PQclear(result);
    return r;
}

/* After the verdict is committed, or another publisher would see the study as it was. When the
 * connection breaks here the lock has gone with it, so the verdict stands in any case. */
static int let_go(struct db *db, const struct outbox_item *item)
{
    const struct number target = number(item->target), study = number(item->study_key);
    const char *const values[] = {target.text, study.text};
    int r = db_query(db, "select pg_advisory_unlock(isthmus.claim_key($1, $2))", 2, values, NULL);

    return r == -EAGAIN && !db_connection(db) ? 0 : r;
}

int outbox_release(struct db *db, const struct outbox_item *item)
{
    return let_go(db, item);
}

int outbox_begin(struct db *db, const struct outbox_item *item, const char *own, char **ret)
{
    const struct number target = number(item->target), study = number(item->study_key);
    const char *const values[] = {target.text, study.text, own};
    PGresult *result;
    int r = db_query(db, "select isthmus.begin_sending($1, $2, $3)", 3, values, &result);

    if (r < 0)
        return r;
    *ret = strdup(PQgetvalue(result, 0, 0));
    PQclear(result);
    return *ret ? 0 : -ENOMEM;
}

/* Who stores several instances at once locks tallies of a study in the order in which they come:
 * of two that meet so, one is sent away. */
static int conclude(struct db *db, const char *sql, int n, const char *const *values)
{
    int r, tries = 0;

    do
        r = db_query(db, sql, n, values, NULL);
    while (r == -EAGAIN && db_lost_race(db) && ++tries < RACE_TRIES);
    return r;
}

int outbox_settle(struct db *db, const struct outbox_item *item, const char *digest,
                  const char *form, const char *own)
{
    const struct number target = number(item->target), study = number(item->study_key),
                        generation = number(item->generation);
    const char *const values[] = {target.text, study.text, generation.text, digest, form, own};
    int r = conclude(db, "select isthmus.settle($1, $2, $3, $4, $5, $6)", 6, values);

    return r < 0 ? r : let_go(db, item);
}

static int delay(struct db *db, const struct outbox_item *item, int64_t delay_ms, int attempts,
                 const char *why)
{
    const struct number target = number(item->target), study = number(item->study_key),
                        wait = number(delay_ms), more = number(attempts);
    const char *const values[] = {target.text, study.text, wait.text, why, more.text};
    int r = db_query(db,
                     "update isthmus.outbox set attempts = attempts + $5, last_failure = $4, "
                     "due_at = now() + $3::bigint * interval '1 millisecond' "
                     "where target_key = $1 and study_key = $2",
                     5, values, NULL);

    return r < 0 ? r : let_go(db, item);
}

int outbox_later(struct db *db, const struct outbox_item *item, int64_t delay_ms, const char *why)
{
    return delay(db, item, delay_ms, 1, why);
}

int outbox_postpone(struct db *db, const struct outbox_item *item, int64_t delay_ms,
                    const char *why)
{
    return delay(db, item, delay_ms, 0, why);
}

int outbox_park(struct db *db, const struct outbox_item *item, const char *why)
{
    const struct number target = number(item->target), study = number(item->study_key),
                        generation = number(item->generation);
    const char *const values[] = {target.text, study.text, generation.text, why};
    int r = conclude(db, "select isthmus.park($1, $2, $3, $4)", 4, values);

    return r < 0 ? r : let_go(db, item);
}
