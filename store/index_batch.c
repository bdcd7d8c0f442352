#include "store/index_batch.h"
#include "store/base/cleanup.h"
#include "store/index_next.h"
#include "store/index_row.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 200
#define BYTES_MAX ((size_t)8 << 20)
#define SERIES_MAX 32
#define WORD_MAX 64

struct row {
    uint64_t blob;
    char *block;
    const char *values[INDEX_PARAMETERS]; /* in block */
    struct index_series *series;          /* that it is the next instance of, or NULL */
    char word[WORD_MAX];                  /* the answer */
};

struct index_batch {
    struct db *db;
    index_batch_told *told;
    void *context;
    struct row rows[ROWS_MAX];
    size_t n, bytes;
    struct index_series series[SERIES_MAX]; /* put last */
    unsigned oldest;
};

int index_batch_new(struct db *db, index_batch_told *told, void *context, struct index_batch **ret)
{
    struct index_batch *b = calloc(1, sizeof *b);

    if (!b)
        return -ENOMEM;
    b->db = db;
    b->told = told;
    b->context = context;
    *ret = b;
    return 0;
}

static void forget_rows(struct index_batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        free(b->rows[i].block);
    b->n = b->bytes = 0;
}

struct index_batch *index_batch_free(struct index_batch *b)
{
    if (!b)
        return NULL;
    forget_rows(b);
    for (int i = 0; i < SERIES_MAX; i++)
        index_series_done(&b->series[i]);
    free(b);
    return NULL;
}

/* --- series -------------------------------------------------------------------------------- */

static struct index_series *find_series(struct index_batch *b, const char *const *values)
{
    for (int i = 0; i < SERIES_MAX; i++)
        if (index_series_matches(&b->series[i], b->db, values))
            return &b->series[i];
    return NULL;
}

/* The rows are committed: what the next batch may count on. */
static void remember_series(struct index_batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct row *row = &b->rows[i];

        if (!row->series && !find_series(b, row->values))
            index_series_remember(&b->series[b->oldest++ % SERIES_MAX], b->db, row->word,
                                  row->values);
    }
}

/* --- one transaction ----------------------------------------------------------------------- */

static bool send_row(PGconn *connection, const struct row *row, const char *put, const char *next)
{
    const char *own[INDEX_NEXT_PARAMETERS];

    if (!row->series)
        return PQsendQueryPrepared(connection, put, INDEX_PARAMETERS, row->values, NULL, NULL, 0) ==
               1;
    index_next_values(row->series, row->values, own);
    return PQsendQueryPrepared(connection, next, INDEX_NEXT_PARAMETERS, own, NULL, NULL, 0) == 1;
}

static bool send_all(struct index_batch *b, const char *put, const char *next)
{
    PGconn *connection = db_connection(b->db);
    bool sent = PQsendQueryParams(connection, "begin", 0, NULL, NULL, NULL, NULL, 0) == 1;

    for (size_t i = 0; sent && i < b->n; i++)
        sent = send_row(connection, &b->rows[i], put, next);
    return sent && PQpipelineSync(connection) == 1;
}

/* Results come for begin, each row and the end of the pipeline; each but the last with a null
 * result behind it. The first error counts, the rest was not executed. */
static int take_results(struct index_batch *b)
{
    int error = 0;

    for (size_t i = 0; i < b->n + 2; i++) {
        PGresult *result = db_next_result(b->db);
        ExecStatusType status = PQresultStatus(result);

        if (!result)
            return error < 0 ? error : db_check(b->db, NULL);
        if (status == PGRES_TUPLES_OK && i > 0 && i <= b->n)
            (void)snprintf(b->rows[i - 1].word, WORD_MAX, "%s", PQgetvalue(result, 0, 0));
        else if (error == 0 && status != PGRES_PIPELINE_SYNC && status != PGRES_PIPELINE_ABORTED)
            error = db_check(b->db, result);
        PQclear(result);
        if (status != PGRES_PIPELINE_SYNC)
            PQclear(db_next_result(b->db));
    }
    return error;
}

static int run_pipeline(struct index_batch *b, const char *put, const char *next)
{
    int r = -EAGAIN;

    if (PQenterPipelineMode(db_connection(b->db)) == 1 && send_all(b, put, next))
        r = take_results(b);
    if (db_connection(b->db) && PQexitPipelineMode(db_connection(b->db)) != 1)
        db_disconnect(b->db);
    return r;
}

/* What put_next() leaves undone may be what a later row of the batch counts on, so it is all done
 * again, in full. */
static bool all_done(struct index_batch *b)
{
    bool done = true;

    for (size_t i = 0; i < b->n; i++)
        if (b->rows[i].series && !index_next_is_done(b->rows[i].word)) {
            index_series_done(b->rows[i].series);
            done = false;
        }
    return done;
}

/* Either all of them are committed or none. -ENOENT: none, because of put_next(). */
static int put_together(struct index_batch *b, bool may_be_next)
{
    const char *put = NULL, *next = NULL;
    int r = db_prepare(b->db, index_put_statement, INDEX_PARAMETERS, &put);

    if (r == 0)
        r = db_prepare(b->db, index_next_statement, INDEX_NEXT_PARAMETERS, &next);
    if (r < 0)
        return r;
    for (size_t i = 0; i < b->n; i++)
        b->rows[i].series = may_be_next ? find_series(b, b->rows[i].values) : NULL;
    r = run_pipeline(b, put, next);
    if (r == 0 && !all_done(b))
        r = -ENOENT;
    if (r == 0)
        r = db_commit(b->db);
    if (r < 0)
        db_rollback(b->db);
    return r;
}

static void tell_all(struct index_batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        b->told(b->context, b->rows[i].blob, index_result_of(b->rows[i].word), 0);
}

static int put_each(struct index_batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        enum index_result result = INDEX_STORED;
        int r = index_put_values(b->db, b->rows[i].values, &result, NULL);

        if (r < 0 && r != -EINVAL)
            return r;
        b->told(b->context, b->rows[i].blob, result, r);
    }
    return 0;
}

/* It waited for a row that somebody locks, for as long as it may. */
static bool has_waited(const struct index_batch *b, int r)
{
    const char *problem = db_problem(b->db);

    return r == -EAGAIN && (strncmp(problem, "57014", 5) == 0 || strncmp(problem, "55P03", 5) == 0);
}

int index_batch_flush(struct index_batch *b)
{
    int r = b->n > 0 ? put_together(b, true) : 0;

    if (r == -ENOENT)
        r = put_together(b, false);
    if (r == 0) {
        remember_series(b);
        tell_all(b);
    } else if (!has_waited(b, r)) {
        r = put_each(b);
    }
    forget_rows(b);
    return r;
}

int index_batch_add(struct index_batch *b, uint64_t blob, const char *block, size_t n)
{
    struct row *row = &b->rows[b->n];
    _cleanup_free_ char *copy = malloc(n);

    if (!copy)
        return -ENOMEM;
    memcpy(copy, block, n);
    if (index_row_unpack(copy, n, row->values) < 0)
        return -EBADMSG;
    row->blob = blob;
    row->block = TAKE_PTR(copy);
    b->n++;
    b->bytes += n;
    return b->n == ROWS_MAX || b->bytes > BYTES_MAX ? index_batch_flush(b) : 0;
}
