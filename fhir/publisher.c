#include "fhir/publisher.h"
#include "fhir/backoff.h"
#include "fhir/blame.h"
#include "fhir/bundle.h"
#include "fhir/flaw.h"
#include "fhir/memory.h"
#include "fhir/parcel.h"
#include "fhir/stop.h"
#include "fhir/target.h"
#include "store/base/cleanup.h"
#include "store/base/log.h"
#include "store/outbox.h"
#include "store/study.h"

#include <errno.h>
#include <string.h>

#define POLL_MIN_S 1          /* until the next look at an outbox in which nothing is due */
#define POLL_MAX_S 5          /* a study that a person replays is not waited for longer */
#define DATABASE_FIRST_MS 500 /* first trial to reach the database again … */
#define DATABASE_MAX_MS 10000 /* … and the longest time between two */
#define PAUSE_FIRST_MS 1000   /* the same for the target; its longest is a setting */
#define RETRY_FIRST_MS 5000   /* and for one study */
#define ASKED_MAX_MS 3600000  /* a server may ask for more than these two, but not for more */
#define SOON_MS 500           /* after a race on the server, … */
#define SOON_MAX 5            /* … so many times */
#define SUSPECT_MAX 3         /* failures of different studies in a row that mean the server */
#define REFUSED_MAX 3         /* refusals of one study while others are taken: parked */

struct publisher {
    struct db *db;
    const struct settings *settings;
    struct target *target;
    int number;   /* of the target in the database; 0: not yet registered */
    bool ready;   /* the target has been checked */
    int failures; /* of the target in a row */
    int rest_ms;  /* how long the target rests after the last of them */
    struct blame blame;
    int db_trouble; /* failures of the database in a row */
};

/* Claims are locks of the connection, so letting it go lets them go: the study that was under
 * way is due as before. */
static void wait_for_database(struct publisher *p, int r)
{
    if (p->db_trouble++ == 0 && r == -EAGAIN)
        log_warning("the database is away (%s), trying again", db_problem(p->db));
    else if (r != -EAGAIN)
        log_error("the database refuses (%s), trying again", db_problem(p->db));
    db_disconnect(p->db);
    (void)stop_wait(
        (int)backoff_ms(p->db_trouble, DATABASE_FIRST_MS, DATABASE_MAX_MS, 0, backoff_lot()));
}

/* Every result of the database comes by here. */
static int report(struct publisher *p, int r)
{
    if (r < 0 && r != -ENOENT) {
        wait_for_database(p, r);
    } else {
        if (p->db_trouble > 0)
            log_info("the database is back");
        p->db_trouble = 0;
    }
    return r;
}

/* What the server asked us to wait, within reason: longer than we would wait by ourselves, but a
 * number of its own does not stop publishing for a day. */
static int64_t asked_ms(const struct answer *a, int64_t max_ms)
{
    int64_t asked = (int64_t)a->retry_after_s * 1000;

    max_ms = max_ms > ASKED_MAX_MS ? max_ms : ASKED_MAX_MS;
    return asked < max_ms ? asked : max_ms;
}

/* The whole target rests; no study is blamed for it. For how many seconds, or an error. */
static int pause_target(struct publisher *p, const struct answer *a)
{
    int64_t max_ms = (int64_t)p->settings->pause_max_s * 1000;
    int64_t wait_ms =
        backoff_ms(++p->failures, PAUSE_FIRST_MS, max_ms, asked_ms(a, max_ms), backoff_lot());
    int seconds = (int)((wait_ms + 999) / 1000), r;

    p->rest_ms = (int)wait_ms;
    blame_end_row(&p->blame);
    if (a->verdict == VERDICT_REFUSED)
        log_error("cannot publish: %s; next trial in %d s", a->reason, seconds);
    else if (p->failures == 1)
        log_warning("away: %s; next trial in %d s", a->reason, seconds);
    else
        log_debug("still away: %s; next trial in %d s", a->reason, seconds);
    r = report(p, target_pause(p->db, p->number, seconds, a->reason));
    return r < 0 ? r : seconds;
}

