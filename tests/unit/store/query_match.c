#include "store/query_match.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

/* A key and a stored attribute, both as values of DICOM JSON. */
struct row {
    const char *vr, *key, *stored; /* NULL: no attribute */
    bool matches;
};

static json_t *element_of(const char *vr, const char *values)
{
    json_t *array = json_loads(values, 0, NULL);

    cr_assert_not_null(array, "%s", values);
    return json_pack("{s:s,s:o}", "vr", vr, "Value", array);
}

static void check_with(const struct query_options *options, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_t *key_element = element_of(rows[i].vr, rows[i].key);
        json_t *stored = rows[i].stored ? element_of(rows[i].vr, rows[i].stored) : NULL;
        struct query_problem problem = {0};
        struct key key;
        int r = key_take(0x00089999, rows[i].vr, key_element, options, &key, &problem);

        cr_assert_eq(r, 0, "%s %s: %s", rows[i].vr, rows[i].key, problem.comment);
        cr_assert_eq(key_matches(&key, stored), rows[i].matches, "%s key %s value %s", rows[i].vr,
                     rows[i].key, rows[i].stored);
        key_done(&key);
        json_decref(stored);
        json_decref(key_element);
    }
}

#define CHECK(options, rows) check_with(options, rows, sizeof rows / sizeof *rows)

static const struct query_options usual = {.root = QUERY_STUDY_ROOT};

Test(query_match, text_is_matched_with_wildcards_and_case)
{
    static const struct row rows[] = {
        {"LO", "[\"abc\"]", "[\"abc\"]", true},
        {"LO", "[\"abc  \"]", "[\"abc\"]", true},
        {"LO", "[\"abc\"]", "[\"ABC\"]", false},
        {"LO", "[\"abc\"]", "[\"abcd\"]", false},
        {"LO", "[\"abc\"]", NULL, false},
        {"LO", "[\"a*\"]", "[\"abc\"]", true},
        {"LO", "[\"*c\"]", "[\"abc\"]", true},
        {"LO", "[\"*b*\"]", "[\"abc\"]", true},
        {"LO", "[\"a*b*c\"]", "[\"aXbbYc\"]", true},
        {"LO", "[\"a*b*c\"]", "[\"aXbbY\"]", false},
        {"LO", "[\"a?c\"]", "[\"abc\"]", true},
        {"LO", "[\"a?c\"]", "[\"ac\"]", false},
        {"LO", "[\"?\"]", "[\"頭\"]", true},
        {"LO", "[\"??\"]", "[\"頭\"]", false},
        {"LO", "[\"*\"]", NULL, true},
        {"LO", "[\"***\"]", NULL, true},
        {"LO", "[null]", NULL, true},
        {"LO", "[]", NULL, true},
        {"LO", "[\"?*\"]", NULL, false},
        {"LO", "[\"%\"]", "[\"abc\"]", false},
        {"LO", "[\"a_c\"]", "[\"abc\"]", false},
        {"LO", "[\"x\",\"abc\"]", "[\"abc\"]", true},
        {"LO", "[\"x\\\\abc\"]", "[\"abc\"]", true},
        {"LO", "[\"abc\"]", "[\"x\",null,\"abc\"]", true},
        {"ST", "[\"a\\\\b\"]", "[\"a\\\\b\"]", true},
        {"ST", "[\"a\\\\b\"]", "[\"a\"]", false},
        {"UI", "[\"1.2\",\"1.3\"]", "[\"1.3\"]", true},
        {"UI", "[\"1.2\"]", "[\"1.2.3\"]", false},
        {"AS", "[\"045Y\"]", "[\"045Y\"]", true},
        {"LO", "[\"********************************a\"]", "[\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"]",
         false},
        {"LO", "[\"*a*a*a*a*a*a*a*a*a*a*a*a*b\"]", "[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]",
         false},
    };

    CHECK(&usual, rows);
}

