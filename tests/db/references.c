/* References between instances: both ways, whichever comes first. */
#include "store/study.h"
#include "tests/db/database.h"
#include "tests/db/sample.h"

static struct database d;

static void setup(void)
{
    d = make_database();
}

static void teardown(void)
{
    drop_database(&d);
}

TestSuite(references, .init = setup, .fini = teardown, .timeout = 600);

/* Of two studies; "1.1" was made of "1.2" and of "1.3", which was made of "1.1": a cycle. */
static const struct {
    struct sample sample;
    const char *references;
} instances[] = {
    {{.sop = "1.1", .study = "2.1", .series = "3.1", .bytes = 1},
     "[[\"conversion\",\"" CT "\",\"1.2\",null,\"1-2,4\",\"7\"],"
     "[\"source\",null,\"1.3\",\"121320 DCM\",null,null]]"},
    {{.sop = "1.2", .study = "2.2", .series = "3.2", .bytes = 2}, NULL},
    {{.sop = "1.3", .study = "2.1", .series = "3.1", .bytes = 3},
     "[[\"image\",null,\"1.1\",null,null,null],[\"image\",null,\"1.9\",null,null,null]]"},
};

static void put_referring(size_t n, uint64_t blob)
{
    struct instance i = make_instance(&instances[n].sample, blob);
    enum index_result result;

    i.references = instances[n].references ? strdup(instances[n].references) : NULL;
    cr_assert_eq(index_put(d.db, NULL, &i, &result, NULL), 0, "%s", db_problem(d.db));
    cr_assert_eq(result, INDEX_STORED);
    instance_done(&i);
}

/* Every reference, and what is known of the other end. */
static const char all[] =
    "select string_agg(i.sop_instance_uid || ' ' || r.kind || ' ' || r.sop_instance_uid || "
    "  coalesce(' purpose ' || r.purpose, '') || coalesce(' frames ' || r.frames, '') || "
    "  coalesce(' other ' || r.other_frames, '') || "
    "  case when o.instance_key is null then ' not here' else '' end, '; ' "
    "  order by i.sop_instance_uid, r.sop_instance_uid) "
    "from isthmus.reference r join isthmus.instance i using (instance_key) "
    "left join isthmus.instance o on o.sop_instance_uid = r.sop_instance_uid";

/* "1.1: 1.2 1.3; 1.3:" */
static const char *sources_of(const char *study_instance_uid)
{
    static char text[500];
    struct study *s = NULL;
    int64_t key = 0;
    size_t n = 0;

    cr_assert_eq(study_find(d.db, study_instance_uid, &key), 0);
    cr_assert_eq(study_load(d.db, key, &s), 0, "%s", db_problem(d.db));
    for (size_t k = 0; k < s->n_series; k++)
        for (size_t i = 0; i < s->series[k].n_instances; i++) {
            const struct study_instance *one = &s->series[k].instances[i];

            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s:", n ? "; " : "",
                                  one->sop_instance_uid);
            for (size_t u = 0; u < one->n_sources; u++)
                n += (size_t)snprintf(text + n, sizeof text - n, " %s", one->sources[u]);
        }
    study_free(s);
    return text;
}

Test(references, the_order_of_arrival_does_not_matter)
{
    static const size_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                       {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    for (size_t o = 0; o < 6; o++) {
        run_sql(d.db, "truncate isthmus.instance, isthmus.reference, isthmus.series, "
                      "isthmus.study, isthmus.outbox, isthmus.published cascade");
        for (size_t n = 0; n < 3; n++)
            put_referring(orders[o][n], 10 * o + n + 1);
        cr_assert_answer(d.db, all,
                         "1.1 conversion 1.2 frames 1-2,4 other 7; "
                         "1.1 source 1.3 purpose 121320 DCM; "
                         "1.3 image 1.1; 1.3 image 1.9 not here");
        cr_assert_str_eq(sources_of("2.1"), "1.1: 1.2 1.3; 1.3:");
        cr_assert_str_eq(sources_of("2.2"), "1.2:");
    }
}

Test(references, an_instance_that_comes_again_says_nothing_twice)
{
    put_referring(0, 1);
    put_referring(0, 1);
    cr_assert_answer(d.db, "select count(*) from isthmus.reference", "2");
}

Test(references, only_a_predecessor_by_purpose_is_a_source_of_conversion)
{
    static const struct {
        const char *kind, *purpose, *answer;
    } rows[] = {{"conversion", "null", "t"},     {"conversion", "'121322 DCM'", "t"},
                {"source", "'121320 DCM'", "t"}, {"source", "'121330 DCM'", "t"},
                {"source", "'121322 DCM'", "f"}, {"source", "'121320 99X'", "f"},
                {"source", "null", "f"},         {"derivation", "'121320 DCM'", "f"},
                {"image", "null", "f"}};
    char sql[200];

    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        (void)snprintf(sql, sizeof sql, "select isthmus.is_conversion('%s', %s)", rows[r].kind,
                       rows[r].purpose);
        cr_assert_answer(d.db, sql, rows[r].answer);
    }
}

Test(references, they_are_found_from_either_end_by_an_index)
{
    run_sql(d.db, "set enable_seqscan = off");
    cr_assert_not_null(
        strstr(ask(d.db, "explain (costs off, format json) select from isthmus.reference "
                         "where sop_instance_uid = '1.2'"),
               "reference_to"));
    cr_assert_not_null(strstr(ask(d.db, "explain (costs off, format json) select from "
                                        "isthmus.reference where instance_key = 1"),
                              "reference_from"));
    cr_assert_not_null(strstr(ask(d.db, "explain (costs off, format json) select from "
                                        "isthmus.reference r join isthmus.instance i "
                                        "on i.sop_instance_uid = r.sop_instance_uid "
                                        "where r.instance_key = 1"),
                              "instance_sop_instance_uid_key"));
}

Test(references, twenty_thousand_come_in_one_statement)
{
    struct instance i = make_instance(&instances[0].sample, 1);
    enum index_result result;
    json_t *list = json_array();
    char uid[32], frame[16];

    for (int n = 0; n < 20000; n++) {
        (void)snprintf(uid, sizeof uid, "1.7.%d", n);
        (void)snprintf(frame, sizeof frame, "%d", n + 1);
        json_array_append_new(list, json_pack("[s,n,s,n,s,n]", "conversion", uid, frame));
    }
    i.references = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    cr_assert_eq(index_put(d.db, NULL, &i, &result, NULL), 0, "%s", db_problem(d.db));
    cr_assert_answer(d.db, "select count(distinct sop_instance_uid) from isthmus.reference",
                     "20000");
    cr_assert_answer(
        d.db, "select frames from isthmus.reference where sop_instance_uid = '1.7.19999'", "20000");
    instance_done(&i);
}
