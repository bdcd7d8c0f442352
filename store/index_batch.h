/* Many rows in one transaction and one round trip, for whoever has the files anyway and can do it
 * again.
 *
 *   index_batch_new → index_batch_add … → index_batch_flush → index_batch_free */
#ifndef ISTHMUS_STORE_INDEX_BATCH_H
#define ISTHMUS_STORE_INDEX_BATCH_H

#include "store/index.h"

#include <stddef.h>
#include <stdint.h>

struct index_batch;

/* What became of a row, in the order in which they were added. @error is 0, or -EINVAL: the
 * database refuses it, db_problem() says why. INDEX_DUPLICATE and INDEX_REJECTED: the file of the
 * row that is there was not looked at, see index_keep(). */
typedef void index_batch_told(void *context, uint64_t blob, enum index_result result, int error);

/* @db is borrowed. 0 or -ENOMEM. */
int index_batch_new(struct db *db, index_batch_told *told, void *context, struct index_batch **ret);

/* Add the row of @blob as index_row_pack() made it; it is copied. When there are enough, all are
 * put. -EBADMSG: it is none, nothing was added; else as index_batch_flush(). */
int index_batch_add(struct index_batch *b, uint64_t blob, const char *block, size_t n);

/* Put all of them in their order, all or none. Where the database refuses one, each is put in a
 * transaction of its own. 0; -EAGAIN: the database is away, any of them may be put or not, and not
 * all were told about; -ENOMEM. Afterwards there are none. */
int index_batch_flush(struct index_batch *b);

/* Rows that were not put are forgotten. NULL is fine. */
struct index_batch *index_batch_free(struct index_batch *b);

#endif
