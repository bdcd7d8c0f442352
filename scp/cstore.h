/* C-STORE (PS3.7 9.1.1, PS3.4 annex B): bytes → file → row → answer. */
#ifndef ISTHMUS_SCP_CSTORE_H
#define ISTHMUS_SCP_CSTORE_H

#include "scp/session.h"

/* Receive the data set of @rq and answer it. Success is sent only when file, directory entry and
 * row are on stable storage (or, with the database away, file and spool entry). 0, or the error of
 * dimse_read()/dimse_write() that ends the association; nothing is acknowledged then. */
int cstore_serve(struct session *s, uint8_t context_id, const struct command *rq);

#endif
