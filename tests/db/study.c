#include "store/study.h"
#include "tests/db/database.h"
#include "tests/db/sample.h"

#include <errno.h>

static struct database d;

static void setup(void)
{
    d = make_database();
}

static void teardown(void)
{
    drop_database(&d);
}

TestSuite(study, .init = setup, .fini = teardown, .timeout = 600);

struct arrival {
    const char *series, *series_number, *sop, *instance_number;
};

static void numbered(char text[100], const char *tag, const char *number)
{
    if (number)
        (void)snprintf(text, 100, "{\"%s\":{\"vr\":\"IS\",\"Value\":[\"%s\"]}}", tag, number);
    else
        (void)snprintf(text, 100, "{}");
}

static void arrive(const struct arrival *a, uint64_t blob)
{
    char series[100], instance[100];
    const struct sample s = {.sop = a->sop,
                             .study = "2.1",
                             .series = a->series,
                             .attributes = {NULL, NULL, series, instance}};

    numbered(series, "00200011", a->series_number);
    numbered(instance, "00200013", a->instance_number);
    put(d.db, &s, blob, INDEX_STORED);
}

static struct study *load(void)
{
    struct study *s = NULL;
    int64_t key = 0;
    int r;

    cr_assert_eq(study_find(d.db, "2.1", &key), 0);
    r = study_load(d.db, key, &s);
    cr_assert_eq(r, 0, "%d %s", r, db_problem(d.db));
    return s;
}

/* "3.2: 1.5 1.7; 3.1: 1.1" */
static const char *order_of(const struct study *s)
{
    static char text[1000];
    size_t n = 0;

    for (size_t i = 0; i < s->n_series; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s:", i ? "; " : "",
                              s->series[i].series_instance_uid);
        for (size_t k = 0; k < s->series[i].n_instances; k++)
            n += (size_t)snprintf(text + n, sizeof text - n, " %s",
                                  s->series[i].instances[k].sop_instance_uid);
    }
    return text;
}

Test(study, series_and_instances_come_by_number_then_by_uid_bytes_absent_last)
{
    static const struct arrival arrivals[] = {
        {"3.9", NULL, "1.90", NULL}, {"3.2", "10", "1.20", "2"},  {"3.10", "2", "1.31", NULL},
        {"3.10", "2", "1.30", "10"}, {"3.10", "2", "1.32", "-1"}, {"3.10", "2", "1.4", "9"},
        {"3.1", "10", "1.9", "7"},   {"3.1", "10", "1.10", "7"},  {"3.30", NULL, "1.91", NULL},
        {"3.10", "2", "1.3", "x"},
    };
    const size_t n = sizeof arrivals / sizeof *arrivals;
    struct study *s;

    for (size_t turn = 0; turn < 3; turn++) {
        if (turn > 0)
            run_sql(d.db, "truncate isthmus.study, isthmus.series, isthmus.instance cascade");
        for (size_t i = 0; i < n; i++)
            arrive(&arrivals[turn == 2 ? n - 1 - i : (i * 3 + turn) % n], i + 1);
        s = load();
        cr_assert_str_eq(order_of(s),
                         "3.10: 1.32 1.4 1.30 1.3 1.31; 3.1: 1.10 1.9; 3.2: 1.20; 3.30: 1.91; "
                         "3.9: 1.90");
        study_free(s);
    }
}

Test(study, a_series_that_disagrees_about_its_number_has_that_of_its_first_instance)
{
    static const struct arrival arrivals[] = {
        {"3.1", "9", "1.2", "2"}, {"3.1", "1", "1.1", "1"}, {"3.2", "5", "1.3", "1"}};
    struct study *s;

    for (size_t i = 0; i < 3; i++)
        arrive(&arrivals[i], i + 1);
    s = load();
    cr_assert_str_eq(order_of(s), "3.1: 1.1 1.2; 3.2: 1.3");
    study_free(s);
}

Test(study, documents_are_shared_where_they_are_the_same_and_kept_where_not)
{
    static const struct sample rows[] = {
        {.sop = "1.1", .study = "2.1", .series = "3.1"},
        {.sop = "1.2", .study = "2.1", .series = "3.1"},
        {.sop = "1.3", .study = "2.1", .series = "3.2", .attributes = {NULL, STUDY_2, NULL, NULL}},
        {.sop = "1.4",
         .study = "2.1",
         .series = "3.2",
         .attributes = {PATIENT_B, STUDY_2, NULL, NULL}},
    };
    const struct study_instance *a, *b, *c, *e;
    struct study *s;

    for (size_t i = 0; i < 4; i++)
        put(d.db, &rows[i], i + 1, INDEX_STORED);
    s = load();
    cr_assert_eq(s->n_series, 2);
    a = &s->series[0].instances[0];
    b = &s->series[0].instances[1];
    c = &s->series[1].instances[0];
    e = &s->series[1].instances[1];
    for (int level = 0; level < LEVEL_INSTANCE; level++)
        cr_assert_eq(a->attributes[level], b->attributes[level], "level %d", level);
    cr_assert_eq(a->attributes[LEVEL_PATIENT], c->attributes[LEVEL_PATIENT]);
    cr_assert_neq(a->attributes[LEVEL_STUDY], c->attributes[LEVEL_STUDY]);
    cr_assert_eq(c->attributes[LEVEL_STUDY], e->attributes[LEVEL_STUDY]);
    cr_assert_str_eq(
        json_string_value(json_array_get(
            json_object_get(json_object_get(e->attributes[LEVEL_PATIENT], "00100020"), "Value"),
            0)),
        "B-2");
    cr_assert(s->patient_differs);
    cr_assert_str_eq(s->order_state, "patient differs");
    study_free(s);
}

