#include "tests/db/order_help.h"

#include <stdio.h>

static struct database d;

static void setup(void)
{
    d = make_database();
}

static void teardown(void)
{
    drop_database(&d);
}

TestSuite(order_match, .init = setup, .fini = teardown, .timeout = 600);

#define ACCESSION(a) "{\"00080050\":{\"vr\":\"SH\",\"Value\":[\"" a "\"]}}"
#define ISSUED(a, i)                                                                               \
    "{\"00080050\":{\"vr\":\"SH\",\"Value\":[\"" a "\"]},"                                         \
    "\"00080051\":{\"vr\":\"SQ\",\"Value\":[{\"00400031\":{\"vr\":\"UT\",\"Value\":[\"" i          \
    "\"]}}]}}"
#define PROCEDURE(p) "{\"00401001\":{\"vr\":\"SH\",\"Value\":[\"" p "\"]}}"
#define ITEM(a, p)                                                                                 \
    "{\"00080050\":{\"vr\":\"SH\",\"Value\":[\"" a "\"]},"                                         \
    "\"00401001\":{\"vr\":\"SH\",\"Value\":[\"" p "\"]}}"
#define REQUESTS(items) "{\"00400275\":{\"vr\":\"SQ\",\"Value\":[" items "]}}"
#define PATIENT_A_RENAMED                                                                          \
    "{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Maier^Zoë\"}]},"                   \
    "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"A-1\"]}}"

/* One thing that happens: an image comes, or an order. */
struct event {
    const struct sample *image;
    const struct order *order;
};

static void happen(const struct event *e, uint64_t n)
{
    if (e->image) {
        char sop[32];
        struct sample s = *e->image;

        (void)snprintf(sop, sizeof sop, "1.%d", (int)n);
        s.sop = sop;
        s.study = s.study ? s.study : "2.1";
        put(d.db, &s, n, INDEX_STORED);
    } else {
        put_order(d.db, e->order);
    }
}

static const struct sample image_none = {.series = "3.1", .attributes = {[LEVEL_STUDY] = "{}"}};
static const struct sample image_1 = {.series = "3.1"}; /* ACC-1, patient A */
static const struct sample image_1_renamed = {.series = "3.1", .attributes = {PATIENT_A_RENAMED}};
static const struct sample image_2 = {.series = "3.2", .attributes = {[LEVEL_STUDY] = STUDY_2}};
static const struct sample image_b = {.series = "3.3", .attributes = {PATIENT_B}};
static const struct sample image_issued = {.series = "3.1",
                                           .attributes = {[LEVEL_STUDY] = ISSUED("ACC-1", "RIS2")}};
static const struct sample image_procedure = {.series = "3.1",
                                              .attributes = {[LEVEL_STUDY] = PROCEDURE("RP-1")}};
static const struct sample image_item = {
    .series = "3.1",
    .attributes = {[LEVEL_STUDY] = "{}", [LEVEL_SERIES] = REQUESTS(ITEM("ACC-1", "RP-2"))}};
static const struct sample image_two_items = {
    .series = "3.1",
    .attributes = {[LEVEL_STUDY] = "{}",
                   [LEVEL_SERIES] = REQUESTS(ITEM("ACC-1", "RP-1") "," ITEM("ACC-2", "RP-9"))}};
static const struct sample image_report = {
    .series = "3.4",
    .attributes = {[LEVEL_STUDY] = "{}",
                   [LEVEL_INSTANCE] =
                       "{\"0040A370\":{\"vr\":\"SQ\",\"Value\":[" ITEM("ACC-1", "RP-1") "]}}"}};

static const struct order order_1 = {ORDER("ACC-1", "RP-1", "2.100", "A-1")};
static const struct order order_1_second = {ORDER("ACC-1", "RP-2", "2.101", "A-1")};
static const struct order order_1_of_b = {ORDER("ACC-1", "RP-1", "2.102", "B-2")};
static const struct order order_1_of_b_second = {ORDER("ACC-1", "RP-3", "2.105", "B-2")};
static const struct order order_2 = {ORDER("ACC-2", "RP-9", "2.103", "A-1")};
static const struct order order_2_of_b = {ORDER("ACC-2", "RP-9", "2.104", "B-2")};
static const struct order order_uid = {ORDER("ACC-7", "RP-7", "2.1", "A-1")};
static const struct order order_uid_of_b = {ORDER("ACC-7", "RP-7", "2.1", "B-2")};
static const struct order order_issuer = {ORDER("ACC-1", "RP-1", "2.100", "A-1"), .issuer = "RIS1"};
static const struct order order_issuer_2 = {ORDER("ACC-1", "RP-1", "2.106", "A-1"),
                                            .issuer = "RIS2"};
