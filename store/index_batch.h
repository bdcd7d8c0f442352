/* Many rows in one transaction and one round trip, for whoever has the files anyway and can do it
 * again. */
#ifndef ISTHMUS_STORE_INDEX_BATCH_H
#define ISTHMUS_STORE_INDEX_BATCH_H

#include "store/index.h"
#include "store/index_row.h"

struct index_batch_row {
    const char *values[INDEX_PARAMETERS];
    enum index_result result;
    int error; /* 0, or why this one has no row: -EINVAL */
};

/* Put all of them in their order. What the database refuses is put once more in a transaction of
 * its own and has its error. 0; -EAGAIN: the database is away, any of them may be put or not;
 * -ENOMEM. */
int index_put_batch(struct db *db, struct index_batch_row *rows, size_t n);

#endif
