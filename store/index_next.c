#include "store/index_next.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Among the values of index_row.h. */
enum {
    SOP_INSTANCE_UID = 0,
    SOP_CLASS_UID = 1,
    STUDY_INSTANCE_UID = 2,
    SERIES_INSTANCE_UID = 3,
    TRANSFER_SYNTAX_UID = 4,
    CALLING_AE_TITLE = 5,
    BLOB = 6,
    SIZE_BYTES = 7,
    DIGEST = 8,
    FLAGS = 9,
    STUDY_DATE = 16,
    STUDY_TIME = 17,
    INSTANCE_NUMBER = 30,
    SOP_INSTANCE_STATUS = 31,
    STUDY_ATTRIBUTES = 33,
    ATTRIBUTES = 35,
    REFERENCES = 36,
};

/* What an instance may have of its own. Some scanners write the time of the image into the study,
 * which is as its first instance says. */
static const bool is_own[INDEX_PARAMETERS] = {
    [SOP_INSTANCE_UID] = true, [TRANSFER_SYNTAX_UID] = true,
    [CALLING_AE_TITLE] = true, [BLOB] = true,
    [SIZE_BYTES] = true,       [DIGEST] = true,
    [STUDY_DATE] = true,       [STUDY_TIME] = true,
    [INSTANCE_NUMBER] = true,  [SOP_INSTANCE_STATUS] = true,
    [STUDY_ATTRIBUTES] = true, [ATTRIBUTES] = true,
};

void index_series_done(struct index_series *s)
{
    free(s->block);
    *s = (struct index_series){.block = NULL};
}

static bool is_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool index_series_is(const struct index_series *s, const struct instance *i)
{
    return s->block && is_same(s->values[SERIES_INSTANCE_UID], i->series_instance_uid) &&
           is_same(s->values[STUDY_INSTANCE_UID], i->study_instance_uid);
}

bool index_series_matches(const struct index_series *s, const struct db *db,
                          const char *const *values)
{
    if (!s->block || s->session == 0 || s->session != db_session(db) || values[REFERENCES])
        return false;
    for (int i = 0; i < INDEX_PARAMETERS; i++)
        if (!is_own[i] && !is_same(s->values[i], values[i]))
            return false;
    return true;
}

const char index_next_statement[] =
    "select isthmus.put_next($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

void index_next_values(const struct index_series *s, const char *const *values,
                       const char *ret[INDEX_NEXT_PARAMETERS])
{
    const char *study = values[STUDY_ATTRIBUTES];
    bool as_row = s->study_as_row && is_same(study, s->values[STUDY_ATTRIBUTES]);
    const char *const own[INDEX_NEXT_PARAMETERS] = {s->series_key,
                                                    values[SOP_INSTANCE_UID],
                                                    values[SOP_CLASS_UID],
                                                    values[TRANSFER_SYNTAX_UID],
                                                    values[CALLING_AE_TITLE],
                                                    values[BLOB],
                                                    values[SIZE_BYTES],
                                                    values[DIGEST],
                                                    values[FLAGS],
                                                    values[INSTANCE_NUMBER],
                                                    values[SOP_INSTANCE_STATUS],
                                                    as_row ? NULL : study,
                                                    values[ATTRIBUTES]};

    memcpy(ret, own, sizeof own);
}

bool index_next_is_done(const char *word)
{
    return strcmp(word, "stored") == 0;
}

int index_put_next(struct db *db, const struct index_series *s, const char *const *values)
{
    const char *own[INDEX_NEXT_PARAMETERS];
    PGresult *result;
    int r;

    index_next_values(s, values, own);
    r = db_query(db, index_next_statement, INDEX_NEXT_PARAMETERS, own, &result);
    if (r < 0)
        return r;
    r = index_next_is_done(PQgetvalue(result, 0, 0)) ? 0 : -ENOENT;
    PQclear(result);
    return r;
}

void index_series_remember(struct index_series *s, const struct db *db, const char *word,
                           const char *const *values)
{
    struct index_series next = {.session = db_session(db)};
    size_t n;
    char own[4];
    int found;

    index_series_done(s);
    found = sscanf(word, "stored %23[0-9] %3s", next.series_key, own);
    if (values[REFERENCES] || found < 1 || index_row_pack(values, &next.block, &n) < 0)
        return;
    next.study_as_row = found == 1;
    if (index_row_unpack(next.block, n, next.values) == 0)
        *s = next;
    else
        free(next.block);
}
