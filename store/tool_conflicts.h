/* `isthmus conflicts`: what its two files share. */
#ifndef ISTHMUS_STORE_TOOL_CONFLICTS_H
#define ISTHMUS_STORE_TOOL_CONFLICTS_H

#include "store/tool.h"

/* Print both sides of a conflict and what their headers say differently. */
int conflicts_show(const struct tool *t, const char *key);

#endif
