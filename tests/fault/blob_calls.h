/* The system calls of the way of a file, in place of the real ones (see tests/CMakeLists.txt): each
 * can be made to fail, and some are counted. One thread only. */
#ifndef ISTHMUS_TESTS_FAULT_BLOB_CALLS_H
#define ISTHMUS_TESTS_FAULT_BLOB_CALLS_H

#include <stdbool.h>

enum calls_answers {
    AS_ASKED,
    SHORT,   /* a part was written */
    INVALID, /* a write is not possible (EINVAL) */
    UNSYNCED /* a sync failed (EIO) */
};

extern struct calls {
    int countdown;              /* the call that fails; 0: none */
    int error;                  /* with which it fails */
    int names_taken;            /* so many of the next links meet another file (EEXIST) */
    int renames;                /* tries */
    enum calls_answers answers; /* to asynchronous requests */
    int asked;                  /* asynchronous requests */
    int syncs;                  /* of files and directories */
    int file_syncs;
    int forgotten; /* files whose pages were dropped from memory */
    int unsynced;  /* writes since a file was synced */
    int apart;     /* each file is so many minutes younger than the one before */
} calls;

/* Directories in which files got names that were not synced since. */
int calls_unsynced_names(void);
bool calls_is_unsynced(const char *directory);
/* As after the death of who synced them: nobody knows. */
void calls_forget_synced_names(void);

#endif
