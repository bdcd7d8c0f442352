#include "store/charset.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* Decode and show delimiters as | (values) and / (component groups). */
static char *decode(const char *terms, const void *bytes, size_t n, enum charset_kind kind,
                    bool *ret_undecodable)
{
    struct charset c = {.n_elements = 0};
    struct charset_text text = {.text = NULL};

    if (terms)
        charset_parse(terms, strlen(terms), &c);
    *ret_undecodable = false;
    cr_assert_eq(charset_decode(&c, bytes, n, kind, &text, ret_undecodable), 0);
    cr_assert_eq(strlen(text.text), text.length);
    for (char *p = text.text; *p; p++)
        *p = (char)(*p == CHARSET_VALUE_END ? '|' : *p == CHARSET_GROUP_END ? '/' : *p);
    return text.text;
}

/* @flagged: bytes not covered by @terms are reported. */
static void expect(const char *terms, const char *bytes, enum charset_kind kind,
                   const char *expected, bool flagged)
{
    bool undecodable;
    char *text = decode(terms, bytes, strlen(bytes), kind, &undecodable);

    cr_assert_str_eq(text, expected, "%s: %s instead of %s", terms, text, expected);
    cr_assert_eq(undecodable, flagged, "%s: %s", terms, expected);
    free(text);
}

