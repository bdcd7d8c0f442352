#include "store/tool_verify.h"
#include "store/fixity.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH_ROWS 200
#define JOBS_MAX 64

enum { KEY, BLOB, SIZE, DIGEST, SOP_CLASS, SOP_INSTANCE, TRANSFER_SYNTAX, AVAILABLE };

static const char select_instances[] =
    "select instance_key, blob, size_bytes, encode(digest, 'hex'), sop_class_uid, "
    "sop_instance_uid, transfer_syntax_uid, available from isthmus.instance "
    "where instance_key > $1 order by instance_key limit $2";
static const char select_conflicts[] =
    "select conflict_key, blob, size_bytes, encode(digest, 'hex'), sop_class_uid, "
    "sop_instance_uid, transfer_syntax_uid from isthmus.conflict "
    "where conflict_key > $1 order by conflict_key limit $2";

/* Rows whose files several threads compare; each takes the next one. */
struct batch {
    struct verify *verify;
    const PGresult *rows;
    enum fixity results[BATCH_ROWS];
    atomic_int next;
};

struct job {
    struct batch *batch;
    bool draws; /* the thread that shows progress */
    bool started;
    pthread_t thread;
};

static void unhex(const char *hex, uint8_t digest[16])
{
    memset(digest, 0, 16);
    for (int i = 0; i < 16; i++) {
        unsigned byte = 0;

        if (sscanf(hex + 2 * (size_t)i, "%2x", &byte) != 1)
            return;
        digest[i] = (uint8_t)byte;
    }
}

static struct fixity_row row_of(const PGresult *rows, int row)
{
    struct fixity_row r = {.blob = strtoull(PQgetvalue(rows, row, BLOB), NULL, 10),
                           .size_bytes = strtoull(PQgetvalue(rows, row, SIZE), NULL, 10),
                           .sop_class_uid = PQgetvalue(rows, row, SOP_CLASS),
                           .sop_instance_uid = PQgetvalue(rows, row, SOP_INSTANCE),
                           .transfer_syntax_uid = PQgetvalue(rows, row, TRANSFER_SYNTAX)};

    if (PQgetlength(rows, row, DIGEST) == 32)
        unhex(PQgetvalue(rows, row, DIGEST), r.digest);
    return r;
}

/* Wait until what all threads have read is what the limit allows by now. */
static void keep_rate(const struct verify *v, double bytes)
{
    double ahead_s = bytes / v->bytes_per_s - (tool_clock_s() - v->progress.started_s);

    if (ahead_s > 0) {
        struct timespec pause = {.tv_sec = (time_t)ahead_s};

        pause.tv_nsec = (long)((ahead_s - (double)pause.tv_sec) * 1e9);
        (void)nanosleep(&pause, NULL);
    }
}

static void on_read(void *context, size_t bytes)
{
    const struct job *job = context;
    struct verify *v = job->batch->verify;
    double done = (double)(atomic_fetch_add(&v->bytes, bytes) + bytes);

    if (job->draws)
        progress_draw(&v->progress, done);
    if (v->bytes_per_s > 0)
        keep_rate(v, done);
}

static void *work(void *context)
{
    struct job *job = context;
    struct batch *b = job->batch;
    int row;

    while ((row = atomic_fetch_add(&b->next, 1)) < PQntuples(b->rows)) {
        const struct fixity_row expected = row_of(b->rows, row);

        b->results[row] = fixity_check(b->verify->store, &expected, on_read, job);
    }
    return NULL;
}

/* A thread that cannot be had is not missed: this one does the work of all. */
static void compare(struct batch *b)
{
    struct job jobs[JOBS_MAX];
    int n = b->verify->jobs < JOBS_MAX ? b->verify->jobs : JOBS_MAX;

    for (int i = 1; i < n; i++) {
        jobs[i] = (struct job){.batch = b};
        jobs[i].started = pthread_create(&jobs[i].thread, NULL, work, &jobs[i]) == 0;
    }
    jobs[0] = (struct job){.batch = b, .draws = true};
    (void)work(&jobs[0]);
    for (int i = 1; i < n; i++)
        if (jobs[i].started)
            (void)pthread_join(jobs[i].thread, NULL);
}

/* A file that the system cannot read just now may be as good as ever: nothing is known. */
static int tell_index(struct verify *v, const PGresult *rows, int row, enum fixity result)
{
    const char *const values[] = {PQgetvalue(rows, row, KEY), PQgetvalue(rows, row, BLOB),
                                  result == FIXITY_GOOD ? "true" : "false"};
    bool available = *PQgetvalue(rows, row, AVAILABLE) == 't';
    PGresult *news;
    int code;

    if (available == (result == FIXITY_GOOD) || result == FIXITY_UNREADABLE)
        return TOOL_FINE;
    code = tool_query(v->tool, "select isthmus.set_available($1, $2, $3)", 3, values, &news);
    if (code != TOOL_FINE)
        return code;
    if (*PQgetvalue(news, 0, 0) == 't')
        *(result == FIXITY_GOOD ? &v->back : &v->gone) += 1;
    PQclear(news);
    return TOOL_FINE;
}

static int verify_batch(struct verify *v, const PGresult *rows)
{
    struct batch batch = {.verify = v, .rows = rows};
    int code = TOOL_FINE;

    compare(&batch);
    for (int row = 0; code == TOOL_FINE && row < PQntuples(rows); row++) {
        const struct fixity_row expected = row_of(rows, row);

        v->rows++;
        if (batch.results[row] != FIXITY_GOOD)
            verify_report(v, expected.blob, fixity_words(batch.results[row]),
                          expected.sop_instance_uid);
        if (PQnfields(rows) > AVAILABLE)
            code = tell_index(v, rows, row, batch.results[row]);
    }
    return code;
}

/* @last is the key of the last row that was compared, "0" before the first. */
static int verify_table(struct verify *v, const char *select, char last[24])
{
    char limit[16];
    const char *const values[] = {last, limit};
    int code = TOOL_FINE, n = BATCH_ROWS;

    (void)snprintf(limit, sizeof limit, "%d", BATCH_ROWS);
    while (code == TOOL_FINE && n == BATCH_ROWS) {
        PGresult *rows;

        code = tool_query(v->tool, select, 2, values, &rows);
        if (code != TOOL_FINE)
            return code;
        n = PQntuples(rows);
        code = verify_batch(v, rows);
        if (n > 0)
            (void)snprintf(last, 24, "%s", PQgetvalue(rows, n - 1, KEY));
        PQclear(rows);
        if (code == TOOL_FINE && n > 0)
            code = verify_save(v);
    }
    return code;
}

int verify_rows(struct verify *v)
{
    int code = verify_table(v, select_instances, v->last_instance);

    return code == TOOL_FINE ? verify_table(v, select_conflicts, v->last_conflict) : code;
}
