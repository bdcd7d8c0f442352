#include "scp/waiting.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PDU_HEADER_BYTES 6
#define A_ASSOCIATE_RQ 0x01
#define PEEK_BYTES 4096 /* most requests are shorter, and come at once */

struct peer waiting_peer(int fd)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct sockaddr_storage any = {0};
    socklen_t n = sizeof any;
    struct peer peer = {{0}};

    if (getpeername(fd, (struct sockaddr *)&any, &n) < 0)
        return peer;
    if (any.ss_family == AF_INET6)
        memcpy(peer.address, &((struct sockaddr_in6 *)&any)->sin6_addr, 16);
    if (any.ss_family == AF_INET) {
        memcpy(peer.address, mapped, 12);
        memcpy(peer.address + 12, &((struct sockaddr_in *)&any)->sin_addr, 4);
    }
    return peer;
}

static void set_low_water(int fd, uint32_t bytes)
{
    int value = (int)bytes;

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value);
}

enum waiting_state waiting_look(struct waiting *w)
{
    uint8_t header[PEEK_BYTES];
    ssize_t n = recv(w->fd, header, sizeof header, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? WAITING_STILL : WAITING_GONE;
    if (n == 0)
        return WAITING_GONE;
    if (header[0] != A_ASSOCIATE_RQ)
        return WAITING_ALIEN;
    if (n < PDU_HEADER_BYTES) {
        set_low_water(w->fd, PDU_HEADER_BYTES);
        return WAITING_STILL;
    }
    uint32_t length = (uint32_t)header[2] << 24 | (uint32_t)header[3] << 16 |
                      (uint32_t)header[4] << 8 | header[5];
    if (length > WAITING_PDU_MAX)
        return WAITING_ALIEN;
    if (w->length_known || (size_t)n >= PDU_HEADER_BYTES + length) {
        set_low_water(w->fd, 1);
        return WAITING_READY;
    }
    w->length_known = true; /* the kernel lowers a mark that its buffer could never reach */
    set_low_water(w->fd, PDU_HEADER_BYTES + length);
    return WAITING_STILL;
}

void waiting_reject(struct waiting *w)
{
    static const uint8_t rejection[] = {0x03, 0, 0, 0, 0, 4, 0, 2, 3, 2};
    uint8_t request[4096];

    /* Taken off the socket first: closing with unread bytes resets the connection, and the
     * rejection would be lost with it. */
    while (recv(w->fd, request, sizeof request, MSG_DONTWAIT) > 0)
        ;
    (void)send(w->fd, rejection, sizeof rejection, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)close(w->fd);
    w->fd = -1;
}