Test(study, what_is_rejected_away_or_without_a_good_uid_is_there_and_says_so)
{
    static const struct sample rows[] = {
        {.sop = "1.1", .study = "2.1", .series = "3.1"},
        {.sop = "1.2", .study = "2.1", .series = "3.1"},
        {.sop = "1.3", .study = "2.1", .series = "3.1"},
        {.sop = "1.x", .study = "2.1", .series = "3.1", .flags = INSTANCE_UID_INVALID},
    };
    static const struct {
        unsigned rejected;
        bool available, usable;
    } expected[] = {{0, true, true}, {2, true, true}, {0, false, true}, {0, true, false}};
    struct study *s;

    for (size_t i = 0; i < 4; i++)
        put(d.db, &rows[i], i + 1, INDEX_STORED);
    run_sql(d.db, "update isthmus.instance set rejected = 2 where sop_instance_uid = '1.2'");
    run_sql(d.db, "update isthmus.instance set available = false where sop_instance_uid = '1.3'");
    s = load();
    for (size_t i = 0; i < 4; i++) {
        const struct study_instance *is = &s->series[0].instances[i];

        cr_assert_eq(is->rejected, expected[i].rejected, "%zu", i);
        cr_assert_eq(is->available, expected[i].available, "%zu", i);
        cr_assert_eq(is->usable, expected[i].usable, "%zu", i);
    }
    study_free(s);
}

Test(study, the_time_of_arrival_is_utc_with_milliseconds)
{
    static const struct sample one = {.sop = "1.1", .study = "2.1", .series = "3.1"};
    struct study *s;

    put(d.db, &one, 1, INDEX_STORED);
    run_sql(d.db, "set timezone = 'Asia/Tokyo'");
    run_sql(d.db, "update isthmus.instance set received_at = '2026-01-31 23:59:59.25+01'");
    s = load();
    cr_assert_str_eq(s->series[0].instances[0].received_at, "2026-01-31T22:59:59.250Z");
    cr_assert_str_eq(s->series[0].instances[0].calling_ae_title, "CT1");
    study_free(s);
}

/* The first value of FD (0018,9087) and of US (0028,0010) of the only instance. */
static const json_t *number_of(const struct study *s, const char *tag)
{
    const json_t *a = s->series[0].instances[0].attributes[LEVEL_INSTANCE];

    return json_array_get(json_object_get(json_object_get(a, tag), "Value"), 0);
}

Test(study, a_real_that_the_database_writes_as_a_long_integer_is_read)
{
    static const char *const reals[] = {"1e300", "3.4028234663852886e38", "-9223372036854775809"};
    static const struct sample one = {.sop = "1.1", .study = "2.1", .series = "3.1"};
    char sql[300];

    put(d.db, &one, 1, INDEX_STORED);
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        struct study *s;

        (void)snprintf(sql, sizeof sql,
                       "update isthmus.instance set attributes = "
                       "'{\"00189087\": {\"vr\": \"FD\", \"Value\": [%s]},"
                       " \"00280010\": {\"vr\": \"US\", \"Value\": [512]}}'",
                       reals[i]);
        run_sql(d.db, sql);
        s = load();
        cr_assert_eq(json_real_value(number_of(s, "00189087")), strtod(reals[i], NULL));
        cr_assert(json_is_integer(number_of(s, "00280010")), "what was an integer still is one");
        cr_assert_eq(json_integer_value(number_of(s, "00280010")), 512);
        study_free(s);
    }
}

Test(study, a_document_that_nobody_can_read_is_told_from_a_lack_of_memory)
{
    static const char *const updates[] = {
        "update isthmus.instance set attributes = '{\"a\": 1e400}'",
        "update isthmus.instance set attributes = '{}', study_attributes = '{\"a\": 1e400}'",
        "update isthmus.series set attributes = '{\"a\": 1e400}'",
        "update isthmus.study set attributes = '{\"a\": 1e400}'",
    };
    static const struct sample one = {.sop = "1.1", .study = "2.1", .series = "3.1"};
    struct study *s;
    int64_t key = 0;

    for (size_t i = 0; i < sizeof updates / sizeof *updates; i++) {
        drop_database(&d);
        d = make_database();
        put(d.db, &one, 1, INDEX_STORED);
        run_sql(d.db, updates[i]);
        cr_assert_eq(study_find(d.db, "2.1", &key), 0);
        cr_assert_eq(study_load(d.db, key, &s), -EBADMSG, "row %zu", i);
    }
}

Test(study, an_unknown_study_is_not_there)
{
    struct study *s;
    int64_t key;

    cr_assert_eq(study_find(d.db, "9.9", &key), -ENOENT);
    cr_assert_eq(study_load(d.db, 99, &s), -ENOENT);
    cr_assert_eq(study_load(d.db, 99, &s), -ENOENT); /* and no transaction is left open */
    cr_assert_answer(d.db, "select 1", "1");
}