Test(charset, names_of_the_annexes_of_the_standard_are_read)
{
    static const struct {
        const char *terms, *bytes, *text;
    } rows[] = {
        {"ISO_IR 100", "Buc^J\xe9r\xf4me", "Buc^Jérôme"},
        {"ISO_IR 100",
         "\xc4neas^R\xfc"
         "diger",
         "Äneas^Rüdiger"},
        {"ISO_IR 101", "Wa\xb3\xeasa", "Wałęsa"},
        {"ISO_IR 109",
         "\xa1"
         "al",
         "Ħal"},
        {"ISO_IR 110", "B\xbarzi\xf1\xb9", "Bērziņš"},
        {"ISO_IR 144",
         "\xbb\xee\xda"
         "ce\xdc\xd1yp\xd3",
         "Люкceмбypг"},
        {"ISO_IR 127", "\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"},
        {"ISO_IR 126", "\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"},
        {"ISO_IR 138", "\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"},
        {"ISO_IR 148",
         "\xc7"
         "avu\xfeo\xf0lu",
         "Çavuşoğlu"},
        {"ISO_IR 166", "\xb9\xd2\xc1\xca\xa1\xd8\xc5", "นามสกุล"},
        {"ISO_IR 203", "\xbcuvre^\xb4ofie\xa4", "Œuvre^Žofie€"},
        {"ISO_IR 13", "\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"},
        {"ISO_IR 192",
         "Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1=", "Wang^XiaoDong/王^小東/"},
        {"GB18030", "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong/王^小东/"},
        {"GBK", "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong/王^小东/"},
        {"GB18030",
         "\x95"
         "2\x82"
         "6=\xa2\xe3",
         "𠀀/€"},
        {"\\ISO 2022 IR 58",
         "Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong/张^小东/"},
        {"\\ISO 2022 IR 87",
         "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$\?$m$&\x1b(B",
         "Yamada^Tarou/山田^太郎/やまだ^たろう"},
        {"ISO 2022 IR 13\\ISO 2022 IR 87",
         "\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$"
         "B$\?$m$&\x1b(J",
         "ﾔﾏﾀﾞ^ﾀﾛｳ/山田^太郎/やまだ^たろう"},
        {"ISO 2022 IR 87", "Yamada=\x1b$B;3ED\x1b(B", "Yamada/山田"},
        {"ISO 2022 IR 6\\ISO 2022 IR 159", "\x1b$(D0!\x1b(B^A", "丂^A"},
        {"\\ISO 2022 IR 149",
         "Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)"
         "C\xb1\xe6\xb5\xbf",
         "Hong^Gildong/洪^吉洞/홍^길동"},
        {"ISO 2022 IR 149", "Hong=\xfb\xf3", "Hong/洪"},
        {"ISO 2022 IR 100\\ISO 2022 IR 144",
         "Dionysios^R\xfc"
         "diger=\x1b-L\xbb\xee\xda^\xfc",
         "Dionysios^Rüdiger/Люк^ü"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        expect(rows[i].terms, rows[i].bytes, CHARSET_NAMES, rows[i].text, false);
}

Test(charset, a_byte_inside_a_character_is_no_delimiter)
{
    static const struct {
        const char *terms, *bytes, *text;
    } rows[] = {
        {"GB18030", "\x81\\a\\b", "乗a|b"},
        {"GBK", "\x81^\x81\\=x", "乛乗/x"},
        {"ISO_IR 13", "\x95\\\\\x95\\", "表|表"},
        {"\\ISO 2022 IR 87", "\x1b$B%\\=U\x1b(B\\b", "ボ春|b"},
        {"\\ISO 2022 IR 87", "\x1b$B\\\\\x1b(B\\b", "樛|b"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        expect(rows[i].terms, rows[i].bytes, CHARSET_NAMES, rows[i].text, false);
}

Test(charset, escapes_end_where_the_standard_says)
{
    /* kanji in G0, Cyrillic in G1: both fall back at a delimiter or control character */
    static const struct {
        enum charset_kind kind;
        const char *bytes, *text;
    } rows[] = {
        {CHARSET_VALUES, "\x1b-L\xbb\\\xe9", "Л|é"},
        {CHARSET_NAMES, "\x1b-L\xbb^\xe9", "Л^é"},
        {CHARSET_NAMES, "\x1b-L\xbb=\xe9", "Л/é"},
        {CHARSET_VALUES, "\x1b-L\xbb^=\xbb", "Л^=Л"},
        {CHARSET_TEXT, "\x1b-L\xbb\\\xbb\r\n\xe9", "Л\\Л\r\né"},
        {CHARSET_TEXT, "\x1b-L\xbb\t\xe9", "Л\té"},
        {CHARSET_VALUES, "\x1b$B;3 ED\x1b(B x", "山 田 x"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        expect("ISO 2022 IR 100\\ISO 2022 IR 144\\ISO 2022 IR 87", rows[i].bytes, rows[i].kind,
               rows[i].text, false);
}

Test(charset, common_misspellings_of_terms_are_understood)
{
    static const struct {
        const char *terms, *bytes, *text;
    } rows[] = {
        {"ISO-IR 100", "\xe9", "é"},
        {"ISO_IR100", "\xe9", "é"},
        {"ISO IR 100", "\xe9", "é"},
        {"iso_ir 100 ", "\xe9", "é"},
        {"ISO 2022 IR100", "\xe9", "é"},
        {"ISO2022 IR 100", "\xe9", "é"},
        {"ISO 8859-1", "\xe9", "é"},
        {"latin1", "\xe9", "é"},
        {"ISO_IR_192", "\xc3\xa9", "é"},
        {"UTF-8", "\xc3\xa9", "é"},
        {"ISO 2022 IR 192", "\xc3\xa9", "é"},
        {"ISO 2022 GBK", "\xcd\xf5", "王"},
        {"ISO 2022 GB18030", "\xcd\xf5", "王"},
        {"ISO-2022-IR-149", "\xfb\xf3", "洪"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        expect(rows[i].terms, rows[i].bytes, CHARSET_VALUES, rows[i].text, false);
}

Test(charset, an_unknown_term_is_reported_and_the_others_still_count)
{
    struct charset c;

    charset_parse("ISO_IR 999", 10, &c);
    cr_assert(c.unknown);
    charset_parse("ISO_IR 100\\KLINGON", 18, &c);
    cr_assert(c.unknown);
    expect("ISO_IR 100\\KLINGON", "\xe9", CHARSET_VALUES, "é", false);
    charset_parse("", 0, &c);
    cr_assert_not(c.unknown);
    charset_parse("\\ISO 2022 IR 87", 15, &c);
    cr_assert_not(c.unknown);
    cr_assert_eq(c.n_elements, 2);
}

Test(charset, more_terms_than_fit_are_left_out)
{
    char terms[1000];
    struct charset c;

    memset(terms, '\\', sizeof terms);
    charset_parse(terms, sizeof terms, &c);
    cr_assert_eq(c.n_elements, CHARSET_TERMS_MAX);
}

Test(charset, bytes_that_no_declared_set_covers_are_marked_one_by_one)
{
    static const struct {
        const char *terms, *bytes, *text;
    } rows[] = {
        {NULL, "M\xfcller^J\xf6rg", "M\ufffdller^J\ufffdrg"},
        {"ISO_IR 6", "M\xfc", "M\ufffd"},
        {"ISO_IR 999", "M\xfc", "M\ufffd"},
        {"ISO_IR 192", "M\xfcller", "M\ufffdller"},
        {"ISO_IR 192", "\xc3", "\ufffd"},
        {"ISO_IR 192", "\xed\xa0\x80", "\ufffd\ufffd\ufffd"}, /* a surrogate */
        {"ISO_IR 192", "\xc0\xaf", "\ufffd\ufffd"},           /* overlong */
        {"ISO_IR 192", "\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"},
        {"ISO_IR 100", "a\x85z", "a\ufffdz"}, /* C1 is no text */
        {"ISO_IR 138", "\xa1", "\ufffd"},     /* not assigned */
        {"GB18030", "\xcd", "\ufffd"},
        {"GB18030",
         "\x81"
         "0\x81",
         "\ufffd"
         "0\ufffd"},
        {"GBK",
         "\xff"
         "a",
         "\ufffd"
         "a"},
        {"ISO 2022 IR 149", "\xfb", "\ufffd"},
        {"ISO_IR 13", "\x95", "\ufffd"},
        {"\\ISO 2022 IR 87", "\x1b$B;", "\ufffd"},
        {"\\ISO 2022 IR 87", "\x1b$B;\x1b(Bx", "\ufffdx"},
        {"\\ISO 2022 IR 87", "a\x1b%Gb", "a\ufffd%Gb"}, /* an escape of no DICOM set */
        {"\\ISO 2022 IR 87", "a\x1b", "a\ufffd"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        expect(rows[i].terms, rows[i].bytes, CHARSET_VALUES, rows[i].text, true);
}

Test(charset, undeclared_text_that_can_be_read_is_kept_and_reported)
{
    static const struct {
        const char *terms, *bytes, *text;
    } rows[] = {
        {NULL, "M\xc3\xbcller", "Müller"}, /* UTF-8 as a whole */
        {"ISO_IR 999", "M\xc3\xbcller", "Müller"},
        {"\\ISO 2022 IR 149", "\xfb\xf3", "洪"}, /* the escape forgotten */
        {NULL, "\x1b$B;3ED\x1b(B", "山田"},      /* the declaration forgotten */
        {"ISO_IR 100", "\x1b-L\xbb", "Л"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        expect(rows[i].terms, rows[i].bytes, CHARSET_VALUES, rows[i].text, true);
}

Test(charset, control_characters_vanish_and_only_long_text_keeps_its_lines)
{
    static const char bytes[] = "a\0b\x01"
                                "c\r\nd\te\x7f"
                                "f\x1e\x1fg";
    bool undecodable;
    char *text = decode("ISO_IR 192", bytes, sizeof bytes - 1, CHARSET_VALUES, &undecodable);

    cr_assert_str_eq(text, "abcdefg");
    free(text);
    text = decode("ISO_IR 192", bytes, sizeof bytes - 1, CHARSET_TEXT, &undecodable);
    cr_assert_str_eq(text, "abc\r\nd\tefg");
    cr_assert_not(undecodable);
    free(text);
}

Test(charset, a_buffer_is_used_again)
{
    struct charset c = {.n_elements = 0};
    struct charset_text text = {.text = NULL};
    bool undecodable = false;

    cr_assert_eq(charset_decode(&c, "long enough", 11, CHARSET_VALUES, &text, &undecodable), 0);
    const char *first = text.text;
    cr_assert_eq(charset_decode(&c, "short", 5, CHARSET_VALUES, &text, &undecodable), 0);
    cr_assert_eq(text.text, first);
    cr_assert_str_eq(text.text, "short");
    free(text.text);
}

Test(charset, every_byte_pair_in_every_set_gives_something_of_bounded_size)
{
    static const char *const terms[] = {
        "ISO_IR 100",      "ISO_IR 13",      "ISO_IR 192", "GB18030",        "GBK",
        "ISO 2022 IR 149", "ISO 2022 IR 58", "ISO_IR 166", "ISO 2022 IR 87", "ISO_IR 127",
    };

    for (size_t t = 0; t < COUNT(terms); t++)
        for (unsigned pair = 0; pair < 0x10000; pair += 7) {
            char *bytes = malloc(2), *text;
            bool undecodable;

            bytes[0] = (char)(pair >> 8);
            bytes[1] = (char)(pair & 0xFF);
            text = decode(terms[t], bytes, 2, CHARSET_NAMES, &undecodable);
            cr_assert_leq(strlen(text), 6);
            free(text);
            free(bytes);
        }
}
