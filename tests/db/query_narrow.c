/* Keys that tie studies to orders are found by an index and matched in C: both agree. */
#include "tests/db/query_samples.h"

TestSuite(query_narrow, .init = fill, .fini = empty);

static void set(const char *table, const char *uid, const char *attributes)
{
    char *sql;

    cr_assert_gt(asprintf(&sql,
                          "update isthmus.%s set attributes = attributes || '{%s}' "
                          "where %s_instance_uid = '%s'",
                          table, attributes, table, uid),
                 0);
    run_sql(made.db, sql);
    free(sql);
}

Test(query_narrow, an_order_number_finds_its_study)
{
    static const struct {
        const char *keys, *uids;
    } rows[] = {
        {"{\"00401001\":\"RP1\"}", "1"},
        {"{\"00401001\":\"rp1\"}", ""},
        {"{\"00401001\":\" RP1 \"}", "1"},
        {"{\"00402016\":\"RP1\"}", ""}, /* of another kind */
        {"{\"00402016\":\"O 1\"}", "2 3"},
        {"{\"00402016\":\"O 1\\\\RP1\"}", "2 3"},
        {"{\"00402016\":\"O 1\",\"00380010\":\"V1\"}", "3"},
        {"{\"00402016\":\"O 1\",\"00100020\":\"*-1\",\"00380010\":\"\"}", "2 3"},
        {"{\"00402016\":\"*\"}", "1 2 3 4"},
        {"{\"00402016\":\"O*\"}", "2 3"},
        {"{\"00402016\":\"{\\\"O 1\\\"}\"}", ""},
    };

    set("study", "2", TEXT("00402016", "LO", "X\",\"O 1"));
    set("study", "3", TEXT("00402016", "LO", "O 1") "," TEXT("00380010", "LO", "V1"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_found(made.db, "STUDY", rows[i].keys, UID, &study_root, rows[i].uids);
    cr_assert_found(made.db, "SERIES", "{\"00402016\":\"O 1\"}", "0020000E", &relational,
                    "2.1 3.1");
    cr_assert_found(made.db, "IMAGE", "{\"00402016\":\"O 1\"}", SOP, &relational, "2.1.1 3.1.1");
}

Test(query_narrow, an_item_of_request_attributes_finds_its_series)
{
    static const char item[] =
        "{\"00400275\":{\"vr\":\"SQ\",\"Value\":[{\"00401001\":{\"vr\":\"SH\",\"Value\":[\"%s\"]},"
        "\"00400009\":{\"vr\":\"SH\"%s}}]}}";
    static const struct {
        const char *procedure, *step, *uids;
    } rows[] = {
        {"RP1", "", "1.1 4.1"},
        {"RP2", "", "4.1"},
        {"RP3", "", ""},
        {"RP2", ",\"Value\":[\"S2\"]", "4.1"},
        {"RP1", ",\"Value\":[\"S2\"]", ""}, /* of another item */
    };

    set("series", "4.1",
        "\"00400275\":{\"vr\":\"SQ\",\"Value\":[{" TEXT("00401001", "SH", "RP1") "},{" TEXT(
            "00401001", "SH", "RP2") "," TEXT("00400009", "SH", "S2") "}]}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char keys[512];

        (void)snprintf(keys, sizeof keys, item, rows[i].procedure, rows[i].step);
        cr_assert_found(made.db, "SERIES", keys, "0020000E", &relational, rows[i].uids);
    }
}

Test(query_narrow, a_number_of_any_length_is_stored_and_found)
{
    char text[1001], attributes[1100], keys[1100];

    for (int i = 0; i < 1000; i++)
        text[i] = (char)('0' + i * i % 7);
    text[1000] = '\0';
    (void)snprintf(attributes, sizeof attributes, TEXT("00402017", "LO", "%s"), text);
    set("study", "4", attributes);
    (void)snprintf(keys, sizeof keys, "{\"00402017\":\"%s\"}", text);
    cr_assert_found(made.db, "STUDY", keys, UID, &study_root, "4");
    keys[900] = '9';
    cr_assert_found(made.db, "STUDY", keys, UID, &study_root, "");
}
