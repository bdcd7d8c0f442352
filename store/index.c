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

static int put_once(struct db *db, struct index_series *series, const char *const *values,
                    enum index_result *ret, uint64_t *ret_old)
{
    PGresult *result;
    const char *word;
    int r = db_query(db, index_put_statement, INDEX_PARAMETERS, values, &result);

    if (r < 0)
        return r;
    word = PQgetvalue(result, 0, 0);
    *ret = index_result_of(word);
    if ((*ret == INDEX_DUPLICATE || *ret == INDEX_REJECTED) && ret_old)
        (void)sscanf(word, "%*s %" SCNu64, ret_old);
    if (series)
        index_series_remember(series, word, values);
    PQclear(result);
    return 0;
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

/* Worth another try at once: a race with another association (class 40: serialization failure,
 * deadlock), or, the first time, a connection that died while it was idle. */
static bool try_again(struct db *db, int attempt)
{
    if (strncmp(db_problem(db), "40", 2) == 0)
        return attempt < RACE_TRIES;
    return attempt == 0 && is_ambiguous(db, -EAGAIN);
}

/* What put_next() leaves undone, or does not survive, is put in full. */
static int put(struct db *db, struct index_series *series, const char *const *values,
               enum index_result *ret, uint64_t *ret_old)
{
    bool ambiguous = false;
    int r = 0;

    for (int attempt = 0; r == 0; attempt++) {
        r = attempt == 0 && series && index_series_matches(series, values)
                ? index_put_next(db, series, values)
                : -ENOENT;
        if (r == 0)
            *ret = INDEX_STORED;
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

    if (r == 0)
        r = put(db, series, row.values, ret, ret_old);
    index_row_done(&row);
    return r;
}