static void resume_target(struct publisher *p)
{
    blame_end_row(&p->blame);
    if (p->failures == 0)
        return;
    log_info("works again after %d trials", p->failures);
    p->failures = 0;
    (void)report(p, target_resume(p->db, p->number));
}

/* Other settings make other Bundles, and so does another release: every study goes again. */
static int note_settings(struct publisher *p)
{
    _cleanup_free_ char *fingerprint =
        memory_print("%s %s", release_name(p->target->mapping.release), p->settings->fingerprint);
    int r = report(p, target_configure(p->db, p->number, fingerprint));

    if (r > 0)
        log_info("other settings than before: every study is published again");
    return r;
}

/* Register the target and see whether it can be worked with. Whether it is ready. */
static bool prepare(struct publisher *p)
{
    const struct settings *s = p->settings;
    struct answer answer;

    if (p->number == 0 &&
        report(p, target_register(p->db, s->name, s->description, s->quiet_period_s,
                                  s->longest_delay_s, &p->number)) < 0)
        return false;
    p->target->kind->check(p->target, &answer);
    if (answer.verdict == VERDICT_DONE && p->target->kind->begin) {
        answer_done(&answer);
        p->target->kind->begin(p->target, &answer);
    }
    if (answer.verdict == VERDICT_DONE) {
        resume_target(p);
        (void)report(p, target_resume(p->db, p->number)); /* a pause from before our start */
        p->ready = note_settings(p) >= 0;
        if (p->ready)
            log_info("publishing %s to %s", release_name(p->target->mapping.release),
                     s->description);
    } else {
        (void)pause_target(p, &answer);
    }
    answer_done(&answer);
    return p->ready;
}

static void park(struct publisher *p, const struct outbox_item *item, const struct answer *a)
{
    _cleanup_free_ char *why =
        memory_print("%s%s%s", a->reason, a->words ? "\n" : "", a->words ? a->words : "");

    log_warning("study %lld is parked: %s", (long long)item->study_key, a->reason);
    (void)report(p, outbox_park(p->db, item, why));
}

static void try_later(struct publisher *p, const struct outbox_item *item, const struct answer *a)
{
    int64_t max_ms = (int64_t)p->settings->retry_max_s * 1000;
    int64_t wait_ms =
        backoff_ms(item->attempts + 1, RETRY_FIRST_MS, max_ms, asked_ms(a, max_ms), backoff_lot());
    int suspects = 0;

    if (a->verdict == VERDICT_SOON && item->attempts < SOON_MAX)
        wait_ms = backoff_ms(item->attempts + 1, SOON_MS, max_ms, 0, backoff_lot());
    else
        suspects = blame_suspect(&p->blame, item->study_key);
    log_info("study %lld waits %lld ms: %s", (long long)item->study_key, (long long)wait_ms,
             a->reason);
    if (report(p, outbox_later(p->db, item, wait_ms, a->reason)) < 0)
        return;
    if (suspects >= SUSPECT_MAX)
        (void)pause_target(p, a);
}

/* The target rests, and another study is the next trial: this one might be the only one that it
 * does not take. */
static void rest(struct publisher *p, const struct outbox_item *item, const struct answer *a)
{
    int seconds = pause_target(p, a);

    if (seconds >= 0)
        (void)report(p, outbox_postpone(p->db, item, (int64_t)(seconds + 1) * 1000, a->reason));
}

/* Act on the answer to @item. */
static void conclude(struct publisher *p, const struct outbox_item *item, const struct answer *a)
{
    if (stop_requested() && (a->verdict == VERDICT_LATER || a->verdict == VERDICT_WAIT)) {
        (void)outbox_release(p->db, item); /* we broke it off ourselves */
        return;
    }
    switch (a->verdict) {
    case VERDICT_SOON:
    case VERDICT_LATER:
        try_later(p, item, a);
        break;
    case VERDICT_WAIT:
    case VERDICT_REFUSED:
        if (!blame_is_study(&p->blame, item->study_key))
            rest(p, item, a);
        else if (a->verdict == VERDICT_REFUSED && item->attempts + 1 >= REFUSED_MAX)
            park(p, item, a);
        else
            try_later(p, item, a);
        break;
    default:
        resume_target(p); /* it answers: the fault is the study's */
        park(p, item, a);
    }
}

