#include "store/fixity.h"
#include "store/index.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TRIES 5 /* while others repair the same instance */

/* Is the data set of @i in the file of @blob? What cannot be read has it not. */
static bool file_has(struct store *s, uint64_t blob, const struct instance *i)
{
    struct fixity_row row = {.blob = blob,
                             .size_bytes = i->size_bytes,
                             .sop_class_uid = i->sop_class_uid,
                             .sop_instance_uid = i->sop_instance_uid};

    memcpy(row.digest, i->digest, sizeof row.digest);
    return fixity_check(s, &row, NULL, NULL) == FIXITY_GOOD;
}

static int replace(struct db *db, const struct instance *i, uint64_t old, bool *ret_replaced)
{
    char old_text[24], blob[24];
    const char *const values[] = {i->sop_instance_uid, old_text, blob, i->transfer_syntax_uid};
    PGresult *result;
    int r;

    (void)snprintf(old_text, sizeof old_text, "%" PRIu64, old);
    (void)snprintf(blob, sizeof blob, "%" PRIu64, i->blob_id);
    r = db_query(db, "select isthmus.replace_blob($1, $2, $3, $4)", 4, values, &result);
    if (r < 0)
        return r;
    *ret_replaced = *PQgetvalue(result, 0, 0) == 't';
    PQclear(result);
    return 0;
}

int index_keep(struct db *db, struct store *s, const struct instance *i, enum index_result *ret,
               uint64_t *ret_old)
{
    for (int attempt = 0; attempt < TRIES; attempt++) {
        enum index_result result;
        bool replaced = false;
        int r = index_put(db, i, &result, ret_old);

        if (r < 0)
            return r;
        if (result != INDEX_DUPLICATE || file_has(s, *ret_old, i)) {
            *ret = result;
            return 0;
        }
        r = replace(db, i, *ret_old, &replaced);
        if (r < 0)
            return r;
        if (replaced) {
            *ret = INDEX_REPAIRED;
            return 0;
        }
    }
    return -EAGAIN;
}
