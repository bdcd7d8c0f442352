/* What `isthmus publish coverage` counts. */
#include "fhir/coverage.h"
#include "fhir/memory.h"
#include "tests/unit/fhir/study_text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *report_of(const char *text, enum release release)
{
    struct mapping m = mapping_for_tests(release);
    struct study *study = study_from_text(text);
    struct coverage coverage = {0};
    json_t *bundle = NULL;

    cr_assert_eq(bundle_build(&m, study, FORM_FULL, &bundle), 0);
    coverage_add(&coverage, release, study, bundle);
    json_decref(bundle);
    study_text_free(study);
    return coverage_report(&coverage, release);
}

static int number_at(const json_t *report, const char *key)
{
    return (int)json_integer_value(json_object_get(report, key));
}

static const json_t *row(const json_t *report, int number)
{
    return json_array_get(json_object_get(report, "rows"), (size_t)number - 1);
}

TestSuite(coverage, .init = memory_begin);

Test(coverage, a_study_with_every_attribute_fills_every_path_in_both_releases)
{
    const char *source = getenv("ISTHMUS_SOURCE");
    char path[512], *text = NULL;
    size_t size = 0;

    (void)snprintf(path, sizeof path, "%s/tests/data/fhir/full.json", source ? source : ".");
    FILE *f = fopen(path, "r");
    cr_assert(f && getdelim(&text, &size, '\0', f) > 0, "%s", path);
    (void)fclose(f);
    for (int release = RELEASE_R5; release <= RELEASE_R4; release++) {
        json_t *report = report_of(text, (enum release)release);
        for (int p = 1; p <= COVERAGE_PATHS; p++)
            cr_assert_eq(number_at(row(report, p), "studies"), 1, "%s: path %d",
                         release_name((enum release)release), p);
        cr_assert_eq(number_at(report, "pathsFilled"), 39);
        cr_assert_eq(number_at(report, "attributesPresent"), 51);
        json_decref(report);
    }
    free(text);
}

Test(coverage, an_empty_path_says_whether_the_images_lack_it_or_it_cannot_be_used)
{
    json_t *report =
        report_of("[{\"00080016\": \"1.2.840.10008.5.1.4.1.1.2\", \"00080018\": \"1.2.3.1.1\", "
                  "\"0020000D\": \"1.2.3\", \"0020000E\": \"1.2.3.1\", "
                  "\"00080060\": \"CT\", \"00101030\": \"0\"}]",
                  RELEASE_R5);

    cr_assert_str_eq(json_string_value(json_object_get(row(report, 2), "why")),
                     "the images do not have it");
    cr_assert_str_eq(json_string_value(json_object_get(row(report, 26), "why")),
                     "the value is not a number of kilograms above 0 and below 1000");
    cr_assert_null(json_object_get(row(report, 18), "why"));
    json_decref(report);
}
