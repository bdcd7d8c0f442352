#include "store/identifier.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
#define IMPLICIT "1.2.840.10008.1.2"
#define EXPLICIT "1.2.840.10008.1.2.1"

static const char *const syntaxes[] = {IMPLICIT, EXPLICIT, "1.2.840.10008.1.2.2",
                                       "1.2.840.10008.1.2.1.99"};

/* ' stands for ". */
static json_t *json_of(const char *text)
{
    char *copy = strdup(text);
    json_t *j;

    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    j = json_loads(copy, 0, NULL);
    cr_assert_not_null(j, "%s", text);
    free(copy);
    return j;
}

static void expect_same(const json_t *found, const json_t *expected, const char *what)
{
    char *a = json_dumps(found, JSON_COMPACT), *b = json_dumps(expected, JSON_COMPACT);

    cr_assert_str_eq(a, b, "%s: %s instead of %s", what, a, b);
    free(a);
    free(b);
}

/* Each in memory of its own size, so that a byte too many is seen. */
static int parse(const char *syntax, const void *bytes, size_t n, json_t **ret,
                 const char **ret_problem)
{
    uint8_t *copy = malloc(n);
    int r;

    memcpy(copy, bytes, n);
    r = identifier_parse(syntax, copy, n, ret, ret_problem);
    free(copy);
    return r;
}

static void expect_parsed(const char *syntax, const void *bytes, size_t n, const char *expected)
{
    json_t *found = NULL, *wanted = json_of(expected);
    const char *problem = "";

    cr_assert_eq(parse(syntax, bytes, n, &found, &problem), 0, "%s: %s", expected, problem);
    expect_same(found, wanted, syntax);
    json_decref(found);
    json_decref(wanted);
}

/* A data set with @charset: what comes back is the same with (0008,0005). */
static void expect_round_trip(const char *text, const char *charset)
{
    json_t *attributes = json_of(text);

    for (size_t i = 0; i < COUNT(syntaxes); i++) {
        json_t *back = NULL;
        const char *problem = "";
        uint8_t *bytes = NULL;
        size_t n = 0;

        cr_assert_eq(identifier_encode(attributes, charset, syntaxes[i], &bytes, &n), 0, "%s %s",
                     charset, text);
        cr_assert_eq(n % 2, 0);
        cr_assert_eq(parse(syntaxes[i], bytes, n, &back, &problem), 0, "%s: %s", text, problem);
        cr_assert_eq(json_object_get(back, "00080005") != NULL, *charset != '\0');
        json_object_del(back, "00080005");
        expect_same(back, attributes, syntaxes[i]);
        json_decref(back);
        free(bytes);
    }
    json_decref(attributes);
}

Test(identifier, keys_are_read_with_wildcards_ranges_and_quotes)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *expected;
    } rows[] = {
#define ROW(bytes, expected) {bytes, sizeof bytes - 1, expected}
        ROW("", "{}"),
        ROW("\x10\0\x20\0LO\0\0", "{'00100020':{'vr':'LO'}}"),
        ROW("\x08\0\0\0UL\4\0\1\0\0\0\x10\0\x20\0LO\0\0", "{'00100020':{'vr':'LO'}}"),
        ROW("\x10\0\x10\0PN\6\0SMI*^?",
            "{'00100010':{'vr':'PN','Value':[{'Alphabetic':'SMI*^?'}]}}"),
        ROW("\x08\0\x20\0DA\x0a\0"
            "20200101- ",
            "{'00080020':{'vr':'DA','Value':['20200101-']}}"),
        ROW("\x08\0\x61\0CS\6\0CT\\MR ", "{'00080061':{'vr':'CS','Value':['CT','MR']}}"),
        ROW("\x20\0\x0d\0UI\4\0"
            "1.2\0",
            "{'0020000D':{'vr':'UI','Value':['1.2']}}"),
        ROW("\x09\0\x10\0LO\2\0AB\x09\0\x01\x10UN\0\0\2\0\0\0xy",
            "{'00090010':{'vr':'LO','Value':['AB']},'00091001':{'vr':'UN'}}"),
        ROW("\x08\0\x05\0CS\x0a\0ISO_IR 100\x10\0\x10\0PN\2\0\xc4 ",
            "{'00080005':{'vr':'CS','Value':['ISO_IR 100']},"
            "'00100010':{'vr':'PN','Value':[{'Alphabetic':'Ä'}]}}"),
        ROW("\x40\0\x75\2SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0",
            "{'00400275':{'vr':'SQ','Value':[{}]}}"),
        ROW("\x40\0\x75\2SQ\0\0\0\0\0\0", "{'00400275':{'vr':'SQ'}}"),
        ROW("\x08\0\x18\0UN\0\0\4\0\0\0"
            "1.2\0",
            "{'00080018':{'vr':'UI','Value':['1.2']}}"),
        ROW("\x40\0\x75\2UN\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
            "\x40\0\x01\x10\0\0\0\0\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0",
            "{'00400275':{'vr':'SQ','Value':[{'00401001':{'vr':'SH'}}]}}"),
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        expect_parsed(EXPLICIT, rows[i].bytes, rows[i].n, rows[i].expected);
}

