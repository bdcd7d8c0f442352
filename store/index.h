/* One transaction: patient, study, series, instance rows, counters and the outbox mark
 * (function isthmus.put_instance in sql/, one round trip). */
#ifndef ISTHMUS_STORE_INDEX_H
#define ISTHMUS_STORE_INDEX_H

#include "store/db.h"
#include "store/instance.h"

enum index_result {
    INDEX_STORED,    /* the row names this blob (also when the same blob was put before) */
    INDEX_DUPLICATE, /* same UIDs, same bytes, another blob: this blob is not needed */
    INDEX_CONFLICT,  /* the UID is taken by other bytes or another study/series: kept aside in
                        `conflict` with this blob, the first stays what queries show */
};

/* When this returns 0 the transaction is committed. -EAGAIN: it may or may not be; put it again
 * later, the same blob twice is harmless. Errors of db.h. */
int index_put(struct db *db, const struct instance *i, enum index_result *ret);

#endif
