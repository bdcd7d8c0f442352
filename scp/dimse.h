/* The bridge to DCMTK: associations and the PDVs on them (PS3.8), in plain C. DCMTK types stay
 * in the .cc files and no exception leaves them. Messages (PS3.7) are made and read in command.h.
 *
 *   dimse_accept → dimse_proposed … → dimse_context_accept … → dimse_acknowledge | dimse_reject
 *   → dimse_read / dimse_write … → dimse_close
 *
 * One association at a time per process; not thread-safe. */
#ifndef ISTHMUS_SCP_DIMSE_H
#define ISTHMUS_SCP_DIMSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DIMSE_UID_MAX 64
#define DIMSE_TRANSFER_SYNTAXES_MAX 128 /* looked at per presentation context */

/* Bounds of one association; times in milliseconds, 0 = none. */
struct dimse_limits {
    uint32_t max_pdu_bytes; /* offered to the peer, 4096 … 131072 */
    int artim_ms;           /* A-ASSOCIATE-RQ complete after the connection */
    int idle_ms;            /* between two PDUs */
    int pdu_ms;             /* a PDU begun and not finished, in either direction */
    int association_ms;     /* the whole association */
};

struct dimse_context {
    uint8_t id;
    char abstract_syntax[DIMSE_UID_MAX + 1];
    unsigned n_transfer_syntaxes;
    char transfer_syntaxes[DIMSE_TRANSFER_SYNTAXES_MAX][DIMSE_UID_MAX + 1];
};

/* One presentation data value: a piece of a message. */
struct dimse_pdv {
    uint8_t context_id;
    bool command; /* else data set */
    bool last;    /* of this command or data set */
    const uint8_t *bytes;
    size_t n;
};

struct association;

/* Once per process, before the first fork: quiet DCMTK's loggers, which print data; no DNS. */
void dimse_start(void);
/* Cut idle waits short from now on (SIGTERM). Async-signal-safe. */
void dimse_drain(void);

/* Take over the connected socket @fd (closed in every case) and read the A-ASSOCIATE-RQ.
 * 0; -ETIMEDOUT, -ECONNRESET (the peer left), -EBADMSG (not DICOM), -ENOMEM. */
int dimse_accept(int fd, const struct dimse_limits *limits, struct association **ret);
const char *dimse_calling(const struct association *a); /* AE title, no padding, ≤ 16 */
const char *dimse_called(const struct association *a);

/* The proposed presentation contexts, by index; -ENOENT past the end. */
int dimse_proposed(const struct association *a, unsigned index, struct dimse_context *ret);
int dimse_context_accept(struct association *a, uint8_t id, const char *transfer_syntax);
/* Refused: the abstract syntax, else its transfer syntaxes, not supported (PS3.8 table 9-18). */
int dimse_context_refuse(struct association *a, uint8_t id, bool abstract_syntax);

/* SOP Class Extended Negotiation (PS3.7 D.3.3.5): the application information that the requestor
 * sent for @sop_class_uid, at most @max bytes of it; returns how many, 0: none. */
size_t dimse_extended(const struct association *a, const char *sop_class_uid, uint8_t *bytes,
                      size_t max);
/* Our answer to it, sent with the acknowledgement. */
int dimse_extended_answer(struct association *a, const char *sop_class_uid, const uint8_t *bytes,
                          size_t n);

int dimse_acknowledge(struct association *a);
/* result 1 permanent, 2 transient; source 1 user, 2 ACSE, 3 presentation; PS3.8 table 9-21. */
int dimse_reject(struct association *a, int result, int source, int reason);

/* The next PDV, of a @new_message or of one that has begun; @ret->bytes stays valid until the next
 * call. 0; -EPIPE: the peer released (the release is answered); -ECONNABORTED: it aborted;
 * -ECONNRESET: it is gone; -ETIMEDOUT; -ECANCELED: no new message while draining; -EBADMSG: not a
 * PDU we can follow. */
int dimse_read(struct association *a, bool new_message, struct dimse_pdv *ret);
/* Put a command or data set, in as many PDVs as the peer's maximum asks for, behind what waits to
 * be sent; long queues are sent at once. 0 or the errors of dimse_read(). */
int dimse_write(struct association *a, uint8_t context_id, bool command, const void *bytes,
                size_t n);
/* Send what waits. */
int dimse_flush(struct association *a);
/* Wait until the peer has sent something (or left), or @fd (-1: none) is readable, or @timeout_ms
 * (-1: for ever) has passed; true in the first case. */
bool dimse_wait(struct association *a, int fd, int timeout_ms);

/* End it: A-ABORT unless it was released, rejected or is gone. Frees @a, returns NULL. */
struct association *dimse_close(struct association *a);

#ifdef __cplusplus
}
#endif
#endif
