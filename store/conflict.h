/* What people decide about conflicts: two objects with one SOP Instance UID. */
#ifndef ISTHMUS_STORE_CONFLICT_H
#define ISTHMUS_STORE_CONFLICT_H

#include "store/blob.h"
#include "store/db.h"

/* The first instance stays; the newcomer is history. 0; -ENOENT: no such open conflict; errors of
 * db.h. @who and @why are kept; @why may be NULL. */
int conflict_keep(struct db *db, const char *key, const char *who, const char *why);

/* The newcomers take the place of the instances that are there, which become history with their
 * files. One transaction: rows, counters and roll-ups of the study that they leave and of those
 * that they go to are as if the replaced ones had never come, and both are published anew.
 * @keys is an array of conflicts of one study ("{7,8}"). 0; -ENOENT: one of them is not open;
 * -EXDEV: they are not of one study, or two are about one instance; -EIO: the file of a newcomer is
 * gone or damaged; errors of db.h, after which nothing has changed (-EAGAIN: or all of it has). */
int conflict_replace(struct db *db, struct store *s, const char *keys, const char *who,
                     const char *why);

#endif