static const struct order order_mistaken = {ORDER("ACC-1", "RP-1", "2.100", "A-1"),
                                            .status = "entered-in-error"};

#define MAX_EVENTS 4
static const struct {
    struct event events[MAX_EVENTS];
    const char *expected; /* see order_match_text() */
} cases[] = {
    {{{&image_none, NULL}}, "no accession number, open"},
    {{{&image_1, NULL}}, "unknown accession number, open"},
    {{{&image_1, NULL}, {NULL, &order_2}}, "unknown accession number, open"},
    {{{&image_1, NULL}, {NULL, &order_1}}, "matched: ACC-1 RP-1"},
    {{{&image_none, NULL}, {&image_1, NULL}, {NULL, &order_1}}, "matched: ACC-1 RP-1"},
    {{{&image_1, NULL}, {&image_1_renamed, NULL}, {NULL, &order_1}}, "matched: ACC-1 RP-1"},
    {{{&image_item, NULL}, {NULL, &order_1}}, "matched: ACC-1 RP-1"},
    {{{&image_report, NULL}, {NULL, &order_1}}, "matched: ACC-1 RP-1"},
    {{{&image_1, NULL}, {NULL, &order_mistaken}}, "unknown accession number, open"},
    /* Another patient. */
    {{{&image_1, NULL}, {NULL, &order_1_of_b}}, "patient differs, open, strange ACC-1"},
    {{{&image_1, NULL}, {NULL, &order_1}, {&image_b, NULL}},
     "patient differs, open, strange ACC-1"},
    {{{&image_1, NULL}, {NULL, &order_1_of_b_second}, {NULL, &order_1}}, "matched: ACC-1 RP-1"},
    /* Several requested procedures of one accession number. */
    {{{&image_1, NULL}, {NULL, &order_1}, {NULL, &order_1_second}},
     "matched: ACC-1 RP-1, ACC-1 RP-2"},
    {{{&image_item, NULL}, {NULL, &order_1}, {NULL, &order_1_second}}, "matched: ACC-1 RP-2"},
    /* Several accession numbers. */
    {{{&image_1, NULL}, {&image_2, NULL}}, "several accession numbers, open"},
    {{{&image_1, NULL}, {&image_2, NULL}, {NULL, &order_1}, {NULL, &order_2}},
     "several accession numbers, open"},
    {{{&image_1, NULL}, {&image_2, NULL}, {NULL, &order_1}, {NULL, &order_2_of_b}},
     "several accession numbers, open, strange ACC-2"},
    {{{&image_two_items, NULL}, {NULL, &order_1}, {NULL, &order_2}},
     "several accession numbers, open"},
    /* Issuers. */
    {{{&image_issued, NULL}, {NULL, &order_1}}, "matched: ACC-1 RP-1"},
    {{{&image_1, NULL}, {NULL, &order_issuer}}, "matched: ACC-1 RP-1"},
    {{{&image_issued, NULL}, {NULL, &order_issuer}}, "unknown accession number, open"},
    {{{&image_issued, NULL}, {NULL, &order_issuer}, {NULL, &order_issuer_2}},
     "matched: ACC-1 RP-1"},
    /* Without an accession number: Study Instance UID, then Requested Procedure ID. */
    {{{&image_none, NULL}, {NULL, &order_uid}}, "matched: ACC-7 RP-7"},
    {{{&image_none, NULL}, {NULL, &order_uid_of_b}}, "patient differs, open, strange ACC-7"},
    {{{&image_1, NULL}, {NULL, &order_uid}}, "unknown accession number, open"},
    {{{&image_procedure, NULL}, {NULL, &order_1}}, "matched: ACC-1 RP-1"},
    {{{&image_procedure, NULL}, {NULL, &order_uid}, {NULL, &order_1}}, "matched: ACC-7 RP-7"},
    {{{&image_procedure, NULL}, {NULL, &order_1_of_b}}, "no accession number, open"},
};

static size_t count_events(const struct event *events)
{
    size_t n = 0;

    while (n < MAX_EVENTS && (events[n].image || events[n].order))
        n++;
    return n;
}

