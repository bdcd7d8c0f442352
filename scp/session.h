/* What one worker has at hand while it serves an association. */
#ifndef ISTHMUS_SCP_SESSION_H
#define ISTHMUS_SCP_SESSION_H

#include "scp/command.h"
#include "scp/dimse.h"
#include "scp/settings.h"
#include "store/blob.h"
#include "store/db.h"
#include "store/header.h"
#include "store/index.h"

/* What a calling AE may ask for (allow of section ae "…") and a context can be negotiated for. */
enum service { SERVICE_NONE, SERVICE_ECHO, SERVICE_STORE, SERVICE_FIND, SERVICE_WORKLIST };

struct context {
    bool accepted;
    enum service service;
    uint8_t extended[8]; /* what was granted of SOP Class Extended Negotiation */
    char abstract_syntax[DIMSE_UID_MAX + 1];
    char transfer_syntax[DIMSE_UID_MAX + 1];
};

#define SESSION_SERIES 16

struct session {
    const struct settings *settings;
    struct store *store;
    struct db *db;
    struct index_series series[SESSION_SERIES]; /* stored last, also in associations before */
    unsigned next_series;                       /* takes the place of the one at this % SERIES */
    struct header *header;                      /* serves one instance after the other */
    int line;                                   /* to the parent; -1: none */
    int64_t database_retry_ms;                  /* CLOCK_MONOTONIC; no attempt to connect before */

    struct association *association;
    struct context contexts[256]; /* by presentation context id */
    const char *calling;          /* AE title of the peer */

    /* Of this association, for its one log line. */
    unsigned stored, duplicates, conflicts, spooled, refused, echoes, queries, matches;
    uint64_t bytes;
};

/* The next data set PDV of the message @context_id. Like dimse_read(), and -EBADMSG when the
 * PDV belongs to something else. */
int session_read_data(struct session *s, uint8_t context_id, struct dimse_pdv *ret);

/* Read and forget a data set that nobody wants. */
int session_skip_data(struct session *s, uint8_t context_id);

/* Send the response to @request; one that has a data set waits for dimse_flush(), as its data set
 * does. Errors of dimse_write(). */
int session_respond(struct session *s, uint8_t context_id, const struct command *request,
                    const struct command_response *response);

#endif
