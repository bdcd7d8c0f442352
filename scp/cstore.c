#include "scp/cstore.h"

#include "scp/handover.h"
#include "scp/status.h"
#include "store/base/cleanup.h"
#include "store/base/clock.h"
#include "store/base/log.h"
#include "store/file_meta.h"
#include "store/header.h"
#include "store/index.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define LARGE_BYTES (64 << 10)
#define DATABASE_RETRY_MS 1000 /* at least, before another attempt with a database that is away */

/* One instance on its way in. */
struct reception {
    struct blob *blob;
    struct header *header; /* of the session; NULL: not begun */
    struct instance instance;
    struct index_series *series; /* of the session, for the one of the instance */
    bool indexed; /* a row names the file; its incoming name goes when the peer has its answer */
    int finding;  /* the first: positive status_finding, negative errno, or 0 */
};

static void reception_done(struct reception *r)
{
    r->blob = r->indexed ? blob_release(r->blob) : blob_abandon(r->blob);
    instance_done(&r->instance);
}

/* A command whose SOP class is not that of its presentation context names nothing (PS3.4 B.2.1):
 * DCMTK's senders send "31" for both UIDs when the data set has them as UN. The data set says what
 * it is, and must then be of the class that was negotiated. */
static bool is_garbled(const struct command *rq, const struct context *context)
{
    return strcmp(rq->sop_class_uid, context->abstract_syntax) != 0;
}

static int reception_begin(struct reception *r, struct session *s, const struct context *context,
                           const struct command *rq)
{
    uint8_t meta[FILE_META_MAX];
    size_t n = file_meta_write(
        &(struct file_meta){.sop_class_uid = context->abstract_syntax,
                            .sop_instance_uid = is_garbled(rq, context) ? "" : rq->sop_instance_uid,
                            .transfer_syntax_uid = context->transfer_syntax,
                            .source_ae_title = s->calling[0] ? s->calling : s->settings->ae_title},
        meta);

    if (!rq->has_data_set)
        return STATUS_NO_DATA_SET;
    if (!s->settings->spool && db_connect(s->db) < 0)
        return -EAGAIN;
    int e = s->header ? header_again(s->header, context->transfer_syntax)
                      : header_new(context->transfer_syntax, &s->header);
    if (e < 0)
        return e;
    r->header = s->header;
    return blob_create(s->store, meta, n, &r->blob);
}

/* The whole data set is taken off the wire, whatever is wrong with it or with us: only then can
 * the peer read the answer. */
static int receive_data_set(struct reception *r, struct session *s, uint8_t context_id)
{
    struct dimse_pdv pdv = {0};

    while (!pdv.last) {
        int e = session_read_data(s, context_id, &pdv);
        if (e < 0)
            return e;
        s->bytes += pdv.n;
        if (r->finding != 0)
            continue;
        r->finding = blob_append(r->blob, pdv.bytes, pdv.n);
        if (r->finding == 0)
            r->finding = header_feed(r->header, pdv.bytes, pdv.n);
    }
    return 0;
}

/* Can it be stored safely? */
static int judge(const struct instance *i, const struct command *rq, const struct context *context)
{
    static const int findings[] = {
        [INSTANCE_COMPLETE] = 0,
        [INSTANCE_UID_TOO_LONG] = STATUS_UID_TOO_LONG,
        [INSTANCE_NO_SOP_INSTANCE_UID] = STATUS_NO_SOP_INSTANCE_UID,
        [INSTANCE_NO_SOP_CLASS_UID] = STATUS_NO_SOP_CLASS_UID,
        [INSTANCE_NO_STUDY_UID] = STATUS_NO_STUDY_UID,
        [INSTANCE_NO_SERIES_UID] = STATUS_NO_SERIES_UID,
    };
    enum instance_lack lack = instance_lack(i);

    if (lack != INSTANCE_COMPLETE)
        return findings[lack];
    if (strcmp(i->sop_class_uid, context->abstract_syntax) != 0)
        return STATUS_SOP_CLASS_DIFFERS;
    if (!is_garbled(rq, context) && strcmp(i->sop_instance_uid, rq->sop_instance_uid) != 0)
        return STATUS_SOP_INSTANCE_DIFFERS;
    return 0;
}

/* Sealed, but the database is away or did not say whether it committed: the file waits for its
 * row in incoming/. */