/* Put the @n events into permutation @turn; false: there is none. */
static bool permute(size_t n, size_t turn, size_t order[MAX_EVENTS])
{
    bool used[MAX_EVENTS] = {false};
    size_t left = 1;

    for (size_t i = 2; i <= n; i++)
        left *= i;
    if (turn >= left)
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t skip, j = 0;

        left /= n - i;
        skip = turn / left;
        turn %= left;
        for (; used[j] || skip > 0; j++)
            skip -= !used[j];
        used[j] = true;
        order[i] = j;
    }
    return true;
}

Test(order_match, whatever_comes_first_the_study_ends_the_same)
{
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        size_t n = count_events(cases[c].events), order[MAX_EVENTS];

        for (size_t turn = 0; permute(n, turn, order); turn++) {
            const char *state;

            run_sql(d.db, "truncate isthmus.study, isthmus.series, isthmus.instance, "
                          "isthmus.patient, isthmus.worklist_order cascade");
            for (size_t i = 0; i < n; i++)
                happen(&cases[c].events[order[i]], i + 1);
            state = order_match_text(d.db);
            cr_assert_str_eq(state, cases[c].expected, "case %zu, permutation %zu: %s", c, turn,
                             state);
        }
    }
}

Test(order_match, the_state_follows_every_step)
{
    static const struct {
        struct event event;
        const char *expected;
    } steps[] = {
        {{&image_none, NULL}, "no accession number, open"},
        {{NULL, &order_1_of_b}, "no accession number, open"},
        {{&image_1, NULL}, "patient differs, open, strange ACC-1"},
        {{NULL, &order_1_second}, "matched: ACC-1 RP-2"},
        {{NULL, &order_2}, "matched: ACC-1 RP-2"},
        {{&image_2, NULL}, "several accession numbers, open"},
        {{&image_b, NULL}, "patient differs, open, strange ACC-1, ACC-2"},
    };

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        happen(&steps[i].event, i + 1);
        cr_assert_str_eq(order_match_text(d.db), steps[i].expected, "step %zu", i);
    }
}

Test(order_match, an_order_that_changes_lets_go_and_takes_up_again)
{
    static const struct {
        const char *sql, *expected;
    } steps[] = {
        {"accession_number = 'ACC-9'", "unknown accession number, open"},
        {"accession_number = 'ACC-1'", "matched: ACC-1 RP-1"},
        {"patient_id = 'B-2'", "patient differs, open, strange ACC-1"},
        {"patient_id = 'A-1'", "matched: ACC-1 RP-1"},
        {"status = 'entered-in-error'", "unknown accession number, open"},
        {"status = 'revoked'", "matched: ACC-1 RP-1"},
    };
    char sql[200];

    happen(&(struct event){&image_1, NULL}, 1);
    happen(&(struct event){NULL, &order_1}, 2);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        (void)snprintf(sql, sizeof sql, "update isthmus.worklist_order set %s", steps[i].sql);
        run_sql(d.db, sql);
        look_again(d.db);
        match_orders(d.db);
        cr_assert_str_eq(order_match_text(d.db), steps[i].expected, "%s", steps[i].sql);
    }
    run_sql(d.db, "delete from isthmus.worklist_order");
    happen(&(struct event){&image_2, NULL}, 3);
    cr_assert_str_eq(order_match_text(d.db), "several accession numbers, open");
}

Test(order_match, a_study_is_published_again_only_when_its_order_changes_something)
{
    run_sql(d.db, "select isthmus.register_target('t', '', '10s', '300s')");
    happen(&(struct event){&image_1, NULL}, 1);
    run_sql(d.db, "delete from isthmus.outbox");
    happen(&(struct event){NULL, &order_2}, 2);
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "0");
    happen(&(struct event){NULL, &order_1}, 3);
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "1");
    run_sql(d.db, "delete from isthmus.outbox");
    look_again(d.db);
    match_orders(d.db); /* its text may be another one now */
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "1");
}

Test(order_match, thousands_of_requests_in_one_study_are_not_all_remembered)
{
    for (int i = 0; i < 70; i++) {
        char sop[16], attributes[200];
        struct sample s = {.sop = sop, .study = "2.1", .series = "3.1"};

        (void)snprintf(sop, sizeof sop, "1.%d", i);
        (void)snprintf(attributes, sizeof attributes,
                       "{\"00080050\":{\"vr\":\"SH\",\"Value\":[\"ACC-%d\"]}}", i);
        s.attributes[LEVEL_STUDY] = attributes;
        put(d.db, &s, (uint64_t)i + 1, INDEX_STORED);
    }
    cr_assert_answer(d.db, "select count(*) from isthmus.study_request", "64");
    cr_assert_str_eq(order_match_text(d.db), "several accession numbers, open");
}

