#include "scp/cfind.h"

#include "scp/status.h"
#include "store/base/cleanup.h"
#include "store/base/log.h"
#include "store/caller.h"
#include "store/identifier.h"
#include "store/query.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PENDING 0xFF00
#define PENDING_UNSUPPORTED_KEYS 0xFF01
#define CANCELLED 0xFE00
#define CHARSET_MAX 256
#define LOOK_FOR_CANCEL_EVERY 64 /* matches */
#define WAIT_MS 1000             /* between looks at a database that does not answer */

static const struct {
    const char *sop_class_uid;
    enum query_root root;
} roots[] = {
    {"1.2.840.10008.5.1.4.1.2.1.1", QUERY_PATIENT_ROOT},
    {"1.2.840.10008.5.1.4.1.2.2.1", QUERY_STUDY_ROOT},
    {"1.2.840.10008.5.1.4.1.2.3.1", QUERY_PATIENT_STUDY_ONLY},
    {"1.2.840.10008.5.1.4.31", QUERY_WORKLIST},
};

struct finding {
    struct session *s;
    uint8_t context_id;
    const struct command *rq;
    const struct context *context;
    struct worklist_view view;
    struct query *query;
    json_t *identifier;
    char requested[CHARSET_MAX];
    const char *charset; /* of the requestor, or what the configuration says for it */
    bool cancelled;
};

static void finding_done(struct finding *f)
{
    f->query = query_end(f->query);
    json_decref(f->identifier);
    worklist_view_done(&f->view);
}

/* false: @sop_class_uid is none that we answer. */
static bool find_root(const char *sop_class_uid, enum query_root *ret)
{
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        if (strcmp(roots[i].sop_class_uid, sop_class_uid) == 0) {
            *ret = roots[i].root;
            return true;
        }
    return false;
}

bool cfind_is_query(const char *sop_class_uid)
{
    enum query_root root;

    return find_root(sop_class_uid, &root) && root != QUERY_WORKLIST;
}

bool cfind_is_worklist(const char *sop_class_uid)
{
    enum query_root root;

    return find_root(sop_class_uid, &root) && root == QUERY_WORKLIST;
}

void cfind_negotiate(const uint8_t *asked, size_t n, uint8_t *answer)
{
    for (size_t i = 0; i < n; i++)
        answer[i] =
            asked[i] == 1 && i != CFIND_TIMEZONE && i != CFIND_CONVERSION && i < CFIND_EXTENDED_MAX;
}

/* The Specific Character Set of @attributes as one string, "" when they have none. */
static const char *charset_of(const json_t *attributes, char *buffer, size_t size)
{
    const json_t *values = json_object_get(json_object_get(attributes, "00080005"), "Value");
    size_t at = 0;

    buffer[0] = '\0';
    for (size_t i = 0; i < json_array_size(values) && at < size; i++) {
        const char *term = json_string_value(json_array_get(values, i));
        at += (size_t)snprintf(buffer + at, size - at, "%s%s", i > 0 ? "\\" : "", term ? term : "");
    }
    return buffer;
}

/* What answers are written in, as long as it has their characters. */
static void choose_charset(struct finding *f)
{
    const char *forced = caller_string(f->s->settings->conf, f->s->calling, "charset");

    f->charset = forced ? forced : charset_of(f->identifier, f->requested, sizeof f->requested);
}

static struct query_options options_of(const struct finding *f)
{
    const uint8_t *granted = f->context->extended;
    struct query_options o = {
        .relational = granted[CFIND_RELATIONAL] || f->s->settings->tolerate_relational,
        .combined_datetime = granted[CFIND_DATETIME],
        .fuzzy_names = granted[CFIND_FUZZY],
        .empty_value = granted[CFIND_EMPTY_VALUE],
        .stored_charset = strcmp(f->charset, "ISO_IR 192") != 0,
        .retrieve_ae_title = f->s->settings->ae_title,
        .limit = (unsigned)f->s->settings->find_limit,
        .view = &f->view,
        .hidden = settings_hidden(f->s->settings, f->s->calling),
    };

    (void)find_root(f->context->abstract_syntax, &o.root);
    return o;
}

/* The whole identifier, however much too long it is; *ret_n is what was kept. */
static int receive_identifier(struct finding *f, uint8_t **ret, size_t *ret_n)
{
    _cleanup_free_ uint8_t *bytes = NULL;
    struct dimse_pdv pdv = {0};
    size_t n = 0;
    bool fits = true;

    while (!pdv.last) {
        int r = session_read_data(f->s, f->context_id, &pdv);
        if (r < 0)
            return r;
        fits = fits && pdv.n <= IDENTIFIER_BYTES_MAX - n;
        uint8_t *more = fits && pdv.n > 0 ? realloc(bytes, n + pdv.n) : NULL;
        if (more) {
            bytes = more;
            memcpy(bytes + n, pdv.bytes, pdv.n);
            n += pdv.n;
        }
    }
    *ret = fits ? TAKE_PTR(bytes) : NULL;
    *ret_n = fits ? n : IDENTIFIER_BYTES_MAX + 1;
    return 0;
}

