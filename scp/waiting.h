/* Connections whose A-ASSOCIATE-RQ is not complete yet. They cost a descriptor and no worker, so
 * that clients that connect and say nothing, or half a PDU, keep nobody from being served. The
 * beginning of the PDU is looked at in the socket (MSG_PEEK), nothing is taken from it: where there
 * is more to come SO_RCVLOWAT makes the socket readable when the whole PDU has arrived. */
#ifndef ISTHMUS_SCP_WAITING_H
#define ISTHMUS_SCP_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#define WAITING_MAX 1024               /* the oldest is closed when one more comes */
#define WAITING_PDU_MAX (1024u * 1024) /* a longer A-ASSOCIATE-RQ is not DICOM */

/* Where a connection comes from: 16 bytes of IPv6, or of IPv4 mapped into it. */
struct peer {
    uint8_t address[16];
};

struct waiting {
    int fd;
    struct peer peer;
    int64_t since_ms;
    bool length_known; /* header seen, the low-water mark covers the PDU */
};

enum waiting_state {
    WAITING_STILL,
    WAITING_READY, /* the request is complete, or as complete as the socket can hold */
    WAITING_GONE,  /* closed by the peer */
    WAITING_ALIEN, /* not an A-ASSOCIATE-RQ */
};

/* The peer of a connected socket; all zero when it has no Internet address. */
struct peer waiting_peer(int fd);

/* @w->fd is readable: what now? */
enum waiting_state waiting_look(struct waiting *w);

/* Answer a complete request with A-ASSOCIATE-RJ, transient, local limit exceeded (PS3.8 table
 * 9-21), and close: @w->fd becomes -1. Never blocks. */
void waiting_reject(struct waiting *w);

#endif