Test(query_match, numbers_are_equal_however_they_are_written)
{
    static const struct row rows[] = {
        {"DS", "[\"70\"]", "[\"70.0\"]", true},   {"DS", "[\"7.0E1\"]", "[\"70\"]", true},
        {"DS", "[\"70\"]", "[\"70.01\"]", false}, {"IS", "[\"+01\"]", "[\"1\"]", true},
        {"IS", "[\"1\"]", "[\"x\"]", false},      {"US", "[512]", "[512]", true},
        {"US", "[\"512\"]", "[256,512]", true},   {"US", "[511]", "[512]", false},
        {"IS", "[\"1\"]", NULL, false},
    };

    CHECK(&usual, rows);
}

Test(query_match, moments_on_different_clocks_are_compared_in_universal_time)
{
    static const struct row rows[] = {
        {"DT", "[\"2026\"]", "[\"20260131103000\"]", true},
        {"DT", "[\"202601311030\"]", "[\"20260131103059.9\"]", true},
        {"DT", "[\"20260131-20260201\"]", "[\"20260201235959\"]", true},
        {"DT", "[\"20260131-20260201\"]", "[\"20260202\"]", false},
        {"DT", "[\"20260131100000+0000-\"]", "[\"20260131103000+0100\"]", false},
        {"DT", "[\"20260131090000+0000-\"]", "[\"20260131103000+0100\"]", true},
        {"DT", "[\"20260131100000-\"]", "[\"20260131103000+0100\"]", true},
        {"DT", "[\"-20260131043000-0500\"]", "[\"20260131103000+0100\"]", true},
        {"DT", "[\"-20260131042900-0500\"]", "[\"20260131103000+0100\"]", false},
        {"DA", "[\"20260131\"]", "[\"2026.01.31\"]", true},
        {"DA", "[\"20260101-20261231\"]", "[\"20260200\"]", false},
        {"TM", "[\"10\"]", "[\"105959.999999\"]", true},
        {"TM", "[\"-10\"]", "[\"11\"]", false},
    };

    CHECK(&usual, rows);
}

#define N(groups) "[{" groups "}]"
#define A(text) "\"Alphabetic\":\"" text "\""
#define I(text) "\"Ideographic\":\"" text "\""
#define P(text) "\"Phonetic\":\"" text "\""

Test(query_match, names_are_matched_by_group_without_case_and_accents)
{
    static const struct row rows[] = {
        {"PN", N(A("muller^zoe")), N(A("Müller^Zoë")), true},
        {"PN", N(A("MÜLLER")), N(A("Müller^Zoë")), false},
        {"PN", N(A("mu*")), N(A("Müller^Zoë")), true},
        {"PN", N(A("muller^*")), N(A("Müller")), true},
        {"PN", N(A("muller^^*")), N(A("Müller")), true},
        {"PN", N(A("muller^^*")), N(A("Müller^Zoë")), false},
        {"PN", N(A("muller^^*")), N(A("Müller^^Anna")), true},
        {"PN", N(A("muller^*^*")), N(A("Müller^Zoë^Anna")), true},
        {"PN", N(A("mulle?^*")), N(A("Müll")), false},
        {"PN", N(A("mulle?*")), N(A("Mülle")), false},
        {"PN", N(A("muller^?*")), N(A("Müller")), false},
        {"PN", N(A("muller^zoe^^")), N(A("Müller^Zoë")), true},
        {"PN", N(A("*^zoe")), N(A("Müller^Zoë")), true},
        {"PN", N(A("*^*")), NULL, true},
        {"PN", N(A("山田*")), N(A("Yamada^Tarou") "," I("山田^太郎")), true},
        {"PN", N(I("山田*")), N(A("Yamada^Tarou") "," I("山田^太郎")), true},
        {"PN", N(I("山田*")), N(A("山田^太郎")), false},
        {"PN", N(A("yam*") "," I("田*")), N(A("Yamada^Tarou") "," I("山田^太郎")), false},
        {"PN", N(A("yam*") "," P("やま*")),
         N(A("Yamada^Tarou") "," I("山田^太郎") "," P("やまだ^たろう")), true},
        {"PN", N(A("иванов*")), N(A("Иванов^Пётр")), true},
        {"PN", N(A("παπαδοπουλος")), N(A("Παπαδόπουλος")), true},
        {"PN", N(A("ヤマダ*")), N(A("x") "," P("ﾔﾏﾀﾞ^ﾀﾛｳ")), true},
        {"PN", N(A("x*")), N(A("a") "},null,{" A("xyz")), true},
        {"PN", "[\"yamada*=山田*\"]", N(A("Yamada^Tarou") "," I("山田^太郎")), true},
    };

    CHECK(&usual, rows);
}

