/* The worked example of the mapping, whole: tests/data/fhir/example*.json. */
#include "fhir/memory.h"
#include "tests/unit/fhir/study_text.h"

#include <criterion/criterion.h>

static char *read_data(const char *name)
{
    const char *source = getenv("ISTHMUS_SOURCE");
    char path[512], *text = NULL;
    size_t size = 0;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/tests/data/fhir/%s", source ? source : ".", name);
    f = fopen(path, "r");
    cr_assert(f, "%s", path);
    cr_assert(getdelim(&text, &size, '\0', f) > 0);
    (void)fclose(f);
    return text;
}

static void check(enum release release, const char *type, const char *file)
{
    struct mapping m = mapping_for_tests(release);
    char *input = read_data("example.json"), *expected = read_data(file);
    struct study *study = study_from_text(input);
    json_t *bundle = NULL;

    cr_assert_eq(bundle_build(&m, study, FORM_FULL, &bundle), 0);
    assert_json(bundle_resource(bundle, type), expected, file);
    json_decref(bundle);
    study_text_free(study);
    free(input);
    free(expected);
}

Test(example, the_imaging_study_of_the_worked_example_in_r5)
{
    check(RELEASE_R5, "ImagingStudy", "example-study-r5.json");
}

Test(example, the_imaging_study_of_the_worked_example_in_r4)
{
    check(RELEASE_R4, "ImagingStudy", "example-study-r4.json");
}

Test(example, the_observation_is_the_same_in_both_releases)
{
    check(RELEASE_R5, "Observation", "example-observation.json");
    check(RELEASE_R4, "Observation", "example-observation.json");
}

Test(example, the_entries_of_the_bundle_are_the_same_in_both_releases)
{
    for (int release = RELEASE_R5; release <= RELEASE_R4; release++) {
        struct mapping m = mapping_for_tests((enum release)release);
        char *input = read_data("example.json"), *expected = read_data("example-entries.json");
        struct study *study = study_from_text(input);
        json_t *bundle = NULL, *entry;
        size_t i;

        cr_assert_eq(bundle_build(&m, study, FORM_FULL, &bundle), 0);
        json_array_foreach (json_object_get(bundle, "entry"), i, entry)
            json_object_del(entry, "resource");
        assert_json(bundle, expected, release_name(m.release));
        json_decref(bundle);
        study_text_free(study);
        free(input);
        free(expected);
    }
}
