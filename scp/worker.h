/* The two kinds of children. Both end by themselves when the parent's end of the line closes,
 * and after SIGTERM as soon as what is in hand is done. */
#ifndef ISTHMUS_SCP_WORKER_H
#define ISTHMUS_SCP_WORKER_H

#include "scp/settings.h"
#include "store/blob.h"

/* Serve one association after the other from @line, with a warm database connection. */
_Noreturn void worker_run(int line, const struct settings *settings, struct store *store);

/* Give rows to the files that wait for them in incoming/: at start, when told to, and again and
 * again while some are left. */
_Noreturn void indexer_run(int line, const struct settings *settings, struct store *store);

#endif