Test(query_match, words_of_names_are_found_in_any_order)
{
    static const struct query_options fuzzy = {.fuzzy_names = true};
    static const struct row rows[] = {
        {"PN", N(A("zoe mul")), N(A("Müller^Zoë")), true},
        {"PN", N(A("zoe^muller")), N(A("Müller^Zoë")), true},
        {"PN", N(A("zoe x")), N(A("Müller^Zoë")), false},
        {"PN", N(A("schmidt")), N(A("Müller-Schmidt^Zoë")), true},
        {"PN", N(A("chmidt")), N(A("Müller-Schmidt^Zoë")), false},
        {"PN", N(A("太郎 yam")), N(A("Yamada^Tarou") "," I("山田^太郎")), true},
        {"PN", N(A("*")), NULL, true},
        {"DA", "[\"*\"]", NULL, true},
        {"UI", "[\"1.2\", \"*\"]", NULL, true},
        {"PN", N(A("zoe")), NULL, false},
    };

    CHECK(&fuzzy, rows);
}

Test(query_match, two_quotes_match_what_is_empty_when_negotiated)
{
    static const struct query_options negotiated = {.empty_value = true};
    static const struct row rows[] = {
        {"LO", "[\"\\\"\\\"\"]", NULL, true},
        {"LO", "[\"\\\"\\\"\"]", "[\"x\"]", false},
        {"LO", "[\"\\\"\\\"\"]", "[null]", true},
        {"LO", "[\"\\\"\\\"\",\"x\"]", "[\"x\"]", true},
        {"PN", N(A("\\\"\\\"")), NULL, true},
        {"DA", "[\"\\\"\\\"\"]", NULL, true},
        {"DA", "[\"\\\"\\\"\"]", "[\"20260131\"]", false},
    };
    static const struct row literal = {"LO", "[\"\\\"\\\"\"]", NULL, false};

    CHECK(&negotiated, rows);
    check_with(&usual, &literal, 1);
}

#define ITEM(tag, vr, value) "\"" tag "\":{\"vr\":\"" vr "\",\"Value\":[\"" value "\"]}"

Test(query_match, a_sequence_matches_when_one_item_has_everything)
{
    static const struct row rows[] = {
        {"SQ", "[{" ITEM("00080100", "SH", "A") "}]", "[{" ITEM("00080100", "SH", "A") "}]", true},
        {"SQ", "[{" ITEM("00080100", "SH", "A") "," ITEM("00080104", "LO", "x*") "}]",
         "[{" ITEM("00080100", "SH", "A") "},{" ITEM("00080104", "LO", "xy") "}]", false},
        {"SQ", "[{" ITEM("00080100", "SH", "A") "," ITEM("00080104", "LO", "x*") "}]",
         "[{},{" ITEM("00080100", "SH", "A") "," ITEM("00080104", "LO", "xy") "}]", true},
        {"SQ", "[{" ITEM("00080100", "SH", "A") "}]", NULL, false},
        {"SQ", "[{}]", NULL, true},
        {"SQ", "[]", NULL, true},
        {"SQ", "[{\"00080100\":{\"vr\":\"SH\"}}]", NULL, true},
        {"SQ", "[{\"0040A168\":{\"vr\":\"SQ\",\"Value\":[{" ITEM("00080100", "SH", "A") "}]}}]",
         "[{\"0040A168\":{\"vr\":\"SQ\",\"Value\":[{},{" ITEM("00080100", "SH", "A") "}]}}]", true},
    };

    CHECK(&usual, rows);
}

