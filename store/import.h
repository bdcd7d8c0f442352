/* One file from elsewhere on the way of every image: file, header, row, outbox mark. */
#ifndef ISTHMUS_STORE_IMPORT_H
#define ISTHMUS_STORE_IMPORT_H

#include "store/blob.h"
#include "store/db.h"

enum import_result {
    IMPORT_STORED,
    IMPORT_DUPLICATE, /* was there already */
    IMPORT_CONFLICT,  /* its UID is taken by other bytes or in another study; kept aside */
    IMPORT_REPAIRED,  /* was there, but its file was gone or damaged; now it is good */
    IMPORT_SKIPPED,   /* no instance: not a DICOM file, a DICOMDIR */
    IMPORT_REFUSED,   /* cannot be stored */
};

struct import_outcome {
    enum import_result result;
    char why[120]; /* skipped and refused: a phrase without values of the data set */
};

/* Store the file behind @fd, which stands at its beginning, in constant memory; the data set byte
 * for byte, behind file meta of our own. What is there already costs two readings and no writing.
 * 0, and @ret says what became of it. Errors are those of the store and the database, after which
 * no other file would fare better: -EAGAIN (the database is away; what was begun waits in incoming/
 * for the listener, if it was sealed), -ENOSPC, -EIO, -ENOMEM … */
int import_file(struct store *s, struct db *db, int fd, struct import_outcome *ret);

#endif
