/* The files that rows name, for the tools that look for others. */
#ifndef ISTHMUS_STORE_TOOL_BLOBS_H
#define ISTHMUS_STORE_TOOL_BLOBS_H

#include "store/tool.h"

struct blobs {
    uint64_t *ids; /* in order */
    size_t n, room;
};

/* Read those of instance and conflict, a page at a time: 8 bytes of memory each. @ret is to be zero
 * and is freed with blobs_done() in every case. TOOL_FINE, or TOOL_CANNOT after saying why. */
int blobs_load(const struct tool *t, struct blobs *ret);
bool blobs_have(const struct blobs *b, uint64_t id);
void blobs_done(struct blobs *b);

#endif
