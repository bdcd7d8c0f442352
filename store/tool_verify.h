/* `isthmus verify`: what its two files share. */
#ifndef ISTHMUS_STORE_TOOL_VERIFY_H
#define ISTHMUS_STORE_TOOL_VERIFY_H

#include "store/tool.h"

#include <stdatomic.h>

struct verify {
    const struct tool *tool;
    struct store *store;
    int jobs;
    double bytes_per_s; /* 0: as fast as it goes */

    struct progress progress;
    atomic_uint_fast64_t bytes; /* read and compared */
    uint64_t rows, wrong;
    json_t *problems; /* for --json */

    /* The files that rows name. */
    uint64_t *blobs;
    size_t n_blobs, room;
};

/* Compare every row of instance and conflict with its file. TOOL_FINE or TOOL_CANNOT. */
int verify_rows(struct verify *v);

/* Tell about one file: `other bytes` and the instance that it should be (NULL: none). */
void verify_report(struct verify *v, uint64_t blob, const char *what, const char *sop_uid);

#endif
