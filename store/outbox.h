/* Which studies changed since a target last accepted them: one row per study and target with a
 * generation. The store transaction marks (isthmus.put_instance); here is the other side.
 *
 *   target_register → target_configure → outbox_claim → … send … → outbox_settle | _later | _park
 *
 * A claim is a session-level advisory lock on (target, study): it ends with the connection, so
 * a killed publisher leaves nothing behind, and marking never waits for a slow FHIR server. */
#ifndef ISTHMUS_STORE_OUTBOX_H
#define ISTHMUS_STORE_OUTBOX_H

#include "store/db.h"

#include <stdbool.h>
#include <stdint.h>

struct outbox_item {
    int target;
    int64_t study_key;
    int64_t generation;
    int attempts;    /* failed ones since the last change */
    char digest[33]; /* of the last accepted Bundle, hex, or "" */
    char form[8];    /* size form the target last accepted: full, series, study or "";
                             '<' before it: the target refused a larger one */
};

/* Make @name known with its delays; all studies become due for a new target. Targets not named
 * again stay (see target_forget). @ret is the target's number. */
int target_register(struct db *db, const char *name, const char *description, int quiet_period_s,
                    int longest_delay_s, int *ret);
/* @fingerprint of the settings that Bundles for @target are made with from now on. When it had
 * studies made with others, all become due, also parked ones. 1: that is so; 0. */
int target_configure(struct db *db, int target, const char *fingerprint);
/* Remove a target with its outbox and publish state. -ENOENT. */
int target_forget(struct db *db, const char *name);
/* The whole target rests until now + @seconds; @why is shown by status. */
int target_pause(struct db *db, int target, int seconds, const char *why);
/* It works again: the rest ends, also for the studies that were postponed. */
int target_resume(struct db *db, int target);

/* The next due study of @target, claimed; skips those claimed by others. 0; -ENOENT: nothing is
 * due, *ret_wait_ms says when something may be (at most 60,000; also while the target is paused).
 */
int outbox_claim(struct db *db, int target, struct outbox_item *ret, int *ret_wait_ms);

/* @item, which the target had before, is sent again, with other content and with our @own resources
 * in it. Should we die before it is settled, nobody knows what the target has: its digest is
 * forgotten. @ret (malloc'ed) is what it may have of ours: of earlier sendings and of this one. */
int outbox_begin(struct db *db, const struct outbox_item *item, const char *own, char **ret);

/* The target has accepted @item as it was at its generation: the row goes unless the study
 * changed meanwhile; digest, form and the addresses of our @own resources there are kept in
 * `published`. A row that is gone already (the
 * claim was lost on the way) comes back: which content reached the target last is not known. */
int outbox_settle(struct db *db, const struct outbox_item *item, const char *digest,
                  const char *form, const char *own);
/* A temporary failure: due again after @delay_ms. */
int outbox_later(struct db *db, const struct outbox_item *item, int64_t delay_ms, const char *why);
/* The target failed, and it is not known to be the study's fault: due again after @delay_ms, behind
 * those that are due before; no attempt counted. */
int outbox_postpone(struct db *db, const struct outbox_item *item, int64_t delay_ms,
                    const char *why);
/* Let go without a verdict: due as before, no attempt counted. */
int outbox_release(struct db *db, const struct outbox_item *item);
/* A permanent failure: parked with the server's words until the study changes or a person
 * replays it. @why may hold patient data: it stays in the database. */
int outbox_park(struct db *db, const struct outbox_item *item, const char *why);

#endif