Test(order_match, a_value_of_any_length_and_kind_is_no_reason_not_to_store)
{
    static char huge[70000], attributes[80000];
    static const char *const odd[] = {
        "{\"00400275\":{\"vr\":\"SQ\"}}", "{\"00400275\":{\"vr\":\"SQ\",\"Value\":[]}}",
        "{\"00400275\":{\"vr\":\"SQ\",\"Value\":[\"text\",null,{}]}}"};
    struct sample s = {.sop = "1.1", .study = "2.1", .series = "3.1"};

    memset(huge, 'A', sizeof huge - 1);
    (void)snprintf(attributes, sizeof attributes, ACCESSION("%s"), huge);
    s.attributes[LEVEL_STUDY] = attributes;
    put(d.db, &s, 1, INDEX_STORED);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        char uid[16];

        (void)snprintf(uid, sizeof uid, "9.%zu", i);
        s = (struct sample){.sop = uid, .study = "2.1", .series = uid};
        s.attributes[LEVEL_SERIES] = odd[i];
        put(d.db, &s, 10 + i, INDEX_STORED);
    }
}

/* --- Steps --- */

static const char *steps_text(void)
{
    return ask(d.db, "select string_agg(scheduled_procedure_step_id || ' ' || status, ', ' "
                     "order by scheduled_procedure_step_id) from isthmus.worklist_step");
}

static void add_step(const char *id, const char *modality, const char *status)
{
    char sql[400];

    (void)snprintf(sql, sizeof sql,
                   "insert into isthmus.worklist_step (order_key, scheduled_procedure_step_id, "
                   "modality, status, attributes) "
                   "select order_key, '%s', '%s', '%s', '{}' from isthmus.worklist_order",
                   id, modality, status);
    run_sql(d.db, sql);
}

Test(order_match, the_first_image_starts_the_steps_of_its_modality)
{
    happen(&(struct event){NULL, &order_1}, 1);
    add_step("S1", "CT", "SCHEDULED");
    add_step("S2", "MR", "ARRIVED");
    add_step("S3", "CT", "CANCELED");
    happen(&(struct event){&image_1, NULL}, 2);
    cr_assert_str_eq(steps_text(), "S1 STARTED, S2 ARRIVED, S3 CANCELED");
    happen(
        &(struct event){&(struct sample){.series = "3.9",
                                         .attributes = {[LEVEL_SERIES] = "{\"00080060\":{"
                                                                         "\"vr\":\"CS\","
                                                                         "\"Value\":[\"MR\"]}}"}},
                        NULL},
        3);
    cr_assert_str_eq(steps_text(), "S1 STARTED, S2 STARTED, S3 CANCELED");
}

Test(order_match, the_only_step_starts_whatever_comes_first)
{
    happen(&(struct event){&image_1, NULL}, 1);
    run_sql(d.db, "update isthmus.study set modalities_in_study = '{SR}'");
    put_order_unmatched(d.db, &order_1);
    add_step("S1", "MR", "SCHEDULED");
    match_orders(d.db);
    cr_assert_str_eq(steps_text(), "S1 STARTED");
}

Test(order_match, images_that_name_their_step_start_that_one)
{
    struct sample s = image_1;

    happen(&(struct event){NULL, &order_1}, 1);
    add_step("S1", "CT", "SCHEDULED");
    add_step("S2", "CT", "SCHEDULED");
    s.attributes[LEVEL_SERIES] = REQUESTS("{\"00400009\":{\"vr\":\"SH\",\"Value\":[\"S2\"]}}");
    happen(&(struct event){&s, NULL}, 2);
    cr_assert_str_eq(steps_text(), "S1 SCHEDULED, S2 STARTED");
}

Test(order_match, a_step_is_completed_when_its_studies_have_been_quiet)
{
    happen(&(struct event){NULL, &order_1}, 1);
    add_step("S1", "CT", "SCHEDULED");
    happen(&(struct event){&image_1, NULL}, 2);
    run_sql(d.db, "update isthmus.tally set last_received_at = now() - interval '59 min'");
    cr_assert_answer(d.db, "select isthmus.complete_steps('1 h')", "0");
    run_sql(d.db, "update isthmus.tally set last_received_at = now() - interval '61 min'");
    cr_assert_answer(d.db, "select isthmus.complete_steps('1 h')", "1");
    cr_assert_str_eq(steps_text(), "S1 COMPLETED");
    happen(&(struct event){&image_2, NULL}, 4); /* late */
    cr_assert_str_eq(steps_text(), "S1 COMPLETED");
}
