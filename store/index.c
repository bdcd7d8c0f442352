#include "store/index.h"
#include "store/index_next.h"
#include "store/index_row.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define RACE_TRIES 5

enum index_result index_result_of(const char *word)
{
    return strncmp(word, "stored", 6) == 0 ? INDEX_STORED
           : strcmp(word, "conflict") == 0 ? INDEX_CONFLICT
           : *word == 'r'                  ? INDEX_REJECTED
                                           : INDEX_DUPLICATE;
}

/* What put_instance() answered. */
static void take_answer(const struct db *db, struct index_series *series, const char *const *values,
                        PGresult *result, enum index_result *ret, uint64_t *ret_old)
{
    const char *word = PQgetvalue(result, 0, 0);

    *ret = index_result_of(word);
    if ((*ret == INDEX_DUPLICATE || *ret == INDEX_REJECTED) && ret_old)
        (void)sscanf(word, "%*s %" SCNu64, ret_old);
    if (series)
        index_series_remember(series, db, word, values);
}

static int put_once(struct db *db, struct index_series *series, const char *const *values,
                    enum index_result *ret, uint64_t *ret_old)
{
    PGresult *result;
    int r = db_query(db, index_put_statement, INDEX_PARAMETERS, values, &result);

    if (r < 0)
        return r;
    take_answer(db, series, values, result, ret, ret_old);
    PQclear(result);
    return 0;
}

static int begin(struct db *db, struct index_series *series, const char *const *values)
{
    const char *own[INDEX_NEXT_PARAMETERS];

    if (!index_series_matches(series, db, values))
        return db_send(db, index_put_statement, INDEX_PARAMETERS, values);
    index_next_values(series, values, own);
    return db_send(db, index_next_statement, INDEX_NEXT_PARAMETERS, own);
}

void index_cancel(struct db *db, struct index_series *series)
{
    PGresult *result;

    if (series->begun_blob != 0 && db_receive(db, &result) == 0) {
        PQclear(result);
        db_rollback(db);
    }
    series->begun_blob = 0;
}

void index_begin(struct db *db, struct index_series *series, const struct instance *i)
{
    struct index_row row = {.values = {NULL}};

    index_cancel(db, series);
    if (!db_connection(db))
        return;
    if (index_row_fill(i, &row) == 0 && begin(db, series, row.values) == 0)
        series->begun_blob = i->blob_id;
    index_row_done(&row);
}

/* Commit what index_begin() began. -ENOENT: nothing was done, as put_next() did not, or for a
 * reason that the whole way gets to the bottom of. */
static int put_begun(struct db *db, struct index_series *series, const char *const *values,
                     enum index_result *ret, uint64_t *ret_old)
{
    bool next = index_series_matches(series, db, values);
    PGresult *result;
    int r = db_receive(db, &result);

    series->begun_blob = 0;
    if (r < 0)
        return r == -EINVAL ? -ENOENT : r;
    if (next && !index_next_is_done(PQgetvalue(result, 0, 0))) {
        db_rollback(db);
        r = -ENOENT;
    } else {
        r = db_commit(db);
    }
    if (r == 0 && next)
        *ret = INDEX_STORED;
    else if (r == 0)
        take_answer(db, series, values, result, ret, ret_old);
    PQclear(result);
    return r;
}

/* A few milliseconds, different in each process, so that two that met do not meet again. */
static void pause_a_moment(int attempt)
{
    unsigned char random = 0;
    struct timespec pause = {0};

    (void)!getrandom(&random, sizeof random, 0);
    pause.tv_nsec = (long)random * (1 << attempt) * 4000;
    (void)nanosleep(&pause, NULL);
}

/* The connection died in mid-statement, which may have been committed. */
static bool is_ambiguous(struct db *db, int r)
{
    return r == -EAGAIN && !db_connection(db) && strncmp(db_problem(db), "cannot", 6) != 0;
}

/* Worth another try at once: a race with another association, or, the first time, a connection that
 * died while it was idle. */
static bool try_again(struct db *db, int attempt)
{
    if (db_lost_race(db))
        return attempt < RACE_TRIES;
    return attempt == 0 && is_ambiguous(db, -EAGAIN);
}

static int put_short(struct db *db, struct index_series *series, const char *const *values,
                     enum index_result *ret, uint64_t *ret_old)
{
    int r = -ENOENT;

    if (series && series->begun_blob != 0)
        return put_begun(db, series, values, ret, ret_old);
    if (series && index_series_matches(series, db, values))
        r = index_put_next(db, series, values);
    if (r == 0)
        *ret = INDEX_STORED;
    return r;
}

/* What put_next() leaves undone, or does not survive, is put in full. */
static int put(struct db *db, struct index_series *series, const char *const *values,
               enum index_result *ret, uint64_t *ret_old)
{
    bool ambiguous = false;
    int r = 0;

    for (int attempt = 0; r == 0; attempt++) {
        r = attempt == 0 ? put_short(db, series, values, ret, ret_old) : -ENOENT;
        if (r == -ENOENT)
            r = put_once(db, series, values, ret, ret_old);
        ambiguous = ambiguous || is_ambiguous(db, r);
        if (r != -EAGAIN || !try_again(db, attempt))
            break;
        pause_a_moment(attempt);
        r = 0;
    }
    return r < 0 && ambiguous ? -EAGAIN : r;
}

int index_put_values(struct db *db, const char *const *values, enum index_result *ret,
                     uint64_t *ret_old)
{
    return put(db, NULL, values, ret, ret_old);
}

int index_put(struct db *db, struct index_series *series, const struct instance *i,
              enum index_result *ret, uint64_t *ret_old)
{
    struct index_row row = {.values = {NULL}};
    int r = index_row_fill(i, &row);

    if (series && (r < 0 || series->begun_blob != i->blob_id))
        index_cancel(db, series);
    if (r == 0)
        r = put(db, series, row.values, ret, ret_old);
    index_row_done(&row);
    return r;
}
