#include "fhir/withdrawal.h"
#include "fhir/node.h"
#include "store/base/cleanup.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define ENTRY(type, method, url)                                                                   \
    "{\"resource\": {\"resourceType\": \"" type "\"}, "                                            \
    "\"request\": {\"method\": \"" method "\", \"url\": \"" url "\"}}"
#define BUNDLE(entries) "{\"resourceType\": \"Bundle\", \"entry\": [" entries "]}"

#define PATIENT ENTRY("Patient", "POST", "Patient")
#define STUDY ENTRY("ImagingStudy", "PUT", "ImagingStudy/1")
#define ENDPOINT ENTRY("Endpoint", "PUT", "Endpoint/1")
#define WEIGHT ENTRY("Observation", "PUT", "Observation/2")
#define SIZE ENTRY("Observation", "PUT", "Observation?identifier=a%7C3")
#define SOURCE ENTRY("Provenance", "PUT", "Provenance/4")

Test(withdrawal, lists_what_is_ours_beside_the_study_and_the_endpoint)
{
    _cleanup_json_ json_t *bundle = json_loads(
        BUNDLE(PATIENT ", " STUDY ", " ENDPOINT ", " WEIGHT ", " SIZE ", " SOURCE), 0, NULL);
    _cleanup_free_ char *list = withdrawal_list(bundle);

    cr_assert_str_eq(list, "Observation/2 Observation?identifier=a%7C3 Provenance/4");
}

/* The addresses that are deleted, one after the other. */
static void deleted(const char *text, const char *before, size_t n, const char *const *expected)
{
    _cleanup_json_ json_t *bundle = json_loads(text, 0, NULL);
    size_t entries = json_array_size(json_object_get(bundle, "entry"));

    cr_assert_eq(withdrawal_add(bundle, before), n, "%s", before);
    cr_assert_eq(json_array_size(json_object_get(bundle, "entry")), entries + n);
    for (size_t i = 0; i < n; i++) {
        const json_t *entry = json_array_get(json_object_get(bundle, "entry"), entries + i);
        const json_t *request = json_object_get(entry, "request");

        cr_assert_null(json_object_get(entry, "resource"));
        cr_assert_str_eq(node_get_text(request, "method"), "DELETE");
        cr_assert_str_eq(node_get_text(request, "url"), expected[i]);
    }
}

Test(withdrawal, deletes_once_what_was_written_and_is_not_written_any_more)
{
    static const char *const gone[] = {"Observation?identifier=a%7C3", "Provenance/4"};

    deleted(BUNDLE(STUDY ", " WEIGHT), "", 0, NULL);
    deleted(BUNDLE(STUDY ", " WEIGHT), "Observation/2", 0, NULL);
    deleted(BUNDLE(STUDY ", " WEIGHT), "Observation/2 Observation?identifier=a%7C3 Provenance/4", 2,
            gone);
    deleted(BUNDLE(STUDY),
            " Observation?identifier=a%7C3 Provenance/4 Observation?identifier=a%7C3  ", 2, gone);
}
