/* Studies and their Bundles from text, for tests.
 *
 * A study is a JSON array of data sets, DICOM JSON with these short forms for an element:
 *   "00080060": "CT"                       one value
 *   "00080008": ["ORIGINAL", "PRIMARY"]    several; null is an empty one
 *   "00321064": [{"00080100": "X"}]        items
 *   "00100010": "Doe^Ann=山田^花子"          a PN, its groups divided by =
 * "sender" is the calling AE title, "sources" the UIDs of what it was converted from, "rejected"
 * bits of enum rejection; true are "unusable" (by its UIDs), "away" (its file) and "authorized"
 * (its content is here as AO or AC too). */
#ifndef ISTHMUS_TESTS_STUDY_TEXT_H
#define ISTHMUS_TESTS_STUDY_TEXT_H

#include "fhir/bundle.h"

/* Instances in canonical order, as the index gives them. Aborts on wrong text. */
struct study *study_from_text(const char *text);
struct study *study_from_json(const json_t *data_sets);
/* One more document, of the same short forms; borrowed from @s. */
const json_t *study_add_document(struct study *s, const json_t *brief);
void study_text_free(struct study *s);

/* The settings of the worked example: systems, DICOMweb address, no zone. */
struct mapping mapping_for_tests(enum release release);

/* The resource of the first entry of @type in @bundle, or NULL. Borrowed. */
const json_t *bundle_resource(const json_t *bundle, const char *type);

/* Fails the test with both texts unless @is, printed, is @expected (JSON in any layout, with
 * its keys in the order of publishing). */
void assert_json(const json_t *is, const char *expected, const char *what);

#endif