static int spool(struct reception *r, struct session *s)
{
    int error = 0;

    r->blob = blob_spool(r->blob, &error);
    s->spooled++;
    return error != 0 ? error : s->settings->spool ? 0 : -EAGAIN;
}

/* An attempt can take seconds, which the peer waits: at most half of its time. */
static void leave_database_alone(struct session *s, int64_t began_ms)
{
    const int64_t now = clock_ms(), took = now - began_ms;

    s->database_retry_ms = now + (took > DATABASE_RETRY_MS ? took : DATABASE_RETRY_MS);
}

static int index_instance(struct reception *r, struct session *s)
{
    enum index_result result;
    uint64_t old = 0;
    const int64_t began = clock_ms();
    bool attempt = began >= s->database_retry_ms;
    int e = -EAGAIN;

    if (attempt)
        e = index_keep(s->db, s->store, r->series, &r->instance, s->settings->restored_titles,
                       &result, &old);

    if (e == -EAGAIN) {
        if (attempt)
            leave_database_alone(s, began);
        e = spool(r, s);
        if (attempt)
            handover_say(s->line, HANDOVER_SPOOLED);
        return e;
    }
    if (e < 0) {
        log_error("the index refuses an instance (%s); it is answered as a failure",
                  db_problem(s->db));
        return e;
    }
    if (result == INDEX_DUPLICATE) {
        r->blob = blob_abandon(r->blob);
        s->duplicates++;
        return 0;
    }
    r->indexed = true;
    if (result == INDEX_CONFLICT) {
        s->conflicts++;
        log_warning("an instance has the UID of another one; both are kept, see "
                    "'isthmus conflicts list'");
    } else if (result == INDEX_REPAIRED) {
        s->duplicates++;
        log_warning("the file %016" PRIx64 " of a repeated instance was gone or damaged; "
                    "%016" PRIx64 " takes its place",
                    old, r->instance.blob_id);
    } else {
        s->stored++;
    }
    return 0;
}

/* Peers that make an association for each instance meet in the workers, several series at a
 * time. */
static struct index_series *series_of(struct session *s, const struct instance *i)
{
    for (size_t k = 0; k < SESSION_SERIES; k++)
        if (index_series_is(&s->series[k], i))
            return &s->series[k];
    return &s->series[s->next_series++ % SESSION_SERIES];
}

/* The database works while the disk does, where that takes as long. */
static int seal(struct reception *r, struct session *s)
{
    struct instance *i = &r->instance;
    int e;

    blob_describe(r->blob, &i->blob_id, &i->size_bytes, i->digest);
    if (i->size_bytes >= LARGE_BYTES && clock_ms() >= s->database_retry_ms)
        index_begin(s->db, r->series, i);
    e = blob_seal(r->blob, &i->blob_id, &i->size_bytes, i->digest);
    if (e < 0)
        index_cancel(s->db, r->series);
    return e;
}

static int store_instance(struct reception *r, struct session *s, const struct context *context,
                          const struct command *rq)
{
    struct instance *i = &r->instance;
    int e = header_finish(r->header, i);

    if (e == 0)
        e = judge(i, rq, context);
    if (e != 0)
        return e;
    i->transfer_syntax_uid = strdup(context->transfer_syntax);
    i->calling_ae_title = strdup(s->calling);
    if (!i->transfer_syntax_uid || !i->calling_ae_title)
        return -ENOMEM;
    r->series = series_of(s, i);
    e = seal(r, s);
    return e < 0 ? e : index_instance(r, s);
}

int cstore_serve(struct session *s, uint8_t context_id, const struct command *rq)
{
    const struct context *context = &s->contexts[context_id];
    _cleanup_(reception_done) struct reception r = {0};
    int e;

    r.finding = reception_begin(&r, s, context, rq);
    e = rq->has_data_set ? receive_data_set(&r, s, context_id) : 0;
    if (e < 0)
        return e;
    if (r.finding == 0)
        r.finding = store_instance(&r, s, context, rq);

    const char *problem = r.header ? header_problem(r.header) : NULL;
    struct command_response answer = status_of(r.finding, problem);
    if (answer.status != STATUS_SUCCESS) {
        s->refused++;
        log_warning("an instance is answered %04XH: %s", answer.status, answer.comment);
    }
    return session_respond(s, context_id, rq, &answer);
}
