#include "store/rejection.h"
#include "tests/db/query_samples.h"

TestSuite(query, .init = fill, .fini = empty);

Test(query, keys_on_columns_find_their_studies)
{
    static const struct {
        const char *keys, *studies;
    } rows[] = {
        {"{}", "1 2 3 4"},
        {"{\"00080050\":\"ACCX10\"}", "2"},
        {"{\"00080050\":\"accx10\"}", ""},
        {"{\"00080050\":\"ACC*\"}", "1 2"},
        {"{\"00080050\":\"ACC_1%\"}", "1"},
        {"{\"00080050\":\"ACC?1*\"}", "1 2"},
        {"{\"00080050\":\"ACC_1*\"}", "1"},
        {"{\"00080050\":\"ACCX10\\\\ACC_1%\"}", "1 2"},
        {"{\"00080050\":\"ACCX10\\\\ACC_*\"}", "1 2"},
        {"{\"00080050\":\"*\"}", "1 2 3 4"},
        {"{\"00080050\":\"**\"}", "1 2 3 4"},
        {"{\"00081030\":\"Head's \\\"CT\\\"\"}", "1"},
        {"{\"00081030\":\"*'*\"}", "1"},
        {"{\"00081030\":\"100%_*\"}", "4"},
        {"{\"00081030\":\"1?0%__\"}", ""},
        {"{\"00081030\":\"'; drop table isthmus.study; --\"}", ""},
        {"{\"00100010\":\"muller*\"}", "1 2"},
        {"{\"00100010\":\"MÜLLER^ZOË\"}", "1 2"},
        {"{\"00100010\":\"muller\"}", ""},
        {"{\"00100010\":\"smith\"}", "4"},
        {"{\"00100010\":\"smith^*\"}", "4"},
        {"{\"00100010\":\"smith^^\"}", "4"},
        {"{\"00100010\":\"sm?th*^*\"}", "4"},
        {"{\"00100010\":\"山田*\"}", "3"},
        {"{\"00100010\":\"=山田*\"}", "3"},
        {"{\"00100010\":\"yama*=山田*\"}", "3"},
        {"{\"00100010\":\"yama*=田*\"}", ""},
        {"{\"00100010\":\"==やまだ^*\"}", "3"},
        {"{\"00100010\":\"*zoe\"}", "1 2"},
        {"{\"00100020\":\"A-1\"}", "1 2 3"},
        {"{\"00100020\":\"A-1\", \"00100021\":\"HOSPITAL\"}", "1 2"},
        {"{\"00100020\":\"A*\", \"00100021\":\"OT*\"}", "3"},
        {"{\"00100030\":\"19700131\"}", "1 2"},
        {"{\"00100030\":\"-19700130\"}", ""},
        {"{\"00080020\":\"20260131-20260131\"}", "1"},
        {"{\"00080020\":\"20260201-\"}", "2 3"},
        {"{\"00080020\":\"-20260131\"}", "1"},
        {"{\"00080020\":\"2026.02.01\"}", "2 3"},
        {"{\"00080020\":\"20260131\\\\20260201\"}", "1 2 3"},
        {"{\"00080030\":\"13\"}", "1"},
        {"{\"00080030\":\"1305\"}", "1"},
        {"{\"00080030\":\"130501\"}", ""},
        {"{\"00080030\":\"07-0800\"}", "2"},
        {"{\"00080030\":\"-13\"}", "1 2"},
        {"{\"00080061\":\"SR\"}", "1"},
        {"{\"00080061\":\"SR\\\\MR\"}", "1 2"},
        {"{\"00080061\":\"?R\"}", "1 2"},
        {"{\"00080062\":\"1.2.840.10008.5.1.4.1.1.88.11\"}", "1"},
        {"{\"0020000D\":\"3\\\\1\"}", "1 3"},
        {"{\"00201206\":\"2\"}", "1"},
        {"{\"00201208\":\"3\"}", "1"},
        {"{\"00401001\":\"RP?\"}", "1"},
        {"{\"00080056\":\"ONLINE\"}", "1 2 3 4"},
        {"{\"00080056\":\"OFFLINE\"}", ""},
        {"{\"00080054\":\"ISTHMUS\"}", "1 2 3 4"},
        {"{\"00080054\":\"OTHER\"}", ""},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_found(made.db, "STUDY", rows[i].keys, UID, &study_root, rows[i].studies);
}

Test(query, every_level_answers_with_what_is_above_it)
{
    cr_assert_found(made.db, "PATIENT", "{\"00201200\":\"2\",\"00100010\":\"\"}", "00100010",
                    &patient_root, "Müller^Zoë");
    cr_assert_found(made.db, "PATIENT", "{\"00201202\":\"3\",\"00201204\":\"4\"}", "00100020",
                    &patient_root, "A-1");
    cr_assert_found(made.db, "SERIES", "{\"0020000D\":\"1\",\"00100010\":\"\"}", "00100010",
                    &study_root, "Müller^Zoë Müller^Zoë");
    cr_assert_found(made.db, "SERIES", "{\"0020000D\":\"1\",\"00080060\":\"CT\"}", "0020000E",
                    &study_root, "1.1");
    cr_assert_found(made.db, "SERIES", "{\"0020000D\":\"1\",\"00200011\":\"02\"}", "0020000E",
                    &study_root, "1.2");
    cr_assert_found(made.db, "IMAGE", "{\"0020000D\":\"1\",\"0020000E\":\"1.1\"}", SOP, &study_root,
                    "1.1.1 1.1.2");
    cr_assert_found(made.db, "IMAGE",
                    "{\"0020000D\":\"1\",\"0020000E\":\"1.1\",\"00080008\":\"DER*\"}", SOP,
                    &study_root, "1.1.2");
    cr_assert_found(made.db, "IMAGE",
                    "{\"0020000D\":\"1\",\"0020000E\":\"1.1\",\"00181030\":\"delayed\"}", SOP,
                    &study_root, "1.1.2");
}

Test(query, modalities_and_classes_of_a_study_are_lists)
{
    json_t *identifier =
        make_identifier("STUDY", "{\"0020000D\":\"1\",\"00080061\":\"\",\"00080062\":\"\"}");
    json_t *all = answers(made.db, identifier, &study_root);
    json_t *expected =
        json_loads("[{\"00080052\":{\"vr\":\"CS\",\"Value\":[\"STUDY\"]},"
                   "\"00080061\":{\"vr\":\"CS\",\"Value\":[\"CT\",\"SR\"]},"
                   "\"00080062\":{\"vr\":\"UI\",\"Value\":[\"1.2.840.10008.5.1.4.1.1.2\","
                   "\"1.2.840.10008.5.1.4.1.1.88.11\"]},"
                   "\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1\"]}}]",
                   0, NULL);

    cr_assert(json_equal(all, expected));
    json_decref(expected);
    json_decref(all);
    json_decref(identifier);
}

Test(query, sequences_match_when_one_item_does)
{
    static const struct {
        const char *item, *series;
    } rows[] = {
        {"{\"00401001\":{\"vr\":\"SH\",\"Value\":[\"RP1\"]}}", "1.1"},
        {"{\"00401001\":{\"vr\":\"SH\",\"Value\":[\"RP2\"]}}", ""},
        {"{\"00401001\":{\"vr\":\"SH\",\"Value\":[\"R*\"]},\"00080050\":{\"vr\":\"SH\"}}", "1.1"},
        {"{\"00401001\":{\"vr\":\"SH\",\"Value\":[\"RP1\"]},"
         "\"00080050\":{\"vr\":\"SH\",\"Value\":[\"X\"]}}",
         ""},
        {"{}", "1.1 1.2"},
        {"{\"00401001\":{\"vr\":\"SH\"}}", "1.1 1.2"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char keys[400];

        (void)snprintf(keys, sizeof keys,
                       "{\"0020000D\":\"1\",\"00400275\":{\"vr\":\"SQ\",\"Value\":[%s]}}",
                       rows[i].item);
        cr_assert_found(made.db, "SERIES", keys, "0020000E", &study_root, rows[i].series);
    }
}

Test(query, relational_queries_take_keys_of_any_level)
{
    cr_assert_found(made.db, "IMAGE", "{\"00080018\":\"2.1.1\"}", UID "", &relational, "");
    cr_assert_found(made.db, "IMAGE", "{\"00080018\":\"2.1.1\",\"0020000D\":\"\"}", UID,
                    &relational, "2");
    cr_assert_found(made.db, "SERIES", "{\"0020000E\":\"1.2\",\"0020000D\":\"\"}", UID, &relational,
                    "1");
    cr_assert_found(made.db, "STUDY", "{\"0020000E\":\"1.2\"}", UID, &relational, "1");
    cr_assert_found(made.db, "STUDY", "{\"00080018\":\"3.1.1\"}", UID, &relational, "3");
    cr_assert_found(made.db, "STUDY", "{\"00080060\":\"CT\",\"00200011\":\"2\"}", UID, &relational,
                    "");
    cr_assert_found(made.db, "STUDY", "{\"00080060\":\"CT\",\"00200011\":\"1\"}", UID, &relational,
                    "1");
}

Test(query, empty_values_are_found_when_negotiated)
{
    struct query_options options = study_root;

    cr_assert_found(made.db, "STUDY", "{\"00080050\":\"\\\"\\\"\"}", UID, &options, "");
    options.empty_value = true;
    cr_assert_found(made.db, "STUDY", "{\"00080050\":\"\\\"\\\"\"}", UID, &options, "3 4");
    cr_assert_found(made.db, "STUDY", "{\"00080020\":\"\\\"\\\"\"}", UID, &options, "4");
    cr_assert_found(made.db, "STUDY", "{\"00100020\":\"\\\"\\\"\"}", UID, &options, "4");
    cr_assert_found(made.db, "STUDY", "{\"00401001\":\"\\\"\\\"\"}", UID, &options, "2 3 4");
    cr_assert_found(made.db, "STUDY", "{\"00080090\":\"\\\"\\\"\"}", UID, &options, "1 2 3 4");
}

Test(query, date_and_time_are_one_range_when_negotiated)
{
    static const char keys[] = "{\"00080020\":\"20260131-20260201\",\"00080030\":\"1000-1200\"}";
    struct query_options options = study_root;

    cr_assert_found(made.db, "STUDY", keys, UID, &options, "");
    options.combined_datetime = true;
    cr_assert_found(made.db, "STUDY", keys, UID, &options, "1 2");
    cr_assert_found(made.db, "STUDY", "{\"00080020\":\"20260131-\",\"00080030\":\"1306-\"}", UID,
                    &options, "2 3");
    cr_assert_found(made.db, "STUDY", "{\"00080020\":\"-20260201\",\"00080030\":\"-0759\"}", UID,
                    &options, "1");
}

Test(query, words_of_names_are_found_in_any_order_when_negotiated)
{
    struct query_options options = study_root;

    cr_assert_found(made.db, "STUDY", "{\"00100010\":\"Zoe Mull\"}", UID, &options, "");
    options.fuzzy_names = true;
    cr_assert_found(made.db, "STUDY", "{\"00100010\":\"Zoe Mull\"}", UID, &options, "1 2");
    cr_assert_found(made.db, "STUDY", "{\"00100010\":\"taro^YAMADA\"}", UID, &options, "3");
    cr_assert_found(made.db, "STUDY", "{\"00100010\":\"太郎\"}", UID, &options, "3");
    cr_assert_found(made.db, "STUDY", "{\"00100010\":\"uller\"}", UID, &options, "");
}

Test(query, identifiers_that_do_not_fit_are_refused_and_named)
{
    static const struct {
        const struct query_options *options;
        const char *level, *keys;
        uint32_t tag;
    } rows[] = {
        {&study_root, NULL, "{}", 0x00080052},
        {&study_root, "PATIENT", "{}", 0x00080052},
        {&study_root, "STUDIES", "{}", 0x00080052},
        {&study_root, "SERIES", "{}", 0x0020000D},
        {&study_root, "SERIES", "{\"0020000D\":\"\"}", 0x0020000D},
        {&study_root, "SERIES", "{\"0020000D\":\"1\\\\2\"}", 0x0020000D},
        {&study_root, "IMAGE", "{\"0020000D\":\"1\"}", 0x0020000E},
        {&patient_root, "STUDY", "{\"00100020\":\"A*\"}", 0x00100020},
        {&patient_root, "STUDY", "{}", 0x00100020},
        {&patient_study_only, "SERIES", "{}", 0x00080052},
        {&study_root, "STUDY", "{\"0020000D\":\"1*\"}", 0x0020000D},
        {&study_root, "STUDY", "{\"00080020\":\"2026*\"}", 0x00080020},
        {&study_root, "SERIES", "{\"0020000D\":\"*\"}", 0x0020000D},
        {&study_root, "STUDY", "{\"00080020\":\"yesterday\"}", 0x00080020},
        {&study_root, "STUDY", "{\"00080020\":\"20260231\"}", 0x00080020},
        {&study_root, "STUDY", "{\"00080020\":\"-\"}", 0x00080020},
        {&study_root, "STUDY", "{\"00080030\":\"25\"}", 0x00080030},
        {&study_root, "STUDY", "{\"00201206\":\"1*\"}", 0x00201206},
        {&study_root, "STUDY", "{\"00201206\":\"99999999999\"}", 0x00201206},
        {&study_root, "STUDY", "{\"00101030\":\"heavy\"}", 0x00101030},
        {&study_root, "STUDY", "{\"00080050\":{\"vr\":\"SH\",\"Value\":[{}]}}", 0x00080050},
        {&study_root, "STUDY", "{\"00100010\":{\"vr\":\"PN\",\"Value\":[7]}}", 0x00100010},
        {&study_root, "STUDY", "{\"00081032\":{\"vr\":\"SQ\",\"Value\":[{},{}]}}", 0x00081032},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *identifier = make_identifier(rows[i].level, rows[i].keys);
        struct query_problem problem = {0};
        struct query *q = NULL;

        cr_assert_eq(query_begin(made.db, identifier, rows[i].options, &q, &problem), -EBADMSG,
                     "row %zu", i);
        cr_assert_eq(problem.status, 0xA900);
        cr_assert_eq(problem.offending_tag, rows[i].tag, "row %zu: %08X", i, problem.offending_tag);
        cr_assert(problem.comment[0]);
        json_decref(identifier);
    }
}

Test(query, answers_have_what_was_asked_for_and_the_unique_key)
{
    json_t *identifier = make_identifier(
        "STUDY", "{\"00080050\":\"ACCX10\",\"00080020\":\"\",\"00080030\":\"\",\"00080054\":\"\","
                 "\"00080056\":\"\",\"00080061\":\"\",\"00080090\":\"\",\"00100010\":\"\","
                 "\"00201206\":\"\",\"00081030\":\"\",\"00401001\":\"\"}");
    json_t *all = answers(made.db, identifier, &study_root);
    json_t *expected =
        json_loads("[{\"00080020\":{\"vr\":\"DA\",\"Value\":[\"20260201\"]},"
                   "\"00080030\":{\"vr\":\"TM\",\"Value\":[\"080000\"]},"
                   "\"00080050\":{\"vr\":\"SH\",\"Value\":[\"ACCX10\"]},"
                   "\"00080052\":{\"vr\":\"CS\",\"Value\":[\"STUDY\"]},"
                   "\"00080054\":{\"vr\":\"AE\",\"Value\":[\"ISTHMUS\"]},"
                   "\"00080056\":{\"vr\":\"CS\",\"Value\":[\"ONLINE\"]},"
                   "\"00080061\":{\"vr\":\"CS\",\"Value\":[\"MR\"]},"
                   "\"00080090\":{\"vr\":\"PN\"},"
                   "\"00081030\":{\"vr\":\"LO\"},"
                   "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Müller^Zoë\"}]},"
                   "\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"2\"]},"
                   "\"00201206\":{\"vr\":\"IS\",\"Value\":[\"1\"]},"
                   "\"00401001\":{\"vr\":\"SH\"}}]",
                   0, NULL);
    char *text = json_dumps(all, JSON_SORT_KEYS);

    cr_assert_not_null(expected);
    cr_assert(json_equal(all, expected), "%s", text);
    free(text);
    json_decref(expected);
    json_decref(all);
    json_decref(identifier);
}

Test(query, of_sequences_only_the_attributes_that_were_named_come_back)
{
    static const char *const asked[] = {
        "{\"0020000D\":\"1\",\"00080060\":\"CT\",\"00400275\":{\"vr\":\"SQ\",\"Value\":"
        "[{\"00401001\":{\"vr\":\"SH\"},\"00400009\":{\"vr\":\"SH\"}}]}}",
        "{\"0020000D\":\"1\",\"00080060\":\"CT\",\"00400275\":{\"vr\":\"SQ\"}}",
    };
    static const char *const expected[] = {
        "{\"00400009\":{\"vr\":\"SH\"},\"00401001\":{\"vr\":\"SH\",\"Value\":[\"RP1\"]}}",
        "{\"00080050\":{\"vr\":\"SH\",\"Value\":[\"ACC_1%\"]},"
        "\"00401001\":{\"vr\":\"SH\",\"Value\":[\"RP1\"]}}",
    };

    for (size_t i = 0; i < 2; i++) {
        json_t *identifier = make_identifier("SERIES", asked[i]);
        json_t *all = answers(made.db, identifier, &study_root);
        const json_t *items =
            json_object_get(json_object_get(json_array_get(all, 0), "00400275"), "Value");
        json_t *wanted = json_loads(expected[i], 0, NULL);

        cr_assert_eq(json_array_size(items), 1);
        cr_assert(json_equal(json_array_get(items, 0), wanted), "row %zu", i);
        json_decref(wanted);
        json_decref(all);
        json_decref(identifier);
    }
}

Test(query, what_is_not_in_the_index_is_ignored_and_said)
{
    static const struct {
        const char *keys;
        bool unsupported;
    } rows[] = {
        {"{\"00080050\":\"\"}", false},
        {"{\"00080005\":\"ISO_IR 192\",\"00080201\":\"+0100\",\"00080000\":\"\"}", false},
        {"{\"00091001\":\"X\"}", true},
        {"{\"00080060\":\"XX\"}", true}, /* of a level below */
        {"{\"00321000\":\"\"}", true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *identifier = make_identifier("STUDY", rows[i].keys);
        struct query_problem problem;
        struct query *q;

        cr_assert_eq(query_begin(made.db, identifier, &study_root, &q, &problem), 0);
        cr_assert_eq(query_has_unsupported(q), rows[i].unsupported, "%s", rows[i].keys);
        query_end(q);
        json_decref(identifier);
        cr_assert_found(made.db, "STUDY", rows[i].keys, UID, &study_root, "1 2 3 4");
    }
}

Test(query, an_asterisk_alone_asks_for_nothing_in_any_vr)
{
    static const char *const rows[] = {
        "{\"0020000D\":\"*\"}", "{\"00080020\":\"*\"}",        "{\"00080030\":\"*\"}",
        "{\"00201206\":\"*\"}", "{\"00080061\":\"*\"}",        "{\"00101010\":\"*\"}",
        "{\"00101030\":\"*\"}", "{\"0020000D\":\"1.9\\\\*\"}",
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_found(made.db, "STUDY", rows[i], UID, &study_root, "1 2 3 4");
}

Test(query, rejected_instances_and_patients_without_studies_are_not_shown)
{
    const struct query_options hiding = {.root = QUERY_STUDY_ROOT, .hidden = rejection_hidden(0)};

    run_sql(made.db, "update isthmus.instance set rejected = 2 where sop_instance_uid = '1.1.1';"
                     "insert into isthmus.patient (patient_id, attributes) values ('LEFT', '{}')");
    cr_assert_found(made.db, "IMAGE", "{\"0020000D\":\"1\",\"0020000E\":\"1.1\"}", SOP, &hiding,
                    "1.1.2");
    cr_assert_found(made.db, "IMAGE", "{\"0020000D\":\"1\",\"0020000E\":\"1.1\"}", SOP, &study_root,
                    "1.1.1 1.1.2");
    cr_assert_found(made.db, "PATIENT", "{\"00100020\":\"LEFT\"}", "00100020", &patient_root, "");
}

Test(query, availability_is_that_of_the_least_available_instance)
{
    run_sql(made.db,
            "update isthmus.instance set available = false where sop_instance_uid = '1.1.1'");
    cr_assert_found(made.db, "STUDY", "{\"00080056\":\"UNAVAILABLE\"}", UID, &study_root, "1");
    cr_assert_found(made.db, "SERIES", "{\"0020000D\":\"1\",\"00080056\":\"ONLINE\"}", "0020000E",
                    &study_root, "1.2");
    cr_assert_found(made.db, "PATIENT", "{\"00080056\":\"UNAVAILABLE\",\"00100021\":\"\"}",
                    "00100021", &patient_root, "HOSPITAL");
}
