#include "store/fold.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct row {
    const char *text, *expected;
};

static void check(char *(*fold)(const char *), const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *folded = fold(rows[i].text);

        cr_assert_not_null(folded, "%s", rows[i].text);
        cr_assert_str_eq(folded, rows[i].expected, "%s: %s", rows[i].text, folded);
        free(folded);
    }
}

Test(fold, text_loses_case_accents_and_compatibility_forms)
{
    static const struct row rows[] = {
        {"", ""},
        {"Müller", "muller"},
        {"MU\xcc\x88LLER", "muller"}, /* u and a combining diaeresis */
        {"Straße", "strasse"},
        {"Ямада", "ямада"},
        {"Αθήνα", "αθηνα"},
        {"İstanbul", "istanbul"},
        {"ﾔﾏﾀﾞ", "ヤマタ"},
        {"ヤマダ", "ヤマタ"},
        {"ＡＢＣ　１２", "abc 12"},
        {"山田", "山田"},
        {"김희중", "김희중"},
        {"  CT   of\xc2\xa0the  head ", "ct of the head"},
        {"a\xc2\xad"
         "b",
         "ab"}, /* a soft hyphen */
    };

    check(fold_text, rows, sizeof rows / sizeof *rows);
}

Test(fold, ascii_is_the_same_alone_and_beside_other_text)
{
    for (char c = 1; c > 0 && c < 127; c++) {
        const char alone[] = {'a', c, 'B', '\0'}, beside[] = {'a', c, 'B', '\xc2', '\xb2', '\0'};
        char *a = fold_text(alone), *b = fold_text(beside);

        cr_assert_eq(strlen(b), strlen(a) + 1, "%d", c);
        cr_assert_eq(strncmp(a, b, strlen(a)), 0, "%d: %s and %s", c, a, b);
        free(a);
        free(b);
    }
}

Test(fold, one_korean_syllable_stays_one_character)
{
    char *folded = fold_text("김");

    cr_assert_eq(strlen(folded), 3);
    free(folded);
}

Test(fold, names_lose_spaces_at_delimiters_and_empty_ends)
{
    static const struct row rows[] = {
        {"Doe^John", "doe^john"},
        {"Doe ^ John^^", "doe^john"},
        {"Doe^^^Dr", "doe^^^dr"},
        {"Yamada^Tarou=山田^太郎=やまだ^たろう", "yamada^tarou=山田^太郎=やまた^たろう"},
        {"Yamada^Tarou^^=山田^太郎^=", "yamada^tarou=山田^太郎"},
        {"=山田^太郎", "=山田^太郎"},
        {"^^^", ""},
        {"==", ""},
        {" ", ""},
    };

    check(fold_name, rows, sizeof rows / sizeof *rows);
}

Test(fold, what_is_not_utf8_is_refused)
{
    cr_assert_null(fold_text("a\xff"));
    cr_assert_null(fold_name("a\xc3"));
}
