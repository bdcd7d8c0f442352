/* Person Name → HumanName (mapping 2.3). Pure. */
#ifndef ISTHMUS_FHIR_HUMAN_NAME_H
#define ISTHMUS_FHIR_HUMAN_NAME_H

#include <jansson.h>

/* One HumanName for each component group of @name, a PN value of DICOM JSON
 * ({"Alphabetic": "Doe^Ann", "Ideographic": …, "Phonetic": …}; may be NULL): an array, or NULL. */
json_t *human_names(const json_t *name);

/* The text of the first name; NULL when there is none. Lives as long as @names. */
const char *human_name_display(const json_t *names);

#endif
