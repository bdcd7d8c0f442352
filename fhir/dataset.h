/* Reading DICOM JSON (PS3.18 Annex F): an instance, whose attributes stand in one document per
 * level, or one item of a sequence. What is missing or empty is absent (mapping 1.3). Pure;
 * nothing is owned, everything lives as long as the study it came from. */
#ifndef ISTHMUS_FHIR_DATASET_H
#define ISTHMUS_FHIR_DATASET_H

#include "store/study.h"
#include "fhir/tags.h"

struct dataset {
    const json_t *documents[LEVEL_COUNT]; /* an item has only the first */
    const struct dataset *top;            /* of an item: the data set it stands in; else NULL */
    const char *sender;                   /* calling AE title, or NULL */
};

struct dataset dataset_of(const struct study_instance *instance);

/* Number of values or items, the empty ones counted; 0: absent. */
size_t dataset_count(const struct dataset *d, const char *tag);
bool dataset_has(const struct dataset *d, const char *tag);

/* Value @i as text; NULL when it is empty or there are fewer. */
const char *dataset_value(const struct dataset *d, const char *tag, size_t i);
/* The first value that is not empty. */
const char *dataset_text(const struct dataset *d, const char *tag);
/* Value @i of a PN: {"Alphabetic": …}, or NULL. */
const json_t *dataset_name(const struct dataset *d, const char *tag, size_t i);
/* Item @i of a sequence; one without documents when there are fewer. @d must outlive it. */
struct dataset dataset_item(const struct dataset *d, const char *tag, size_t i);

/* The data set at the top of @d: itself or the one it is an item of. */
const struct dataset *dataset_top(const struct dataset *d);

#endif