Test(query_match, what_does_not_fit_its_vr_is_refused_without_its_value)
{
    static const struct {
        const char *vr, *key;
    } rows[] = {
        {"UI", "[\"1.2.*\"]"},
        {"UI", "[\"1 2\"]"},
        {"DA", "[\"2026*\"]"},
        {"DA", "[\"2026\"]"},
        {"TM", "[\"25\"]"},
        {"DT", "[\"tomorrow\"]"},
        {"IS", "[\"1?\"]"},
        {"IS", "[\"1.5\"]"},
        {"IS", "[\"3000000000\"]"},
        {"DS", "[\"0x10\"]"},
        {"DS", "[\"nan\"]"},
        {"US", "[\"x\"]"},
        {"LO", "[{}]"},
        {"LO", "[[\"x\"]]"},
        {"PN", "[3]"},
        {"SQ", "[{},{}]"},
        {"SQ", "[\"x\"]"},
        {"AS", "[\"0*\"]"},
        {"DA", "[\"20260131\\\\x\"]"},
        {"SQ", "[{" ITEM("0040A121", "DA", "x") "}]"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *element = element_of(rows[i].vr, rows[i].key);
        struct query_problem problem = {0};
        struct key key;

        cr_assert_eq(key_take(0x00089999, rows[i].vr, element, &usual, &key, &problem), -EBADMSG,
                     "%s %s", rows[i].vr, rows[i].key);
        cr_assert_eq(problem.status, 0xA900);
        cr_assert(problem.offending_tag == 0x00089999 || problem.offending_tag == 0x0040A121);
        cr_assert(problem.comment[0]);
        key_done(&key);
        json_decref(element);
    }
}

Test(query_match, only_lists_of_uids_may_be_long)
{
    static const struct {
        const char *vr, *value;
        int result;
    } rows[] = {{"LO", "a*\\", -EBADMSG}, {"TM", "10\\", -EBADMSG}, {"UI", "1.2\\", 0}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[4096] = "";
        struct query_problem problem;
        struct key key;
        json_t *element;

        for (int n = 0; n < 300; n++)
            (void)strcat(text, rows[i].value);
        element = json_pack("{s:s,s:[s]}", "vr", rows[i].vr, "Value", text);
        cr_assert_eq(key_take(0x00081030, rows[i].vr, element, &usual, &key, &problem),
                     rows[i].result);
        key_done(&key);
        json_decref(element);
    }
}

Test(query_match, long_values_and_deep_sequences_are_refused)
{
    char *text = malloc(200000), *end = text;
    struct query_problem problem = {0};
    struct key key;
    json_t *element;

    memset(text, 'x', 1025);
    text[1025] = '\0';
    element = json_pack("{s:s,s:[s]}", "vr", "LO", "Value", text);
    cr_assert_eq(key_take(0x00081030, "LO", element, &usual, &key, &problem), -EBADMSG);
    key_done(&key);
    json_decref(element);
    for (int i = 0; i < 100; i++)
        end += sprintf(end, "{\"vr\":\"SQ\",\"Value\":[{\"0040A168\":");
    end += sprintf(end, "{\"vr\":\"SQ\"}");
    for (int i = 0; i < 100; i++)
        end += sprintf(end, "}]}");
    element = json_loads(text, 0, NULL);
    cr_assert_not_null(element);
    cr_assert_eq(key_take(0x0040A168, "SQ", element, &usual, &key, &problem), -EBADMSG);
    key_done(&key);
    json_decref(element);
    free(text);
}
