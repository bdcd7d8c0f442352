/* References between instances: both ways, whichever comes first. */
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

TestSuite(references, .init = setup, .fini = teardown, .timeout = 60);

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
    cr_assert_eq(index_put(d.db, &i, &result, NULL), 0, "%s", db_problem(d.db));
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
    }
}

Test(references, an_instance_that_comes_again_says_nothing_twice)
{
    put_referring(0, 1);
    put_referring(0, 1);
    cr_assert_answer(d.db, "select count(*) from isthmus.reference", "2");
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
    cr_assert_eq(index_put(d.db, &i, &result, NULL), 0, "%s", db_problem(d.db));
    cr_assert_answer(d.db, "select count(distinct sop_instance_uid) from isthmus.reference",
                     "20000");
    cr_assert_answer(
        d.db, "select frames from isthmus.reference where sop_instance_uid = '1.7.19999'", "20000");
    instance_done(&i);
}