/* Begin the query. 0, or the final response in @ret. */
static bool start(struct finding *f, const uint8_t *bytes, size_t n, struct command_response *ret)
{
    static struct query_problem problem; /* its comment goes into the response */
    struct query_options options;
    const char *phrase = "the identifier is too long";
    int r = -EBADMSG;

    if (n <= IDENTIFIER_BYTES_MAX)
        r = identifier_parse(f->context->transfer_syntax, bytes, n, &f->identifier, &phrase);
    if (r < 0) {
        *ret = status_of(r, phrase);
        return false;
    }
    choose_charset(f);
    options = options_of(f);
    r = worklist_view_read(f->s->settings->conf, f->s->calling, &f->view);
    if (r == 0)
        r = query_begin(f->s->db, f->identifier, &options, &f->query, &problem);
    if (r == -EBADMSG)
        *ret = (struct command_response){.status = problem.status,
                                         .offending_tag = problem.offending_tag,
                                         .comment = problem.comment};
    else if (r < 0)
        *ret = status_of(r, NULL);
    return r == 0;
}

static int send_match(struct finding *f, const json_t *match)
{
    struct command_response pending = {
        .status = query_has_unsupported(f->query) ? PENDING_UNSUPPORTED_KEYS : PENDING,
        .has_data_set = true};
    _cleanup_free_ uint8_t *bytes = NULL;
    size_t n = 0;
    char stored[CHARSET_MAX];
    const char *charset =
        identifier_charset(match, f->charset, charset_of(match, stored, sizeof stored));
    int r = identifier_encode(match, charset, f->context->transfer_syntax, &bytes, &n);

    if (r == 0)
        r = session_respond(f->s, f->context_id, f->rq, &pending);
    if (r == 0)
        r = dimse_write(f->s->association, f->context_id, false, bytes, n);
    f->s->matches++;
    return r;
}

/* The peer said something while we answer: only C-CANCEL of this request is allowed. */
static int hear_peer(struct finding *f)
{
    struct dimse_pdv pdv;
    struct command c;
    int r = dimse_read(f->s->association, true, &pdv);

    if (r < 0)
        return r;
    if (!pdv.command || !pdv.last || command_parse(pdv.bytes, pdv.n, &c) < 0)
        return -EBADMSG;
    if (c.field == C_CANCEL_RQ && c.message_id == f->rq->message_id)
        f->cancelled = true;
    return 0;
}

/* Until the next match can be taken without waiting. What was queued goes out meanwhile. */
static int wait_for_match(struct finding *f, unsigned count)
{
    bool ready = query_ready(f->query);
    int r = 0;

    if (ready && count % LOOK_FOR_CANCEL_EVERY != LOOK_FOR_CANCEL_EVERY - 1)
        return 0;
    if (!ready)
        r = dimse_flush(f->s->association);
    while (r == 0 && !f->cancelled) {
        if (dimse_wait(f->s->association, query_fd(f->query), ready ? 0 : WAIT_MS))
            r = hear_peer(f);
        else if (ready || query_ready(f->query))
            break;
    }
    return r;
}

/* Send all matches. 0 and the final response in @ret, or the error that ends the association. */
static int send_matches(struct finding *f, struct command_response *ret)
{
    static char comment[65];

    for (unsigned count = 0;; count++) {
        json_t *match = NULL;
        int r = wait_for_match(f, count);
        if (r < 0)
            return r;
        if (f->cancelled) {
            *ret = (struct command_response){.status = CANCELLED};
            return 0;
        }
        int found = query_next(f->query, &match);
        if (found == 0) {
            r = send_match(f, match);
            json_decref(match);
            if (r < 0 && r != -ENOMEM && r != -EILSEQ)
                return r;
            found = r;
        }
        if (found == -ENOBUFS) {
            (void)snprintf(comment, sizeof comment, "Only the first %d matches; narrow the query",
                           f->s->settings->find_limit);
            *ret = (struct command_response){.status = 0xA700, .comment = comment};
            return 0;
        }
        if (found < 0) {
            *ret = status_of(found == -ENOENT ? 0 : found, NULL);
            if (found != -ENOENT)
                log_warning("a query ends with %04XH: %s", ret->status, ret->comment);
            return 0;
        }
    }
}

int cfind_serve(struct session *s, uint8_t context_id, const struct command *rq)
{
    _cleanup_(finding_done) struct finding f = {
        .s = s, .context_id = context_id, .rq = rq, .context = &s->contexts[context_id]};
    _cleanup_free_ uint8_t *bytes = NULL;
    size_t n = 0;
    struct command_response last;

    s->queries++;
    if (!rq->has_data_set) {
        last = status_of(STATUS_NO_DATA_SET, NULL);
        return session_respond(s, context_id, rq, &last);
    }
    int r = receive_identifier(&f, &bytes, &n);
    if (r < 0)
        return r;
    if (start(&f, bytes, n, &last)) {
        r = send_matches(&f, &last);
        if (r < 0)
            return r;
    } else {
        log_warning("a query is answered %04XH: %s", last.status, last.comment);
    }
    return session_respond(s, context_id, rq, &last);
}
