/* The same instances give the same bytes, whatever the order in which they came. */
#include "tests/unit/fhir/study_text.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INSTANCES 12
#define ORDERS 200

/* Three series whose instances disagree about nearly everything. */
static json_t *instance(int i)
{
    char text[2048];

    (void)snprintf(
        text, sizeof text,
        "{\"00080016\": \"1.2.840.10008.5.1.4.1.1.2\", \"0020000D\": \"1.2.3\","
        "\"0020000E\": \"1.2.3.%d\", \"00080018\": \"1.2.3.%d.%d\", \"00080060\": \"%s\","
        "\"00100020\": \"P1\", \"00100010\": \"Doe^%c\", \"00100040\": \"%s\","
        "\"00080020\": \"2025110%d\", \"00080030\": \"1015\", \"00080201\": \"+0%d00\","
        "\"00080050\": \"A%d\", \"00081030\": \"d%d\", \"00081050\": \"Adams^%c\","
        "\"00081070\": \"Berg^%c\", \"00101030\": \"7%d\", \"00200011\": \"%d\","
        "\"00081032\": [{\"00080104\": \"procedure %d\"}],"
        "\"00400560\": [{\"00400551\": \"S%d\"}],"
        "\"00400275\": [{\"00401001\": \"RP%d\", \"00401002\": \"reason %d\"}],"
        "\"sources\": [\"1.2.9.%d\", \"1.2.8\"], \"00080070\": \"Maker %d\"}",
        i % 3, i % 3, i, i % 2 ? "CT" : "PT", 'A' + i, i % 2 ? "M" : "F", 1 + i % 9, i % 9, i % 4,
        i, 'a' + i % 5, 'k' + i % 4, i % 10, i % 3, i % 5, i % 4, i % 6, i % 7, i % 5, i);
    return json_loads(text, 0, NULL);
}

static char *bundle_of(const int order[INSTANCES], enum release release)
{
    struct mapping m = mapping_for_tests(release);
    json_t *data_sets = json_array(), *bundle = NULL;
    struct study *study;
    char *text;

    for (int i = 0; i < INSTANCES; i++)
        json_array_append_new(data_sets, instance(order[i]));
    study = study_from_json(data_sets);
    cr_assert_eq(bundle_build(&m, study, FORM_FULL, &bundle), 0);
    text = bundle_text(bundle, false);
    json_decref(bundle);
    json_decref(data_sets);
    study_text_free(study);
    return text;
}

static void shuffle(int order[INSTANCES], unsigned *seed)
{
    for (int i = INSTANCES - 1; i > 0; i--) {
        int j = rand_r(seed) % (i + 1), kept = order[i];

        order[i] = order[j];
        order[j] = kept;
    }
}

Test(order, of_arrival_has_no_part_in_the_bytes)
{
    unsigned seed = 7;

    for (int release = RELEASE_R5; release <= RELEASE_R4; release++) {
        int order[INSTANCES];
        char *first;

        for (int i = 0; i < INSTANCES; i++)
            order[i] = i;
        first = bundle_of(order, (enum release)release);
        for (int n = 0; n < ORDERS; n++) {
            char *other;

            shuffle(order, &seed);
            other = bundle_of(order, (enum release)release);
            cr_assert_str_eq(other, first);
            free(other);
        }
        free(first);
    }
}

/* No empty string, array, object and no null anywhere. */
static void assert_nothing_empty(const json_t *node)
{
    const json_t *child;
    const char *key;
    size_t i;

    cr_assert(!json_is_null(node));
    if (json_is_string(node))
        cr_assert_gt(json_string_length(node), 0);
    if (json_is_array(node)) {
        cr_assert_gt(json_array_size(node), 0);
        json_array_foreach (node, i, child)
            assert_nothing_empty(child);
    } else if (json_is_object(node)) {
        json_t *object = (json_t *)(uintptr_t)node, *value;

        cr_assert_gt(json_object_size(node), 0);
        json_object_foreach (object, key, value)
            assert_nothing_empty(value);
    }
}

Test(order, nothing_in_a_bundle_is_empty)
{
    int order[INSTANCES];
    char *text;
    json_t *bundle;

    for (int i = 0; i < INSTANCES; i++)
        order[i] = i;
    text = bundle_of(order, RELEASE_R5);
    bundle = json_loads(text, 0, NULL);
    assert_nothing_empty(bundle);
    json_decref(bundle);
    free(text);
}

Test(order, a_study_without_a_uid_is_refused)
{
    struct mapping m = mapping_for_tests(RELEASE_R5);
    struct study *study = study_from_text("[{\"0020000D\": \"x\", \"0020000E\": \"1.2\"}]");
    json_t *bundle = NULL;

    cr_assert_eq(bundle_build(&m, study, FORM_FULL, &bundle), -EBADMSG);
    cr_assert_null(bundle);
    study_text_free(study);
}

Test(order, instances_that_are_left_out_are_counted)
{
    struct study *study = study_from_text(
        "[{\"0020000D\": \"1.2\", \"0020000E\": \"1.2.1\", \"00080018\": \"1.2.1.1\","
        "  \"00080016\": \"1.2.3\"},"
        " {\"0020000D\": \"1.2\", \"0020000E\": \"1.2.1\", \"00080018\": \"1.2.1.x\","
        "  \"00080016\": \"1.2.3\"},"
        " {\"0020000D\": \"1.2\", \"0020000E\": \"1.2.1\", \"00080018\": \"1.2.1.2\","
        "  \"00080016\": \"1.2.3\", \"rejected\": 2}]");
    struct mapping m = mapping_for_tests(RELEASE_R5);

    cr_assert_eq(bundle_withheld(&m, study), 2);
    study_text_free(study);
}

Test(order, a_large_study_is_listed_by_series)
{
    struct mapping m = mapping_for_tests(RELEASE_R5);
    struct study *study = study_from_text(
        "[{\"0020000D\": \"1.2\", \"0020000E\": \"1.2.1\", \"00080018\": \"1.2.1.1\","
        "  \"00080016\": \"1.2.3\"},"
        " {\"0020000D\": \"1.2\", \"0020000E\": \"1.2.1\", \"00080018\": \"1.2.1.2\","
        "  \"00080016\": \"1.2.3\"}]");

    m.full_limit = 2;
    cr_assert_eq(bundle_form(&m, study), FORM_FULL);
    m.full_limit = 1;
    cr_assert_eq(bundle_form(&m, study), FORM_SERIES);
    study_text_free(study);
}
