#include "tests/db/query_samples.h"

TestSuite(query_stream, .init = fill, .fini = empty);

Test(query_stream, a_limit_ends_the_matches_when_there_are_more)
{
    struct query_options options = study_root;
    json_t *identifier = make_identifier("STUDY", "{}"), *one;
    struct query_problem problem;
    struct query *q;

    options.limit = 3;
    cr_assert_eq(query_begin(made.db, identifier, &options, &q, &problem), 0);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(query_next(q, &one), 0);
        json_decref(one);
    }
    cr_assert_eq(query_next(q, &one), -ENOBUFS);
    cr_assert_eq(query_next(q, &one), -ENOBUFS);
    query_end(q);
    options.limit = 4;
    cr_assert_found(made.db, "STUDY", "{}", UID, &options, "1 2 3 4");
    json_decref(identifier);
}

#define ALL_STUDIES "{\"00081030\":\"\",\"00080020\":\"-20990101\"}"

/* More than fits into the buffers between the server and us. */
static void add_many_studies(void)
{
    run_sql(made.db,
            "insert into isthmus.study (patient_key, study_instance_uid, study_date, "
            "study_description, number_of_study_related_series, patient_attributes, attributes) "
            "select 1, '9.' || n, '2026-01-01', repeat('x', 200), 1, '{}', '{}' "
            "from generate_series(1, 200000) n");
}

static void take_three(struct query *q)
{
    for (int i = 0; i < 3; i++) {
        json_t *one;

        cr_assert_eq(query_next(q, &one), 0);
        json_decref(one);
    }
}

/* All other sessions of the database end. */
static void end_sessions(void)
{
    struct db *other = connect_to(made.conninfo);

    run_sql(other, "select pg_terminate_backend(pid, 10000) from pg_stat_activity "
                   "where datname = current_database() and pid <> pg_backend_pid()");
    db_free(other);
}

Test(query_stream, a_query_that_is_given_up_is_stopped_on_the_server)
{
    json_t *identifier = make_identifier("STUDY", ALL_STUDIES);
    struct query_problem problem;
    struct query *q;

    add_many_studies();
    cr_assert_eq(query_begin(made.db, identifier, &study_root, &q, &problem), 0);
    take_three(q);
    query_end(q);
    cr_assert_found(made.db, "STUDY", "{\"00080050\":\"ACCX10\"}", UID, &study_root, "2");
    cr_assert_answer(made.db,
                     "select count(*) from pg_stat_activity where datname = current_database() "
                     "and pid <> pg_backend_pid() and state = 'active' "
                     "and backend_type = 'client backend'", /* the database tidies up by itself */
                     "0");
    json_decref(identifier);
}

Test(query_stream, a_connection_that_was_lost_before_is_made_again)
{
    end_sessions();
    cr_assert_found(made.db, "STUDY", "{\"00080050\":\"ACCX10\"}", UID, &study_root, "2");
    end_sessions();
    cr_assert_found(made.db, "STUDY", "{\"00080050\":\"ACCX*\"}", UID, &study_root, "2");
}

Test(query_stream, a_connection_that_is_lost_between_matches_is_said)
{
    json_t *identifier = make_identifier("STUDY", ALL_STUDIES), *one;
    struct query_problem problem;
    struct query *q;
    int r;

    add_many_studies();
    cr_assert_eq(query_begin(made.db, identifier, &study_root, &q, &problem), 0);
    take_three(q);
    end_sessions();
    while ((r = query_next(q, &one)) == 0)
        json_decref(one);
    cr_assert_eq(r, -EAGAIN);
    cr_assert_eq(query_fd(q), -1);
    cr_assert_eq(query_next(q, &one), -EAGAIN);
    query_end(q);
    cr_assert_found(made.db, "STUDY", "{\"00080050\":\"ACCX10\"}", UID, &study_root, "2");
    json_decref(identifier);
}

Test(query_stream, a_match_can_be_waited_for_with_its_descriptor)
{
    json_t *identifier = make_identifier("STUDY", "{\"00080050\":\"ACCX10\"}"), *one;
    struct query_problem problem;
    struct query *q;

    cr_assert_eq(query_begin(made.db, identifier, &study_root, &q, &problem), 0);
    while (!query_ready(q)) {
        fd_set readable;

        FD_ZERO(&readable);
        FD_SET(query_fd(q), &readable);
        cr_assert_eq(select(query_fd(q) + 1, &readable, NULL, NULL, NULL), 1);
    }
    cr_assert_eq(query_fd(q), -1);
    cr_assert_eq(query_next(q, &one), 0);
    json_decref(one);
    cr_assert_eq(query_next(q, &one), -ENOENT);
    cr_assert(query_ready(q));
    query_end(q);
    json_decref(identifier);
}

Test(query_stream, the_table_of_attributes_is_in_order_and_whole)
{
    struct query_attribute a;
    uint32_t last = 0, level = QUERY_IMAGE; /* of orders and steps there is a table each */
    unsigned n = 0;

    for (; query_attribute(n, &a); n++) {
        if (a.level > level) {
            level = a.level;
            last = 0;
        }
        cr_assert_gt(a.tag, last);
        cr_assert(a.keyword[0] && strlen(a.vr) == 2);
        last = a.tag;
    }
    cr_assert_gt(n, 330);
    cr_assert_eq(level, QUERY_STEP);
}
