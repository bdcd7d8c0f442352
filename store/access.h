/* Access to the file of a stored instance by other means than DICOM (PS3.3 C.38.2.2 Stored File
 * Access macro and Annex P). For administrators and Inventory objects; never published. */
#ifndef ISTHMUS_STORE_ACCESS_H
#define ISTHMUS_STORE_ACCESS_H

#include "store/db.h"

#include <jansson.h>
#include <stdint.h>

/* The item of File Access Sequence (0008,041A) for an instance, as DICOM JSON: File Access URI,
 * Container File Type, Stored Instance Transfer Syntax UID and, when it has one, Lossy Image
 * Compression Ratio. Each of our files holds one instance, so name, offset and length in a
 * container do not apply. @root is the store's directory; *ret_blob (see blob.h) is its file.
 * Returns 0, -ENOENT: no such instance, or @root is not there; -ENOMEM; errors of db.h. */
int access_item(struct db *db, const char *root, const char *sop_instance_uid, json_t **ret,
                uint64_t *ret_blob);

#endif
