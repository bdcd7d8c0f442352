/* The connection dies after the COMMIT and before its answer: of a statement that is a transaction
 * of its own, of what was begun while the file was sealed, and of many rows together. */
#include "tests/db/database.h"
#include "tests/db/sample.h"

#include <errno.h>

static int losses;   /* of the next statements, so many are committed without an answer */
static int then_say; /* what the one after them gets instead of being executed; 0: nothing */

int __real_db_query(struct db *db, const char *sql, int n, const char *const *values,
                    PGresult **ret);
int __wrap_db_query(struct db *db, const char *sql, int n, const char *const *values,
                    PGresult **ret);
int __wrap_db_query(struct db *db, const char *sql, int n, const char *const *values,
                    PGresult **ret)
{
    PGresult *result;
    int r = then_say;

    if (losses > 0) {
        losses--;
        cr_assert_eq(__real_db_query(db, sql, n, values, &result), 0);
        PQclear(result);
        db_disconnect(db);
        return -EAGAIN;
    }
    then_say = 0;
    return r < 0 ? r : __real_db_query(db, sql, n, values, ret);
}

int __real_db_commit(struct db *db);
int __wrap_db_commit(struct db *db);
int __wrap_db_commit(struct db *db)
{
    int r = __real_db_commit(db);

    if (losses == 0)
        return r;
    losses--;
    cr_assert_eq(r, 0);
    db_disconnect(db);
    return -EAGAIN;
}

static struct database d;
static struct index_series series;

static void setup(void)
{
    d = make_database();
}

static void teardown(void)
{
    index_series_done(&series);
    drop_database(&d);
}

TestSuite(put_lost, .init = setup, .fini = teardown, .timeout = 600);

static const struct {
    int losses, then_say, expected;
} rows[] = {{1, -EINVAL, -EAGAIN},
            {1, -ENOMEM, -EAGAIN},
            {1, 0, 0},
            {2, 0, -EAGAIN},
            {0, -EINVAL, -EINVAL}};

/* Put an instance that is begun or not, with what row @row says. */
static void put_row(size_t row, bool begun)
{
    char sop[16];
    struct sample s = {.sop = sop, .study = "2.1", .series = "3.1"};
    struct instance instance;
    enum index_result result = INDEX_STORED;

    (void)snprintf(sop, sizeof sop, "1.%zu", row);
    instance = make_instance(&s, row + 1);
    cr_assert_eq(db_connect(d.db), 0);
    if (begun) {
        index_begin(d.db, &series, &instance);
        cr_assert_neq(series.begun_blob, 0);
    }
    losses = rows[row].losses;
    then_say = rows[row].then_say;
    cr_assert_eq(index_put(d.db, begun ? &series : NULL, &instance, &result, NULL),
                 rows[row].expected, "row %zu", row);
    cr_assert_eq(result, INDEX_STORED);
    instance_done(&instance);
}

Test(put_lost, what_may_be_committed_is_never_reported_as_refused)
{
    for (size_t row = 0; row < 5; row++)
        put_row(row, false);
    cr_assert_answer(d.db, "select count(*) from isthmus.instance", "4");
}

Test(put_lost, what_was_begun_may_be_committed_too)
{
    for (size_t row = 0; row < 4; row++)
        put_row(row, true);
    cr_assert_answer(d.db, "select count(*) from isthmus.instance", "4");
    cr_assert_answer(d.db, "select number_of_study_related_instances from isthmus.study_count",
                     "4");
}

static void tell(void *context, uint64_t blob, enum index_result result, int error)
{
    cr_assert_eq(error, 0);
    cr_assert_eq(result, INDEX_STORED, "the file of blob %d is taken for one too many", (int)blob);
    ++*(int *)context;
}

Test(put_lost, rows_that_may_be_committed_together_keep_their_files)
{
    struct index_batch *batch = NULL;
    char sop[16];
    int told = 0;

    cr_assert_eq(index_batch_new(d.db, tell, &told, &batch), 0);
    cr_assert_eq(db_connect(d.db), 0);
    for (uint64_t i = 1; i <= 3; i++) {
        (void)snprintf(sop, sizeof sop, "1.%d", (int)i);
        add_to_batch(batch, &(struct sample){.sop = sop, .study = "2.1", .series = "3.1"}, i);
    }
    losses = 1;
    then_say = 0;
    cr_assert_eq(index_batch_flush(batch), 0, "%s", db_problem(d.db));
    cr_assert_eq(losses, 0, "nothing was lost");
    cr_assert_eq(told, 3);
    cr_assert_answer(d.db, "select count(*) from isthmus.instance", "3");
    cr_assert_answer(d.db, "select number_of_study_related_instances from isthmus.study_count",
                     "3");
    index_batch_free(batch);
}
