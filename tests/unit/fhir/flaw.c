#include "fhir/flaw.h"
#include "store/base/cleanup.h"
#include "tests/unit/fhir/study_text.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* The flaws of a study of one instance with @value at @tag. */
static struct flaws flaws_of(const char *tag, const char *value)
{
    struct flaws flaws = {0};
    struct study *study;
    char text[400];

    (void)snprintf(text, sizeof text,
                   "[{\"00080016\": \"1.2.840.10008.5.1.4.1.1.2\", \"00080018\": \"1.2.3.1.1\", "
                   "\"0020000D\": \"1.2.3\", \"0020000E\": \"1.2.3.1\", \"%s\": %s}]",
                   tag, value);
    study = study_from_text(text);
    flaws_add(&flaws, study);
    study_text_free(study);
    return flaws;
}

Test(flaw, by_tag)
{
    static const struct {
        const char *tag, *good, *bad;
    } rows[FLAW_COUNT] = {
        {"00080012", "20260302", "20260230"},
        {"00080013", "1012", "2460"},
        {"00080020", "20260300", "yesterday"},
        {"00080021", "2026.03.02", "2026"},
        {"00080022", "20260302", "00000000"},
        {"00080023", "20260302", "20261302"},
        {"00080030", "10", "25"},
        {"00080031", "101260", "101290"},
        {"00080032", "101200.5", "1012.5"},
        {"00080033", "101200", "noon"},
        {"00080201", "+0100", "-0000"},
        {"00100020", "7001", NULL},
        {"00100030", "19640812", "19640832"},
        {"00100032", "031200", "3 h"},
        {"00101010", "061Y", "000Y"},
        {"00101020", "1.71", "171"},
        {"00101030", "62.5", "0"},
        {"00200011", "1", "-1"},
        {"00200013", "+7", "1.5"},
        {"00200060", "L", "X"},
    };

    for (size_t i = 0; i < FLAW_COUNT; i++) {
        char good[40], bad[40];
        struct flaws f;

        cr_assert_str_eq(flaw_tag(i), rows[i].tag);
        (void)snprintf(good, sizeof good, "\"%s\"", rows[i].good);
        (void)snprintf(bad, sizeof bad, "\"%s\"", rows[i].bad ? rows[i].bad : "");
        f = flaws_of(rows[i].tag, good);
        cr_assert_eq(f.n[i], 0, "%s", rows[i].tag);
        f = flaws_of(rows[i].tag, rows[i].bad ? bad : "[\"1\", \"2\"]");
        for (size_t k = 0; k < FLAW_COUNT; k++)
            cr_assert_eq(f.n[k], i == k, "%s at %s", rows[i].tag, flaw_tag(k));
    }
}

Test(flaw, in_words_without_the_value)
{
    struct flaws f = flaws_of("00101030", "\"sixty\"");
    _cleanup_free_ char *text = NULL, *two = NULL;

    text = flaws_text(&f);
    cr_assert_str_eq(text, "(0010,1030) is not a number of kilograms above 0 and below 1000: 1");
    f.n[0] = 3;
    two = flaws_text(&f);
    cr_assert_str_eq(two, "(0008,0012) is not a date: 3, "
                          "(0010,1030) is not a number of kilograms above 0 and below 1000: 1");
    f = (struct flaws){0};
    cr_assert_null(flaws_text(&f));
}