/* What the index has of a study and the target does not get. */
static void tell_left_out(const struct mapping *m, const struct outbox_item *item,
                          const struct study *study)
{
    struct flaws flaws = {0};
    _cleanup_free_ char *text = NULL;

    flaws_add(&flaws, study);
    text = flaws_text(&flaws);
    if (text)
        log_info("study %lld: values are left out: %s", (long long)item->study_key, text);
    if (bundle_withheld(m, study) > 0)
        log_info("study %lld: %zu instances are withheld: rejected, not authorized, or without a "
                 "usable UID",
                 (long long)item->study_key, bundle_withheld(m, study));
}

/* Build, send, and act on the answer. */
static void send_study(struct publisher *p, const struct outbox_item *item,
                       const struct study *study)
{
    struct answer answer;
    struct parcel parcel;

    if (report(p, parcel_send(p->db, p->target, item, study, &parcel, &answer)) < 0)
        return;
    if (parcel.sent)
        tell_left_out(&p->target->mapping, item, study);
    if (answer.verdict == VERDICT_DONE) {
        log_debug("study %lld: %s", (long long)item->study_key, answer.reason);
        if (parcel.sent) {
            blame_success(&p->blame, item->study_key);
            resume_target(p);
        }
        (void)report(p, outbox_settle(p->db, item, parcel.digest, parcel.form, parcel.own));
    } else {
        conclude(p, item, &answer);
    }
    parcel_done(&parcel);
    answer_done(&answer);
}

/* The connection stands, so it is this study that cannot be loaded: the others must not wait for
 * it. When the database refuses, it may yet be the database: nothing is parked for that. */
static void conclude_unread(struct publisher *p, const struct outbox_item *item, int r)
{
    struct answer answer;

    answer_make(&answer, r == -EINVAL ? VERDICT_LATER : VERDICT_NEVER,
                "the index's data of this study cannot be read");
    if (r == -EINVAL)
        try_later(p, item, &answer);
    else
        park(p, item, &answer);
    answer_done(&answer);
}

static void publish(struct publisher *p, const struct outbox_item *item)
{
    struct study *study = NULL;
    int r = study_load(p->db, item->study_key, &study);

    if (r == -ENOENT) {
        (void)report(p, outbox_park(p->db, item, "the study is not in the index"));
    } else if (r == -EAGAIN || (r < 0 && !db_connection(p->db))) {
        (void)report(p, r);
    } else if (r < 0) {
        conclude_unread(p, item, r);
    } else if (study->patient_differs && study->order_open &&
               p->settings->mapping.hold_patient_differs) {
        log_warning("study %lld is held: patients differ within the study",
                    (long long)item->study_key);
        (void)report(p, outbox_park(p->db, item, "patients differ within the study"));
    } else {
        send_study(p, item, study);
    }
    (void)study_free(study);
}

/* What changes from now on is not due before the quiet period is over. */
static int poll_ms(const struct settings *s)
{
    int quiet_s = s->quiet_period_s;

    return 1000 * (quiet_s < POLL_MIN_S ? POLL_MIN_S : quiet_s > POLL_MAX_S ? POLL_MAX_S : quiet_s);
}

static void turn(struct publisher *p)
{
    struct outbox_item item;
    int wait_ms = 0, longest_ms = poll_ms(p->settings), r;

    if (!p->ready && !prepare(p)) {
        /* Nothing is claimed for a target that is not ready, so its rest is kept here. */
        (void)stop_wait(p->rest_ms);
        return;
    }
    r = outbox_claim(p->db, p->number, &item, &wait_ms);
    if (r == 0)
        publish(p, &item); /* a claim alone does not show that the database works again */
    else if (report(p, r) == -ENOENT)
        (void)stop_wait(wait_ms < longest_ms ? wait_ms : longest_ms);
}

int publisher_run(struct db *db, const struct settings *s)
{
    struct publisher p = {.db = db, .settings = s};
    _cleanup_free_ char *message = NULL;
    int r = target_new(s, &p.target, &message);

    if (r < 0) {
        log_error("cannot publish: %s", message);
        return r;
    }
    while (!stop_requested())
        turn(&p);
    p.target = target_free(p.target);
    return 0;
}
