#include "store/base/cleanup.h"
#include "store/fixity.h"
#include "store/index.h"
#include "store/index_row.h"
#include "store/reread.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

static const char select_same[] =
    "select i.blob from isthmus.instance i left join isthmus.series s using (series_key) "
    "left join isthmus.study t on t.study_key = s.study_key "
    "where i.sop_instance_uid = $1 and i.size_bytes = $2 and i.digest = $3 "
    "and t.study_instance_uid is not distinct from $4 "
    "and s.series_instance_uid is not distinct from $5 union all "
    "select blob from isthmus.conflict where sop_instance_uid = $1 and size_bytes = $2 "
    "and digest = $3 and study_instance_uid is not distinct from $4 "
    "and series_instance_uid is not distinct from $5 limit 1";

int index_has(struct db *db, struct store *s, const struct instance *i, bool *ret)
{
    char size[24], digest[INDEX_DIGEST_MAX];
    const char *const values[] = {i->sop_instance_uid, size, digest, i->study_instance_uid,
                                  i->series_instance_uid};
    PGresult *rows;
    int r;

    (void)snprintf(size, sizeof size, "%" PRIu64, i->size_bytes);
    index_digest(i, digest);
    r = db_query(db, select_same, 5, values, &rows);
    if (r < 0)
        return r;
    *ret = PQntuples(rows) > 0 && file_has(s, strtoull(PQgetvalue(rows, 0, 0), NULL, 10), i);
    PQclear(rows);
    return 0;
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

/* A rejected instance was sent again. */
static int restore(struct db *db, const struct instance *i, unsigned titles)
{
    char text[16];
    const char *const values[] = {i->sop_instance_uid, text};

    (void)snprintf(text, sizeof text, "%u", titles);
    return db_query(db, "select isthmus.restore_instance($1, $2)", 2, values, NULL);
}

int index_keep(struct db *db, struct store *s, struct index_series *series,
               const struct instance *i, unsigned restored_titles, enum index_result *ret,
               uint64_t *ret_old)
{
    for (int attempt = 0; attempt < TRIES; attempt++) {
        enum index_result result;
        bool replaced = false;
        int r = index_put(db, series, i, &result, ret_old);

        if (r == 0 && result == INDEX_REJECTED) {
            result = INDEX_DUPLICATE;
            r = restored_titles ? restore(db, i, restored_titles) : 0;
        }
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
            (void)store_set_aside(s, *ret_old); /* if it cannot be, verify names it */
            *ret = INDEX_REPAIRED;
            return 0;
        }
    }
    return -EAGAIN;
}

int index_keep_file(struct db *db, struct store *s, uint64_t blob, enum index_result *ret,
                    uint64_t *ret_old)
{
    _cleanup_(instance_done) struct instance i = {.blob_id = blob};
    _cleanup_close_ int fd = -1;
    int r = store_read(s, blob, &fd);

    if (r == 0)
        r = instance_reread_sealed(fd, &i, NULL);
    return r < 0 ? r : index_keep(db, s, NULL, &i, 0, ret, ret_old);
}
