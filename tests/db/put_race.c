#include "tests/db/database.h"
#include "tests/db/sample.h"

#include <pthread.h>

#define RUNS 100
#define CLIENTS 4

struct client {
    struct db *db;
    struct instance instance;
    enum index_result result;
    int error;
};

static struct database d;
static struct client clients[CLIENTS];
static pthread_barrier_t together;

static void setup(void)
{
    d = make_database();
    for (int i = 0; i < CLIENTS; i++)
        clients[i].db = connect_to(d.conninfo);
}

static void teardown(void)
{
    for (int i = 0; i < CLIENTS; i++)
        db_free(clients[i].db);
    drop_database(&d);
}

TestSuite(put_race, .init = setup, .fini = teardown, .timeout = 600);

static void *run_client(void *context)
{
    struct client *c = context;

    (void)pthread_barrier_wait(&together);
    c->error = index_put(c->db, NULL, &c->instance, &c->result, NULL);
    return NULL;
}

/* Store @samples on as many connections at the same moment; blobs are counted on. */
static void race(const struct sample *samples, int n)
{
    static uint64_t blob;
    pthread_t threads[CLIENTS];

    cr_assert_eq(pthread_barrier_init(&together, NULL, (unsigned)n), 0);
    for (int i = 0; i < n; i++) {
        clients[i].instance = make_instance(&samples[i], ++blob);
        cr_assert_eq(pthread_create(&threads[i], NULL, run_client, &clients[i]), 0);
    }
    for (int i = 0; i < n; i++) {
        (void)pthread_join(threads[i], NULL);
        cr_assert_eq(clients[i].error, 0, "%s", db_problem(clients[i].db));
        instance_done(&clients[i].instance);
    }
    (void)pthread_barrier_destroy(&together);
}

static int count(int n, enum index_result result)
{
    int found = 0;

    for (int i = 0; i < n; i++)
        found += clients[i].result == result;
    return found;
}

Test(put_race, one_uid_at_once_is_stored_once_and_the_other_bytes_are_a_conflict)
{
    char sop[32], study[32];

    for (int run = 0; run < RUNS; run++) {
        struct sample two[2] = {{.sop = sop, .study = study, .series = "3.1", .bytes = 1},
                                {.sop = sop, .study = study, .series = "3.1", .bytes = 2}};

        (void)snprintf(sop, sizeof sop, "1.%d", run);
        (void)snprintf(study, sizeof study, "2.%d", run / 2); /* new and known */
        race(two, 2);
        cr_assert(count(2, INDEX_STORED) == 1 && count(2, INDEX_CONFLICT) == 1, "run %d", run);
    }
    cr_assert_answer(d.db, "select count(*) from isthmus.instance", "100");
    cr_assert_answer(d.db, "select count(*) from isthmus.conflict", "100");
    cr_assert_answer(d.db, "select sum(number_of_study_related_instances) from isthmus.study_count",
                     "100");
}

Test(put_race, one_uid_with_the_same_bytes_at_once_is_stored_once_and_a_duplicate)
{
    char sop[32];

    for (int run = 0; run < RUNS; run++) {
        struct sample same = {.sop = sop, .study = "2.1", .series = "3.1", .bytes = 1};
        struct sample all[CLIENTS] = {same, same, same, same};

        (void)snprintf(sop, sizeof sop, "1.%d", run);
        race(all, CLIENTS);
        cr_assert(count(CLIENTS, INDEX_STORED) == 1 && count(CLIENTS, INDEX_DUPLICATE) == 3,
                  "run %d", run);
    }
    cr_assert_answer(d.db, "select number_of_study_related_instances from isthmus.study_count",
                     "100");
    cr_assert_answer(d.db, "select count(*) from isthmus.conflict", "0");
}

Test(put_race, the_same_other_bytes_at_once_are_one_conflict)
{
    char sop[32];

    for (int run = 0; run < RUNS; run++) {
        struct sample first = {.sop = sop, .study = "2.1", .series = "3.1", .bytes = 1};
        struct sample same = first, all[CLIENTS];

        (void)snprintf(sop, sizeof sop, "1.%d", run);
        put(d.db, &first, 100000 + (uint64_t)run, INDEX_STORED);
        same.bytes = 2;
        for (int i = 0; i < CLIENTS; i++)
            all[i] = same;
        race(all, CLIENTS);
        cr_assert(count(CLIENTS, INDEX_CONFLICT) == 1 && count(CLIENTS, INDEX_DUPLICATE) == 3,
                  "run %d", run);
    }
    cr_assert_answer(d.db, "select count(*) from isthmus.conflict", "100");
}

Test(put_race, a_new_study_that_comes_on_four_associations_is_one_study)
{
    char sop[CLIENTS][32], study[32], series[CLIENTS][32];

    run_sql(d.db, "select isthmus.register_target('t', '', '10s', '300s')");
    for (int run = 0; run < RUNS; run++) {
        struct sample all[CLIENTS];

        (void)snprintf(study, sizeof study, "2.%d", run);
        for (int i = 0; i < CLIENTS; i++) {
            (void)snprintf(sop[i], sizeof sop[i], "1.%d.%d", run, i);
            (void)snprintf(series[i], sizeof series[i], "3.%d.%d", run, i / 2);
            all[i] = (struct sample){.sop = sop[i], .study = study, .series = series[i]};
        }
        race(all, CLIENTS);
        cr_assert_eq(count(CLIENTS, INDEX_STORED), CLIENTS);
    }
    cr_assert_answer(d.db,
                     "select concat_ws(' ', count(*), min(number_of_study_related_instances), "
                     "max(number_of_study_related_instances), min(number_of_study_related_series), "
                     "max(number_of_study_related_series)) from isthmus.study join "
                     "isthmus.study_count using (study_key)",
                     "100 4 4 2 2");
    cr_assert_answer(d.db, "select count(*) from isthmus.patient", "1");
    cr_assert_answer(d.db,
                     "select concat_ws(' ', count(*), min(generation), max(generation)) "
                     "from isthmus.outbox",
                     "100 4 4");
}

Test(put_race, strangers_and_two_named_patients_at_once_end_flagged)
{
    static const char *const patients[CLIENTS] = {PATIENT_A, PATIENT_B, PATIENT_NONE, PATIENT_A};
    char sop[CLIENTS][32], study[32];

    for (int run = 0; run < RUNS; run++) {
        struct sample all[CLIENTS];

        (void)snprintf(study, sizeof study, "2.%d", run);
        for (int i = 0; i < CLIENTS; i++) {
            (void)snprintf(sop[i], sizeof sop[i], "1.%d.%d", run, i);
            all[i] = (struct sample){.sop = sop[i], .study = study, .series = "3.1"};
            all[i].attributes[LEVEL_PATIENT] = patients[i];
        }
        race(all, CLIENTS);
    }
    cr_assert_answer(d.db,
                     "select count(*) from isthmus.study join isthmus.patient using (patient_key) "
                     "where patient_differs and patient_id <> ''",
                     "100");
}
