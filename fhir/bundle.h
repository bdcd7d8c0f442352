/* The transaction Bundle of one study (mapping 6): pure, byte-stable, independent of the order
 * in which instances arrived. */
#ifndef ISTHMUS_FHIR_BUNDLE_H
#define ISTHMUS_FHIR_BUNDLE_H

#include "fhir/mapping.h"
#include "store/study.h"

#include <jansson.h>

/* Build it in @form. The caller frees it with json_decref(). -EBADMSG: the Study Instance UID
 * is none, so nothing can be found under it. */
int bundle_build(const struct mapping *m, const struct study *study, enum form form, json_t **ret);

/* The largest form that the settings allow for @study. */
enum form bundle_form(const struct mapping *m, const struct study *study);
/* How many instances of @study are left out because they were rejected, are notes of rejection, are
 * not authorized, or have a UID that FHIR cannot hold. */
size_t bundle_withheld(const struct mapping *m, const struct study *study);

const char *bundle_form_name(enum form form);

/* Id of the ImagingStudy of a study, text of 36 characters. */
#define BUNDLE_ID 37
void bundle_study_id(const struct study *study, char ret[BUNDLE_ID]);

/* As it is sent: compact; or as a person reads it: indented, with a newline at the end.
 * malloc'ed. */
char *bundle_text(const json_t *bundle, bool indented);

#endif
