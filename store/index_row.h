/* What isthmus.put_instance() in sql/ is called with, for one instance: text parameters, and the
 * same as one block of bytes for another process. */
#ifndef ISTHMUS_STORE_INDEX_ROW_H
#define ISTHMUS_STORE_INDEX_ROW_H

#include "store/instance.h"
#include "store/keys.h"

#include <stddef.h>

#define INDEX_PARAMETERS 37
#define INDEX_DIGEST_MAX 40
extern const char index_put_statement[];

struct index_row {
    const char *values[INDEX_PARAMETERS]; /* NULL: SQL NULL */

    /* What the values point to, beside the instance. */
    struct keys keys;
    char blob[24], size_bytes[24], digest[INDEX_DIGEST_MAX], flags[16];
    char *attributes[LEVEL_COUNT];
};

/* @i must live as long as @ret, which must be zero and is done with in every case. 0 or -ENOMEM. */
int index_row_fill(const struct instance *i, struct index_row *ret);
void index_row_done(struct index_row *r);

/* The row of @i as one block, see index_row_pack(). 0 or -ENOMEM. */
int index_row_pack_instance(const struct instance *i, char **ret, size_t *ret_n);

/* Values as one block, malloc'ed; and back: @ret points into the block. -EBADMSG: it is none. */
int index_row_pack(const char *const values[INDEX_PARAMETERS], char **ret, size_t *ret_n);
int index_row_unpack(const char *block, size_t n, const char *ret[INDEX_PARAMETERS]);

/* The digest as a bytea literal. */
void index_digest(const struct instance *i, char buffer[INDEX_DIGEST_MAX]);

#endif
