/* Files that orders come in, beside FHIR: Modality Worklist items as DICOM files (also without
 * preamble and meta group, as worklist servers keep them), as the text that dcmdump prints and
 * dump2dcm reads, and as JSON in the form of isthmus.worklist_put(). Pure. */
#ifndef ISTHMUS_STORE_ORDER_FILE_H
#define ISTHMUS_STORE_ORDER_FILE_H

#include <jansson.h>
#include <stddef.h>

enum order_form { ORDER_DICOM, ORDER_DUMP, ORDER_JSON, ORDER_FHIR };

/* What the bytes look like; what is none of the others is ORDER_DICOM. */
enum order_form order_form(const void *bytes, size_t n);

/* The orders in @bytes of @form (not ORDER_FHIR), an array for isthmus.worklist_put().
 * 0; -ENOMEM; -EBADMSG: @ret_problem (malloc'ed, without values of the file) says why. */
int order_file_read(enum order_form form, const void *bytes, size_t n, json_t **ret,
                    char **ret_problem);

#endif
