/* `isthmus verify`: what its files share. */
#ifndef ISTHMUS_STORE_TOOL_VERIFY_H
#define ISTHMUS_STORE_TOOL_VERIFY_H

#include "store/tool_blobs.h"

#include <stdatomic.h>

struct verify {
    const struct tool *tool;
    struct store *store;
    int jobs;
    double bytes_per_s; /* 0: as fast as it goes */

    struct progress progress;
    atomic_uint_fast64_t bytes; /* read and compared */
    uint64_t rows, wrong;       /* with those before it was stopped */
    uint64_t bytes_before;
    uint64_t gone, back; /* instances that are unavailable, available from now on */
    json_t *problems;    /* for --json */

    /* The last rows that were compared, kept in the database too. */
    char last_instance[24], last_conflict[24];
};

/* Where the last run was stopped, if it was; otherwise, or with @restart, the beginning. Only one
 * verify at a time may keep that. TOOL_FINE or TOOL_CANNOT. */
int verify_begin(struct verify *v, bool restart);
/* Keep how far it is. */
int verify_save(const struct verify *v);
/* It is at its end: the next one begins anew. */
int verify_end(const struct verify *v);

/* Compare every row left of instance and conflict with its file. TOOL_FINE or TOOL_CANNOT. */
int verify_rows(struct verify *v);

/* Tell about one file: `other bytes` and the instance that it should be (NULL: none). */
void verify_report(struct verify *v, uint64_t blob, const char *what, const char *sop_uid);

#endif