Test(identifier, two_quotes_stay_a_value)
{
    json_t *found = NULL;
    const char *problem;

    cr_assert_eq(parse(EXPLICIT, "\x10\0\x20\0LO\2\0\"\"", 10, &found, &problem), 0);
    cr_assert_str_eq(json_string_value(json_array_get(
                         json_object_get(json_object_get(found, "00100020"), "Value"), 0)),
                     "\"\"");
    json_decref(found);
}

Test(identifier, implicit_keys_have_the_vr_of_the_tables)
{
    static const struct {
        const char tag[5], *expected;
    } rows[] = {
        {"\x08\0\x52\0", "{'00080052':{'vr':'CS'}}"},
        {"\x08\0\x54\0", "{'00080054':{'vr':'AE'}}"},
        {"\x08\0\x56\0", "{'00080056':{'vr':'CS'}}"},
        {"\x08\0\x62\0", "{'00080062':{'vr':'UI'}}"},
        {"\x20\0\x00\x12", "{'00201200':{'vr':'IS'}}"},
        {"\x20\0\x09\x12", "{'00201209':{'vr':'IS'}}"},
        {"\x40\0\x00\1", "{'00400100':{'vr':'SQ'}}"},
        {"\x40\0\x02\0", "{'00400002':{'vr':'DA'}}"},
        {"\x09\0\x10\0", "{'00090010':{'vr':'LO'}}"},
        {"\x09\0\x01\x10", "{'00091001':{'vr':'UN'}}"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char bytes[8] = {0};

        memcpy(bytes, rows[i].tag, 4);
        expect_parsed(IMPLICIT, bytes, 8, rows[i].expected);
    }
}

Test(identifier, broken_structure_is_refused_with_a_phrase)
{
    static const struct {
        const char *bytes;
        size_t n;
    } rows[] = {
#define BAD(bytes) {bytes, sizeof bytes - 1}
        BAD("\x10"),
        BAD("\x10\0\x20\0LO\4\0ab"),
        BAD("\x10\0\x20\0\0\0\0\0"),
        BAD("\x10\0\x20\0UT\0\0\1"),
        BAD("\x10\0\x20\0UT\0\0\xff\xff\xff\xff"),
        BAD("\xfe\xff\0\xe0\0\0\0\0"),
        BAD("\xfe\xff\x0d\xe0\0\0\0\0"),
        BAD("\x40\0\x75\2SQ\0\0\xff\xff\xff\xff"),
        BAD("\x40\0\x75\2SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"),
        BAD("\x40\0\x75\2SQ\0\0\x08\0\0\0\x10\0\x20\0LO\0\0"),
        BAD("\x40\0\x75\2SQ\0\0\x08\0\0\0\xfe\xff\0\xe0\4\0\0\0"),
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *found = NULL;
        const char *problem = NULL;

        cr_assert_eq(parse(EXPLICIT, rows[i].bytes, rows[i].n, &found, &problem), -EBADMSG, "%zu",
                     i);
        cr_assert_not_null(problem);
        cr_assert_null(found);
    }
}

Test(identifier, sequences_may_nest_64_deep_and_no_deeper)
{
    for (size_t depth = 64; depth <= 65; depth++) {
        uint8_t bytes[65 * 16];
        json_t *found = NULL;
        const char *problem = NULL;

        for (size_t i = 0; i < depth; i++)
            memcpy(bytes + 16 * i, "\x40\0\x75\2\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff",
                   16);
        cr_assert_eq(parse(IMPLICIT, bytes, 16 * depth, &found, &problem), -EBADMSG);
        cr_assert_eq(strcmp(problem, "sequences nested deeper than 64") == 0, depth == 65);
    }
}

static const char everything[] =
    "{'00080016':{'vr':'UI','Value':['1.2.3']},'00080020':{'vr':'DA','Value':['20200101']},"
    "'00080030':{'vr':'TM'},'00080050':{'vr':'SH','Value':['A1']},"
    "'00080054':{'vr':'AE','Value':['ME']},'00080061':{'vr':'CS','Value':['CT','MR','US']},"
    "'00080120':{'vr':'UR','Value':['http://a/b\\\\c']},'00081030':{'vr':'LO'},"
    "'00081032':{'vr':'SQ','Value':[{'00080100':{'vr':'SH','Value':['P']}},{}]},"
    "'00081115':{'vr':'SQ'},'00100010':{'vr':'PN','Value':[{'Alphabetic':'A^B',"
    "'Phonetic':'C'}]},'00101001':{'vr':'PN','Value':[{'Ideographic':'X'},null,{'Alphabetic':'Y'}]}"
    ",'00101010':{'vr':'AS','Value':['030Y']},'00101020':{'vr':'DS','Value':['1.75','2']},"
    "'00201208':{'vr':'IS','Value':['12']},'00280010':{'vr':'US','Value':[1,65535]},"
    "'00400031':{'vr':'UT','Value':['a\\\\b']},'00400280':{'vr':'ST','Value':['a\\nb']},"
    "'0040A120':{'vr':'DT','Value':['20200101-0500']},'0040A161':{'vr':'FD','Value':[1.5,-2.25]},"
    "'0040A162':{'vr':'SL','Value':[-2147483648]},'0040A163':{'vr':'UL','Value':[4294967295]}}";

Test(identifier, every_vr_comes_back_from_every_transfer_syntax)
{
    expect_round_trip(everything, "");
    expect_round_trip(everything, "ISO_IR 192");
}

Test(identifier, text_of_many_scripts_comes_back)
{
    static const struct {
        const char *charset, *text;
    } rows[] = {
        {"ISO_IR 100", "Jérôme^Äneas"},
        {"ISO_IR 101", "Wałęsa"},
        {"ISO_IR 109", "Ħal"},
        {"ISO_IR 110", "Bērziņš"},
        {"ISO_IR 144", "Люкceмбypг"},
        {"ISO_IR 127", "قباني^لنزار"},
        {"ISO_IR 126", "Διονυσιος"},
        {"ISO_IR 138", "שרון^דבורה"},
        {"ISO_IR 148", "Çavuşoğlu"},
        {"ISO_IR 166", "นามสกุล"},
        {"ISO_IR 203", "Œuvre^Žofie€"},
        {"ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ"},
        {"GB18030", "王^小东𠀀乗"},
        {"GBK", "王^小东乗"},
        {"ISO_IR 192", "王é𠀀^한"},
        {"\\ISO 2022 IR 58", "Zhang 张 a小东^a"},
        {"\\ISO 2022 IR 87\\ISO 2022 IR 159", "山a丂 田^太郎 たろう"},
        {"ISO 2022 IR 13\\ISO 2022 IR 87", "ﾔﾏ山ﾔ^a太"},
        {"\\ISO 2022 IR 149", "洪 a吉洞^홍길동"},
        {"ISO 2022 IR 100\\ISO 2022 IR 144\\ISO 2022 IR 126", "éЛюкéΔ^aé^Л"},
        {"ISO 2022 IR 100\\ISO 2022 IR 87", "é山é田^é太"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[1024];

        (void)snprintf(text, sizeof text,
                       "{'00081030':{'vr':'LO','Value':['%s','x','%s']},"
                       "'00081032':{'vr':'SQ','Value':[{'00080104':{'vr':'LO','Value':['%s']}}]},"
                       "'00100010':{'vr':'PN','Value':[{'Alphabetic':'%s','Ideographic':'%s'},"
                       "{'Phonetic':'%s'}]},'00400280':{'vr':'ST','Value':['%s\\n%s']}}",
                       rows[i].text, rows[i].text, rows[i].text, rows[i].text, rows[i].text,
                       rows[i].text, rows[i].text, rows[i].text);
        expect_round_trip(text, rows[i].charset);
    }
}

Test(identifier, names_of_the_annexes_are_written_byte_for_byte)
{
    static const struct {
        const char *charset, *alphabetic, *ideographic, *phonetic, *bytes;
    } rows[] = {
        {"\\ISO 2022 IR 87", "Yamada^Tarou", "山田^太郎", "やまだ^たろう",
         "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$\?$m$&\x1b(B"},
        {"ISO 2022 IR 13\\ISO 2022 IR 87", "ﾔﾏﾀﾞ^ﾀﾛｳ", "山田^太郎", "やまだ^たろう",
         "\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^"
         "\x1b$B$\?$m$&\x1b(J"},
        {"\\ISO 2022 IR 149", "Hong^Gildong", "洪^吉洞", "홍^길동",
         "Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)"
         "C\xb1\xe6\xb5\xbf"},
        {"\\ISO 2022 IR 58", "Zhang^XiaoDong", "张^小东", "",
         "Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab"},
        {"ISO_IR 192", "Wang^XiaoDong", "王^小東", "",
         "Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1"},
        {"GB18030", "Wang^XiaoDong", "王^小东", "", "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab"},
        {"ISO_IR 100", "Buc^Jérôme", "", "", "Buc^J\xe9r\xf4me"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *j = json_pack("{s:{s:s,s:[{s:s,s:s,s:s}]}}", "00100010", "vr", "PN", "Value",
                              "Alphabetic", rows[i].alphabetic, "Ideographic", rows[i].ideographic,
                              "Phonetic", rows[i].phonetic);
        size_t n, at = 8 + (strlen(rows[i].charset) + 1) / 2 * 2 + 8,
                  length = strlen(rows[i].bytes);
        uint8_t *bytes;

        cr_assert_eq(identifier_encode(j, rows[i].charset, EXPLICIT, &bytes, &n), 0);
        cr_assert_eq(n, at + (length + 1) / 2 * 2, "%s: %zu", rows[i].charset, n);
        cr_assert_eq(memcmp(bytes + at, rows[i].bytes, length), 0, "%s", rows[i].charset);
        cr_assert_str_eq(identifier_charset(j, rows[i].charset, NULL), rows[i].charset);
        free(bytes);
        json_decref(j);
    }
}

Test(identifier, the_requestors_set_then_the_second_then_utf8_is_chosen)
{
    static const struct {
        const char *text, *wanted, *second, *expected;
    } rows[] = {
        {"abc", "", "ISO_IR 100", ""},
        {"abc", "ISO_IR 100", NULL, "ISO_IR 100"},
        {"é", "", "ISO_IR 100", "ISO_IR 100"},
        {"é", "ISO_IR 144", NULL, "ISO_IR 192"},
        {"é", "nonsense", "ISO_IR 101", "ISO_IR 101"},
        {"山", "ISO_IR 13", "\\ISO 2022 IR 87", "\\ISO 2022 IR 87"},
        {"山é", "\\ISO 2022 IR 87", "ISO_IR 100", "ISO_IR 192"},
        {"山é", "ISO 2022 IR 100\\ISO 2022 IR 87", NULL, "ISO 2022 IR 100\\ISO 2022 IR 87"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *j = json_pack("{s:{s:s,s:[{s:{s:s,s:[s]}}]}}", "00081032", "vr", "SQ", "Value",
                              "00080104", "vr", "LO", "Value", rows[i].text);

        cr_assert_str_eq(identifier_charset(j, rows[i].wanted, rows[i].second), rows[i].expected,
                         "%s %s", rows[i].text, rows[i].wanted);
        json_decref(j);
    }
}

Test(identifier, a_character_that_does_not_fit_is_refused)
{
    static const char *const charsets[] = {
        "", "ISO_IR 6", "ISO_IR 101\\ISO 2022 IR 144", "ISO_IR 13", "\\ISO 2022 IR 149", "GBK"};
    json_t *j = json_of("{'00081030':{'vr':'LO','Value':['a\u00f5']}}");

    for (size_t i = 0; i < COUNT(charsets); i++) {
        uint8_t *bytes = NULL;
        size_t n;

        cr_assert_eq(identifier_encode(j, charsets[i], EXPLICIT, &bytes, &n), -EILSEQ, "%s",
                     charsets[i]);
        cr_assert_null(bytes);
    }
    json_decref(j);
}

Test(identifier, tags_are_in_order_and_values_padded)
{
    static const char expected[] = "\x08\0\x05\0CS\x0a\0ISO_IR 192"
                                   "\x08\0\x18\0UI\4\0"
                                   "1.2\0\x08\0\x60\0CS\0\0"
                                   "\x40\0\x75\2SQ\0\0\x12\0\0\0\xfe\xff\0\xe0\x0a\0\0\0"
                                   "\x40\0\x01\x10SH\2\0x ";
    json_t *j = json_of("{'00400275':{'vr':'SQ','Value':[{'00401001':{'vr':'SH','Value':['x']}}]},"
                        "'00080060':{'vr':'CS'},'00080018':{'vr':'UI','Value':['1.2']}}");
    uint8_t *bytes;
    size_t n;

    cr_assert_eq(identifier_encode(j, "ISO_IR 192", EXPLICIT, &bytes, &n), 0);
    cr_assert_eq(n, sizeof expected - 1);
    cr_assert_eq(memcmp(bytes, expected, n), 0);
    free(bytes);
    json_decref(j);
}

Test(identifier, what_a_short_length_cannot_tell_is_left_empty)
{
    static const struct {
        size_t length, kept;
    } rows[] = {{65534, 65534}, {65535, 0}, {65536, 0}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *text = calloc(1, rows[i].length + 1);
        uint8_t *bytes;
        json_t *j;
        size_t n;

        memset(text, 'x', rows[i].length);
        j = json_pack("{s:{s:s,s:[s]}}", "00104000", "vr", "LT", "Value", text);
        cr_assert_eq(identifier_encode(j, "", EXPLICIT, &bytes, &n), 0);
        cr_assert_eq(n, 8 + rows[i].kept, "%zu", n);
        free(bytes);
        json_decref(j);
        free(text);
    }
}

/* A reproducible one, the same on every machine. */
static uint32_t random_next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

Test(identifier, mutated_identifiers_are_read_or_refused_and_never_overread)
{
    uint32_t state = 20;
    json_t *j = json_of(everything);

    for (size_t s = 0; s < COUNT(syntaxes); s++) {
        uint8_t *bytes;
        size_t n;

        cr_assert_eq(identifier_encode(j, "\\ISO 2022 IR 87", syntaxes[s], &bytes, &n), 0);
        for (int i = 0; i < 2500; i++) {
            uint8_t *copy = malloc(n);
            size_t kept = random_next(&state) % 4 ? n : random_next(&state) % n;
            json_t *found = NULL;
            const char *problem = NULL;

            memcpy(copy, bytes, n);
            for (uint32_t k = random_next(&state) % 4 + 1; k > 0; k--)
                copy[random_next(&state) % n] =
                    (uint8_t)(random_next(&state) % 3 ? random_next(&state) : 0xFF);
            int r = parse(syntaxes[s], copy, kept, &found, &problem);
            cr_assert(r == 0 ? found != NULL : r == -EBADMSG && problem);
            json_decref(found);
            free(copy);
        }
        free(bytes);
    }
    json_decref(j);
}
