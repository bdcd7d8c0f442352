#include "store/worklist.h"
#include "tests/db/order_help.h"

#include <pthread.h>
#include <stdatomic.h>

#define RUNS 60
#define CLIENTS 4

/* What each client does in run n. */
enum { IMAGE, SECOND_IMAGE, NEW_ORDER, CHANGED_ORDER };

static struct database d;
static struct db *connections[CLIENTS];
static pthread_barrier_t together;

static void setup(void)
{
    d = make_database();
    run_sql(d.db, "select isthmus.register_target('t', '', '10s', '300s')");
    for (int i = 0; i < CLIENTS; i++)
        connections[i] = connect_to(d.conninfo);
}

static void teardown(void)
{
    for (int i = 0; i < CLIENTS; i++)
        db_free(connections[i]);
    drop_database(&d);
}

TestSuite(order_race, .init = setup, .fini = teardown, .timeout = 600);

static void store_image(struct db *db, int n, bool second)
{
    char sop[32], study[32], series[32], text[100];
    struct sample s = {.sop = sop, .study = study, .series = series};

    (void)snprintf(sop, sizeof sop, "1.%d.%d", n, second);
    (void)snprintf(study, sizeof study, "2.%d", n);
    (void)snprintf(series, sizeof series, "3.%d.%d", n, second);
    (void)snprintf(text, sizeof text, "{\"00080050\":{\"vr\":\"SH\",\"Value\":[\"ACC-%d\"]}}", n);
    s.attributes[LEVEL_STUDY] = text;
    put(db, &s, (uint64_t)(2 * n + second + 1), INDEX_STORED);
}

static void new_order(struct db *db, int n)
{
    char accession[32], study[32];
    struct order o = {ORDER(accession, "RP-1", study, "A-1")};

    (void)snprintf(accession, sizeof accession, "ACC-%d", n);
    (void)snprintf(study, sizeof study, "2.100.%d", n);
    put_order_unmatched(db, &o);
    cr_assert_eq(worklist_match(db), 0, "%s", db_problem(db));
}

/* Half of the orders again; what is overlooked of the others stays so. */
static void change_orders(struct db *db)
{
    run_sql(db, "with changed as (update isthmus.worklist_order set changed_at = now() "
                "where order_key % 2 = 0 returning order_key) "
                "insert into isthmus.worklist_due select order_key from changed order by order_key "
                "on conflict (order_key) do update set order_key = excluded.order_key");
    cr_assert_eq(worklist_match(db), 0, "%s", db_problem(db));
}

static void *run_client(void *context)
{
    int client = (int)(intptr_t)context;

    for (int n = 0; n < RUNS; n++) {
        (void)pthread_barrier_wait(&together);
        if (client == IMAGE || client == SECOND_IMAGE)
            store_image(connections[client], n, client == SECOND_IMAGE);
        else if (client == NEW_ORDER)
            new_order(connections[client], n);
        else
            change_orders(connections[client]);
    }
    return NULL;
}

Test(order_race, an_order_and_its_images_that_come_at_once_find_each_other_without_a_deadlock)
{
    pthread_t threads[CLIENTS];

    cr_assert_eq(pthread_barrier_init(&together, NULL, CLIENTS), 0);
    for (int i = 0; i < CLIENTS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, run_client, (void *)(intptr_t)i), 0);
    for (int i = 0; i < CLIENTS; i++)
        (void)pthread_join(threads[i], NULL);
    (void)pthread_barrier_destroy(&together);
    /* What was skipped because somebody wrote it is due still. */
    cr_assert_eq(worklist_match(d.db), 0);
    cr_assert_answer(d.db,
                     "select count(*) from isthmus.order_match m join isthmus.study_order so "
                     "using (study_key) where m.order_state = 'matched' and so.linked",
                     "60");
    run_sql(d.db, "select pg_stat_force_next_flush()");
    cr_assert_answer(
        d.db, "select deadlocks from pg_stat_database where datname = current_database()", "0");
}

static atomic_bool order_done;

static void *run_order(void *context)
{
    (void)context;
    new_order(connections[NEW_ORDER], 1);
    atomic_store(&order_done, true);
    return NULL;
}

static bool somebody_waits(void)
{
    return strcmp(ask(d.db, "select count(*) from pg_locks where locktype = 'advisory' "
                            "and not granted and database = (select oid from pg_database "
                            "where datname = current_database())"),
                  "0") != 0;
}

Test(order_race, an_order_waits_for_an_image_that_is_being_stored_and_could_overlook_it)
{
    pthread_t thread;

    run_sql(connections[IMAGE], "begin");
    store_image(connections[IMAGE], 1, false);
    cr_assert_eq(pthread_create(&thread, NULL, run_order, NULL), 0);
    while (!atomic_load(&order_done) && !somebody_waits())
        ;
    run_sql(connections[IMAGE], "commit");
    (void)pthread_join(thread, NULL);
    cr_assert_str_eq(order_match_text(d.db), "matched: ACC-1 RP-1");
}
