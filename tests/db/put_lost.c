/* The connection dies after the COMMIT and before its answer. */
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

static struct database d;

static void setup(void)
{
    d = make_database();
}

static void teardown(void)
{
    drop_database(&d);
}

TestSuite(put_lost, .init = setup, .fini = teardown, .timeout = 60);

Test(put_lost, what_may_be_committed_is_never_reported_as_refused)
{
    static const struct {
        int losses, then_say, expected;
    } rows[] = {{0, -EINVAL, -EINVAL},
                {1, -EINVAL, -EAGAIN},
                {1, -ENOMEM, -EAGAIN},
                {1, 0, 0},
                {2, 0, -EAGAIN}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char sop[16];
        struct sample s = {.sop = sop, .study = "2.1", .series = "3.1"};
        struct instance instance;
        enum index_result result = INDEX_STORED;

        (void)snprintf(sop, sizeof sop, "1.%zu", i);
        instance = make_instance(&s, i + 1);
        losses = rows[i].losses;
        then_say = rows[i].then_say;
        cr_assert_eq(index_put(d.db, NULL, &instance, &result, NULL), rows[i].expected, "row %zu",
                     i);
        cr_assert_eq(result, INDEX_STORED);
        instance_done(&instance);
    }
    cr_assert_answer(d.db, "select count(*) from isthmus.instance", "4");
}
