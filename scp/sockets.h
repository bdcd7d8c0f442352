/* Listening sockets: systemd's when it passed some (sd_listen_fds(3)), else our own. */
#ifndef ISTHMUS_SCP_SOCKETS_H
#define ISTHMUS_SCP_SOCKETS_H

#include "scp/settings.h"

#define SOCKETS_MAX 16

struct sockets {
    int fds[SOCKETS_MAX];
    unsigned n;
};

/* All of scp.bind must succeed, but an address family that the machine lacks is skipped as long
 * as one socket is left. On error *ret_message (malloc'ed) is a sentence for the user. */
int sockets_open(const struct settings *s, struct sockets *ret, char **ret_message);
void sockets_close(struct sockets *s);

#endif
