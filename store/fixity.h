/* Does a stored file still agree with its row? Reads the file once, in constant memory. */
#ifndef ISTHMUS_STORE_FIXITY_H
#define ISTHMUS_STORE_FIXITY_H

#include "store/blob.h"

enum fixity {
    FIXITY_GOOD,
    FIXITY_MISSING,    /* no such file */
    FIXITY_UNREADABLE, /* the file system reports an error */
    FIXITY_NOT_PART10, /* no preamble and file meta group in front (PS3.10 section 7.1) */
    FIXITY_META,       /* SOP Class, SOP Instance or Transfer Syntax UID are others */
    FIXITY_SIZE,       /* the data set is longer or shorter */
    FIXITY_DIGEST,     /* the data set has other bytes */
};

struct fixity_row {
    uint64_t blob;
    uint64_t size_bytes;
    uint8_t digest[16];
    const char *sop_class_uid, *sop_instance_uid, *transfer_syntax_uid; /* NULL: any */
};

/* Called after each piece that was read; for a limit of speed and a progress bar. */
typedef void fixity_read(void *context, size_t bytes);

/* Several threads may check files of one store at a time. @read may be NULL. */
enum fixity fixity_check(struct store *s, const struct fixity_row *row, fixity_read *read,
                         void *context);

/* "missing", "other bytes" … */
const char *fixity_words(enum fixity f);

#endif
