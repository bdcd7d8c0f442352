/* Part of study.c: what the index knows about the orders of a study. */
#ifndef ISTHMUS_STORE_STUDY_ORDER_H
#define ISTHMUS_STORE_STUDY_ORDER_H

#include "store/study.h"

/* Fill what @ret says about orders, in the caller's transaction; @ret->documents is there already.
 * 0, errors of db.h, or -EBADMSG: an order's document cannot be read. */
int study_load_orders(struct db *db, int64_t key, struct study *ret);
/* Free it again. */
void study_free_orders(struct study *s);

#endif
