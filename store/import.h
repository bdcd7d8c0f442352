/* Files from elsewhere on the way of every image: file, header, row, outbox mark; several at a
 * time, so that they share what waits for the disk.
 *
 *   import_store → row committed (index_batch.h) → import_settle */
#ifndef ISTHMUS_STORE_IMPORT_H
#define ISTHMUS_STORE_IMPORT_H

#include "store/blob.h"
#include "store/db.h"
#include "store/index.h"

#include <stddef.h>
#include <stdint.h>

enum import_result {
    IMPORT_STORED,
    IMPORT_DUPLICATE, /* was there already */
    IMPORT_CONFLICT,  /* its UID is taken by other bytes or in another study; kept aside */
    IMPORT_REPAIRED,  /* was there, but its file was gone or damaged; now it is good */
    IMPORT_SKIPPED,   /* no instance: not a DICOM file, a DICOMDIR */
    IMPORT_REFUSED,   /* cannot be stored */
    IMPORT_SEALED,    /* not an end: its file is safe, its row is still to be put */
};

struct import_outcome {
    enum import_result result;
    char why[120]; /* skipped and refused: a phrase without values of the data set */
};

#define IMPORT_FILES_MAX 64

struct import_file {
    int fd; /* at its beginning, the caller's; negative: passed over */
    struct import_outcome outcome;

    /* IMPORT_SEALED: the file in the store and its row, see index_row_pack(); malloc'ed. */
    uint64_t blob;
    char *row;
    size_t row_bytes;
};

/* Store copies of @n files (at most IMPORT_FILES_MAX), each in constant memory but for its header;
 * the data set byte for byte, behind file meta of our own. What is there already costs two readings
 * and no writing. 0, and each says what became of it: its row is to be put by whoever calls, then
 * import_settle(). Should that not happen, the listener finds the file in incoming/. Errors are
 * those of the store and the database, after which no other file would fare better, and nothing was
 * stored: -EAGAIN (the database is away), -ENOSPC, -EIO, -ENOMEM … */
int import_store(struct store *s, struct db *db, struct import_file *files, size_t n);

/* The row of @blob was put with @result, or the index refuses it (@error, -EINVAL): what that means
 * for the file. 0; errors as above. */
int import_settle(struct store *s, struct db *db, uint64_t blob, enum index_result result,
                  int error, struct import_outcome *ret);

#endif
