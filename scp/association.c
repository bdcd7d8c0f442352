#include "scp/association.h"

#include "scp/cfind.h"
#include "scp/cstore.h"
#include "scp/sop_class.h"
#include "scp/status.h"
#include "store/base/log.h"
#include "store/base/uid.h"
#include "store/caller.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define IMPLICIT_VR_LITTLE_ENDIAN "1.2.840.10008.1.2"

static void peer_address(int fd, char ret[INET6_ADDRSTRLEN])
{
    struct sockaddr_storage address;
    socklen_t n = sizeof address;

    strcpy(ret, "?");
    if (getpeername(fd, (struct sockaddr *)&address, &n) == 0)
        (void)getnameinfo((struct sockaddr *)&address, n, ret, INET6_ADDRSTRLEN, NULL, 0,
                          NI_NUMERICHOST);
}

/* Identifiers are never compressed like images are. */
static bool is_plain(const char *transfer_syntax)
{
    static const char *const plain[] = {IMPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.1",
                                        "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"};

    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(plain[i], transfer_syntax) == 0)
            return true;
    return false;
}

/* The requestor's order is its preference; Implicit VR comes last because it says less. */
static const char *choose_transfer_syntax(const struct session *s, const struct dimse_context *c,
                                          enum service service)
{
    const char *implicit = NULL;

    for (unsigned i = 0; i < c->n_transfer_syntaxes; i++) {
        const char *uid = c->transfer_syntaxes[i];
        bool allowed = service == SERVICE_STORE
                           ? uid_valid(uid) && settings_allow(s->settings, "transfer_syntaxes", uid)
                           : is_plain(uid);
        if (!allowed)
            continue;
        if (strcmp(uid, IMPLICIT_VR_LITTLE_ENDIAN) != 0)
            return uid;
        implicit = uid;
    }
    return implicit;
}

static enum service service_of(const struct session *s, const char *sop_class_uid)
{
    if (strcmp(sop_class_uid, SOP_CLASS_VERIFICATION) == 0)
        return SERVICE_ECHO;
    if (cfind_is_query(sop_class_uid))
        return caller_may(s->settings->conf, s->calling, "find") ? SERVICE_FIND : SERVICE_NONE;
    if (cfind_is_worklist(sop_class_uid))
        return caller_may(s->settings->conf, s->calling, "worklist") ? SERVICE_WORKLIST
                                                                     : SERVICE_NONE;
    if (uid_valid(sop_class_uid) && sop_class_is_storage(sop_class_uid) &&
        settings_allow(s->settings, "sop_classes", sop_class_uid))
        return caller_may(s->settings->conf, s->calling, "store") ? SERVICE_STORE : SERVICE_NONE;
    return SERVICE_NONE;
}

static int negotiate_extended(struct session *s, struct context *c)
{
    uint8_t asked[sizeof c->extended];
    size_t n = dimse_extended(s->association, c->abstract_syntax, asked, sizeof asked);

    if ((c->service != SERVICE_FIND && c->service != SERVICE_WORKLIST) || n == 0)
        return 0;
    cfind_negotiate(asked, n, c->extended);
    return dimse_extended_answer(s->association, c->abstract_syntax, c->extended, n);
}

static int negotiate_context(struct session *s, const struct dimse_context *c)
{
    enum service service = service_of(s, c->abstract_syntax);
    const char *transfer_syntax = service ? choose_transfer_syntax(s, c, service) : NULL;
    struct context *mine = &s->contexts[c->id];

    if (!transfer_syntax || mine->accepted)
        return dimse_context_refuse(s->association, c->id, service == SERVICE_NONE);
    mine->accepted = true;
    mine->service = service;
    strcpy(mine->abstract_syntax, c->abstract_syntax);
    strcpy(mine->transfer_syntax, transfer_syntax);
    int r = negotiate_extended(s, mine);
    return r < 0 ? r : dimse_context_accept(s->association, c->id, transfer_syntax);
}

static int negotiate(struct session *s)
{
    struct dimse_context c;
    int r = 0;

    if (!settings_allow(s->settings, "called_ae_titles", dimse_called(s->association))) {
        log_warning("rejected: it calls an AE title that is not ours");
        (void)dimse_reject(s->association, 1, 1, 7);
        return -EACCES;
    }
    if (!settings_allow(s->settings, "calling_ae_titles", s->calling)) {
        log_warning("rejected: this calling AE title is not in scp.calling_ae_titles");
        (void)dimse_reject(s->association, 1, 1, 3);
        return -EACCES;
    }
    for (unsigned i = 0; r == 0 && (r = dimse_proposed(s->association, i, &c)) == 0; i++)
        r = negotiate_context(s, &c);
    return r == -ENOENT ? dimse_acknowledge(s->association) : r;
}

