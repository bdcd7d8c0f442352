/* The line between the parent and a worker: connected sockets go down, single letters come up. */
#ifndef ISTHMUS_SCP_HANDOVER_H
#define ISTHMUS_SCP_HANDOVER_H

#include <stdint.h>

enum handover_word {
    HANDOVER_IDLE = 'I',    /* up: ready for the next association */
    HANDOVER_SPOOLED = 'S', /* up: a file waits in incoming/ for its row */
    HANDOVER_WAKE = 'W',    /* down, to the indexer: look into incoming/ */
};

/* A pair of connected ends; @ret[0] for the parent. 0 or negative errno. */
int handover_pair(int ret[2]);
/* Give @fd (stays open here) with the association's @number. 0 or negative errno. */
int handover_send(int end, int fd, uint64_t number);
/* Take the next one; blocks. 0; -EPIPE: the parent let go; -EINTR: a signal came. */
int handover_receive(int end, int *ret_fd, uint64_t *ret_number);
/* Never blocks; a full line is no error: the other side has words enough to wake. */
void handover_say(int end, enum handover_word word);
/* The next word; 0: none now; -EPIPE: the other end is gone. */
int handover_hear(int end);

#endif
