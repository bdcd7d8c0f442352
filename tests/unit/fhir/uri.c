#include "fhir/coding.h"
#include "fhir/uri.h"
#include "fhir/when.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(uri, absolute_or_not)
{
    static const struct {
        const char *uri;
        bool absolute;
    } rows[] = {
        {"http://a.example/b", true},
        {"urn:oid:1.2", true},
        {"dns:a.example", true},
        {"a.example/b", false},
        {"http:", false},
        {"", false},
        {":x", false},
        {"1a:x", false},
        {"http://a b", false},
        {"http://ä", false},
        {"LN", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(uri_is_absolute(rows[i].uri), rows[i].absolute, "%s", rows[i].uri);
}

Test(uri, object_identifiers_have_no_zeros_in_front)
{
    static const struct {
        const char *text;
        bool oid;
    } rows[] = {
        {"1.2.3", true}, {"0.9", true},   {"2.25.0.10", true}, {"1", false},
        {"3.1", false},  {"1.02", false}, {"1..2", false},     {"1.2.", false},
        {"", false},     {"1.x", false},  {"12.3", false},     {".1", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(uri_is_oid(rows[i].text), rows[i].oid, "%s", rows[i].text);
}

Test(uri, a_template_takes_any_text)
{
    char *uri = uri_from_template("http://a.example/{local}/x", "local", "Ä /?");

    cr_assert_str_eq(uri, "http://a.example/%C3%84%20%2F%3F/x");
    free(uri);
    cr_assert_null(uri_from_template(NULL, "local", "x"));
    cr_assert_null(uri_from_template("http://a.example/{other}", "local", "x"));
}

Test(coding, knows_a_concept_identifier_by_its_check_digit)
{
    cr_assert(coding_is_sctid("51185008"));
    cr_assert(coding_is_sctid("816094009"));
    cr_assert(!coding_is_sctid("51185009"));
    cr_assert(!coding_is_sctid("12345"));
    cr_assert(!coding_is_sctid("T-D3000"));
    cr_assert(!coding_is_sctid("5118500851185008511"));
}

Test(when, a_zone_must_be_known)
{
    cr_assert(when_zone_exists("Europe/Berlin"));
    cr_assert(when_zone_exists("UTC"));
    cr_assert(!when_zone_exists("Europe/Atlantis"));
    cr_assert(!when_zone_exists(""));
    cr_assert(!when_zone_exists("/etc/passwd"));
    cr_assert(!when_zone_exists("../zoneinfo/UTC"));
    cr_assert(!when_zone_exists("Europe"));
}

Test(when, asking_for_an_offset_leaves_the_zone_of_the_process)
{
    const struct date date = {2025, 7, 3};
    const struct daytime noon = {.hour = 12, .minute = 0, .second = 0};

    (void)setenv("TZ", "Asia/Tokyo", 1);
    cr_assert_eq(when_zone_offset("Europe/Berlin", &date, &noon), 120);
    cr_assert_str_eq(getenv("TZ"), "Asia/Tokyo");
    (void)unsetenv("TZ");
    cr_assert_eq(when_zone_offset("America/St_Johns", &date, &noon), -150);
    cr_assert_null(getenv("TZ"));
}
