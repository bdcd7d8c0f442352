#include "identifiers.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const syntaxes[] = SYNTAXES;

/* A data set with @charset: what comes back is the same with (0008,0005). */
static void expect_round_trip(const char *text, const char *charset)
{
    json_t *attributes = identifier_json(text);

    for (size_t i = 0; i < COUNT(syntaxes); i++) {
        json_t *back = NULL;
        const char *problem = "";
        uint8_t *bytes = NULL;
        size_t n = 0;

        cr_assert_eq(identifier_encode(attributes, charset, syntaxes[i], &bytes, &n), 0, "%s %s",
                     charset, text);
        cr_assert_eq(n % 2, 0);
        cr_assert_eq(parse_copy(syntaxes[i], bytes, n, &back, &problem), 0, "%s: %s", text,
                     problem);
        cr_assert_eq(json_object_get(back, "00080005") != NULL, *charset != '\0');
        json_object_del(back, "00080005");
        expect_identifier(back, attributes, syntaxes[i]);
        json_decref(back);
        free(bytes);
    }
    json_decref(attributes);
}

Test(identifier_encode, every_vr_comes_back_from_every_transfer_syntax)
{
    expect_round_trip(identifier_everything, "");
    expect_round_trip(identifier_everything, "ISO_IR 192");
}

Test(identifier_encode, text_of_many_scripts_comes_back)
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

Test(identifier_encode, names_of_the_annexes_are_written_byte_for_byte)
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

Test(identifier_encode, the_requestors_set_then_the_second_then_utf8_is_chosen)
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
        {"é", "ISO_IR 6", "ISO-IR 100", "ISO_IR 192"}, /* not as the term is spelt */
        {"山", "", "\\ISO 2022_IR 87", "ISO_IR 192"},
        {"王", "ISO_IR 100", "GBK", "GBK"},
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

Test(identifier_encode, a_character_that_does_not_fit_is_refused)
{
    static const char *const charsets[] = {
        "", "ISO_IR 6", "ISO_IR 101\\ISO 2022 IR 144", "ISO_IR 13", "\\ISO 2022 IR 149", "GBK"};
    json_t *j = identifier_json("{'00081030':{'vr':'LO','Value':['a\u00f5']}}");

    for (size_t i = 0; i < COUNT(charsets); i++) {
        uint8_t *bytes = NULL;
        size_t n;

        cr_assert_eq(identifier_encode(j, charsets[i], EXPLICIT, &bytes, &n), -EILSEQ, "%s",
                     charsets[i]);
        cr_assert_null(bytes);
    }
    json_decref(j);
}

Test(identifier_encode, tags_are_in_order_and_values_padded)
{
    static const char expected[] = "\x08\0\x05\0CS\x0a\0ISO_IR 192"
                                   "\x08\0\x18\0UI\4\0"
                                   "1.2\0\x08\0\x60\0CS\0\0"
                                   "\x40\0\x75\2SQ\0\0\x12\0\0\0\xfe\xff\0\xe0\x0a\0\0\0"
                                   "\x40\0\x01\x10SH\2\0x ";
    json_t *j =
        identifier_json("{'00400275':{'vr':'SQ','Value':[{'00401001':{'vr':'SH','Value':['x']}}]},"
                        "'00080060':{'vr':'CS'},'00080018':{'vr':'UI','Value':['1.2']}}");
    uint8_t *bytes;
    size_t n;

    cr_assert_eq(identifier_encode(j, "ISO_IR 192", EXPLICIT, &bytes, &n), 0);
    cr_assert_eq(n, sizeof expected - 1);
    cr_assert_eq(memcmp(bytes, expected, n), 0);
    free(bytes);
    json_decref(j);
}

Test(identifier_encode, what_a_short_length_cannot_tell_is_left_empty)
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

Test(identifier_encode, numbers_that_their_vr_cannot_hold_are_left_out)
{
    static const struct {
        const char *attribute, *expected;
    } rows[] = {
        {"{'vr':'US','Value':[65536]}", "{'vr':'US'}"},
        {"{'vr':'US','Value':[-1,'7',1.5,'x']}", "{'vr':'US','Value':[7]}"},
        {"{'vr':'SS','Value':[-32768,32768]}", "{'vr':'SS','Value':[-32768]}"},
        {"{'vr':'UL','Value':[4294967296]}", "{'vr':'UL'}"},
        {"{'vr':'SV','Value':['-9223372036854775808']}",
         "{'vr':'SV','Value':[-9223372036854775808]}"},
        {"{'vr':'UV','Value':['18446744073709551615','-1',5]}",
         "{'vr':'UV','Value':['18446744073709551615',5]}"},
        {"{'vr':'FL','Value':[0.5,1e300]}", "{'vr':'FL','Value':[0.5]}"},
        {"{'vr':'AT','Value':['00100020','zz']}", "{'vr':'AT','Value':['00100020']}"},
        {"{'vr':'IS','Value':[12,-3]}", "{'vr':'IS','Value':['12','-3']}"},
        {"{'vr':'DS','Value':[0.1,-1.2345678901234567e-20]}",
         "{'vr':'DS','Value':['0.1','-1.23456789e-20']}"},
        {"{'vr':'OB','InlineBinary':'AAAA'}", "{'vr':'OB'}"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t s = 1; s < COUNT(syntaxes); s++) {
            json_t *j = json_object(), *wanted = identifier_json(rows[i].expected), *found;
            const char *problem;
            uint8_t *bytes;
            size_t n;

            (void)json_object_set_new(j, "00111010", identifier_json(rows[i].attribute));
            cr_assert_eq(identifier_encode(j, "", syntaxes[s], &bytes, &n), 0);
            cr_assert_eq(parse_copy(syntaxes[s], bytes, n, &found, &problem), 0);
            expect_identifier(json_object_get(found, "00111010"), wanted, rows[i].attribute);
            json_decref(j);
            json_decref(wanted);
            json_decref(found);
            free(bytes);
        }
}

Test(identifier_encode, byte_order_and_implicit_vr_are_as_the_transfer_syntax_says)
{
    static const struct {
        const char *syntax, *bytes;
        size_t n;
    } rows[] = {
        {IMPLICIT, "\x28\0\x10\0\2\0\0\0\2\1", 10},
        {EXPLICIT, "\x28\0\x10\0US\2\0\2\1", 10},
        {BIG_ENDIAN_EXPLICIT, "\0\x28\0\x10US\0\2\1\2", 10},
    };
    json_t *j = identifier_json("{'00280010':{'vr':'US','Value':[258]}}");

    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t *bytes;
        size_t n;

        cr_assert_eq(identifier_encode(j, "", rows[i].syntax, &bytes, &n), 0);
        cr_assert_eq(n, rows[i].n);
        cr_assert_eq(memcmp(bytes, rows[i].bytes, n), 0, "%s", rows[i].syntax);
        free(bytes);
    }
    json_decref(j);
}
