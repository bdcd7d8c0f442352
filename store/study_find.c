/* The keys of studies, for study_load(). */
#include "store/study.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The number in the only cell of the only row. */
static int find_key(struct db *db, const char *sql, int n, const char *value, int64_t *ret_key)
{
    PGresult *rows;
    int r = db_query(db, sql, n, &value, &rows);

    if (r < 0)
        return r;
    if (PQntuples(rows) == 0)
        r = -ENOENT;
    else
        *ret_key = strtoll(PQgetvalue(rows, 0, 0), NULL, 10);
    PQclear(rows);
    return r;
}

int study_find(struct db *db, const char *study_instance_uid, int64_t *ret_key)
{
    return find_key(db, "select study_key from isthmus.study where study_instance_uid = $1", 1,
                    study_instance_uid, ret_key);
}

int study_next(struct db *db, int64_t after, int64_t *ret_key)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRId64, after);
    return find_key(db,
                    "select study_key from isthmus.study where study_key > $1 "
                    "order by study_key limit 1",
                    1, text, ret_key);
}

int study_last(struct db *db, int64_t *ret_key)
{
    return find_key(db, "select coalesce(max(study_key), 0) from isthmus.study", 0, NULL, ret_key);
}
