/* The parent process: owns the listening sockets, lets connections wait until their request is
 * complete, hands them to workers, keeps the workers alive, drains on SIGTERM. It never reads a
 * byte that a peer sent but the PDU header, and holds no database connection. */
#ifndef ISTHMUS_SCP_LISTENER_H
#define ISTHMUS_SCP_LISTENER_H

#include "scp/settings.h"
#include "scp/sockets.h"
#include "store/blob.h"

/* Run until SIGTERM or SIGINT. @reload (SIGHUP) returns new settings, or NULL to keep the old
 * ones. Takes over the sockets. Returns 0 or negative errno. */
int listener_run(struct sockets *sockets, struct store *store, const struct settings *settings,
                 const struct settings *(*reload)(void));

#endif