/* Collect the PDVs of one command set. */
static int next_command(struct session *s, uint8_t *ret_context_id, struct command *ret)
{
    static uint8_t buffer[COMMAND_BYTES_MAX];
    size_t n = 0;
    struct dimse_pdv pdv;

    do {
        int r = dimse_read(s->association, n == 0, &pdv);
        if (r < 0)
            return r;
        if (!pdv.command || !s->contexts[pdv.context_id].accepted ||
            (n > 0 && pdv.context_id != *ret_context_id) || pdv.n > sizeof buffer - n)
            return -EBADMSG;
        memcpy(buffer + n, pdv.bytes, pdv.n);
        n += pdv.n;
        *ret_context_id = pdv.context_id;
    } while (!pdv.last);
    return command_parse(buffer, n, ret);
}

static int serve_echo(struct session *s, uint8_t context_id, const struct command *rq)
{
    struct command_response ok = status_of(0, NULL);
    int r = rq->has_data_set ? session_skip_data(s, context_id) : 0;

    s->echoes++;
    return r < 0 ? r : session_respond(s, context_id, rq, &ok);
}

static int serve_unknown(struct session *s, uint8_t context_id, const struct command *rq)
{
    struct command_response no = status_of(STATUS_WRONG_SERVICE, NULL);
    int r = rq->has_data_set ? session_skip_data(s, context_id) : 0;

    return r < 0 ? r : session_respond(s, context_id, rq, &no);
}

static int serve_commands(struct session *s)
{
    uint8_t context_id = 0;
    struct command rq;
    int r;

    while ((r = next_command(s, &context_id, &rq)) == 0) {
        enum service service = s->contexts[context_id].service;

        if (rq.field == C_CANCEL_RQ)
            continue; /* what it cancels has been answered already */
        if (rq.field & COMMAND_IS_RESPONSE)
            return -EBADMSG; /* we asked for nothing */
        if (rq.field == C_ECHO_RQ)
            r = serve_echo(s, context_id, &rq);
        else if (rq.field == C_STORE_RQ && service == SERVICE_STORE)
            r = cstore_serve(s, context_id, &rq);
        else if (rq.field == C_FIND_RQ && (service == SERVICE_FIND || service == SERVICE_WORKLIST))
            r = cfind_serve(s, context_id, &rq);
        else
            r = serve_unknown(s, context_id, &rq);
        if (r < 0)
            return r;
    }
    return r;
}

static const char *ending(int r)
{
    switch (r) {
    case -EPIPE:
        return "released";
    case -ECONNABORTED:
        return "aborted by the peer";
    case -ECONNRESET:
        return "the peer closed the connection";
    case -ETIMEDOUT:
        return "timed out, aborted";
    case -ECANCELED:
        return "idle while stopping, aborted";
    case -EBADMSG:
        return "protocol error of the peer, aborted";
    default:
        return strerror(-r);
    }
}

static size_t count(char *text, size_t at, size_t size, unsigned n, const char *what)
{
    if (n > 0 && at < size)
        at += (size_t)snprintf(text + at, size - at, ", %u %s", n, what);
    return at;
}

/* One line for the whole association; only what happened is named. */
static void log_end(const struct session *s, int r)
{
    char text[256] = "";
    size_t at = 0;
    bool fine = r == -EPIPE && s->refused == 0;
    void (*say)(const char *, ...) = fine ? log_info : log_warning;

    at = count(text, at, sizeof text, s->stored, "stored");
    at = count(text, at, sizeof text, s->duplicates, "duplicate");
    at = count(text, at, sizeof text, s->conflicts, "conflicting");
    at = count(text, at, sizeof text, s->spooled, "spooled");
    at = count(text, at, sizeof text, s->refused, "refused");
    at = count(text, at, sizeof text, s->queries, "queries");
    at = count(text, at, sizeof text, s->matches, "matches");
    (void)count(text, at, sizeof text, s->echoes, "echo");
    say("%s%s, %.1f MiB received", ending(r), text, (double)s->bytes / 1048576);
}

void association_serve(struct session *s, int fd, uint64_t number)
{
    char peer[INET6_ADDRSTRLEN];
    int r;

    memset(s->contexts, 0, sizeof s->contexts);
    s->stored = s->duplicates = s->conflicts = s->spooled = s->refused = s->echoes = 0;
    s->queries = s->matches = 0;
    s->bytes = 0;
    peer_address(fd, peer);
    log_subject("assoc %llu %s", (unsigned long long)number, peer);

    r = dimse_accept(fd, &s->settings->limits, &s->association);
    if (r < 0) {
        log_warning("no association: %s", ending(r));
        log_subject(NULL);
        return;
    }
    s->calling = dimse_calling(s->association);
    log_subject("assoc %llu %s@%s", (unsigned long long)number, s->calling, peer);
    r = negotiate(s);
    if (r == 0)
        log_end(s, serve_commands(s));
    else if (r != -EACCES)
        log_warning("no association: %s", ending(r));
    s->association = dimse_close(s->association);
    log_subject(NULL);
}
