#include "store/conflict.h"

#include "store/base/cleanup.h"
#include "store/document.h"
#include "store/index.h"
#include "store/index_row.h"
#include "store/reread.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The columns of select_remaining. */
enum {
    SOP_INSTANCE,
    SOP_CLASS,
    STUDY,
    SERIES,
    TRANSFER_SYNTAX,
    CALLING_AE,
    BLOB,
    SIZE,
    DIGEST,
    FLAGS,
    ATTRIBUTES, /* … of enum level, in its order */
    REFERENCES = ATTRIBUTES + LEVEL_COUNT,
};

static const char select_remaining[] = "select * from isthmus.remaining($1, $2)";
static const char select_newcomers[] =
    "select blob, size_bytes, encode(digest, 'hex'), calling_ae_title from isthmus.conflict "
    "where conflict_key = any ($1::bigint[]) order by blob";

struct replacing {
    struct db *db;
    struct store *store;
    const char *keys, *who, *why;
    char study_key[24]; /* "" for none */
    PGresult *remaining, *newcomers;
    char *state; /* of take_out() */
};

static int ask(struct replacing *r, const char *sql, int n, const char *const *values, char **ret)
{
    PGresult *rows;
    int e = db_query(r->db, sql, n, values, &rows);

    if (e < 0)
        return e;
    *ret = strdup(PQgetvalue(rows, 0, 0));
    PQclear(rows);
    return *ret ? 0 : -ENOMEM;
}

static const char *study_or_null(const struct replacing *r)
{
    return *r->study_key ? r->study_key : NULL;
}

/* --- putting ------------------------------------------------------------------------------- */

/* In the transaction that is open; what is refused ends it. */
static int put(struct db *db, const struct instance *i)
{
    struct index_row row = {.values = {NULL}};
    PGresult *rows;
    int e = index_row_fill(i, &row);

    if (e == 0)
        e = db_query(db, index_put_statement, INDEX_PARAMETERS, row.values, &rows);
    index_row_done(&row);
    if (e < 0)
        return e;
    e = index_result_of(PQgetvalue(rows, 0, 0)) == INDEX_STORED ? 0 : -EINVAL;
    PQclear(rows);
    return e;
}

static void read_digest(const char *hex, uint8_t digest[16])
{
    for (int i = 0; i < 16; i++) {
        unsigned byte = 0;

        (void)sscanf(hex + 2 * (size_t)i, "%2x", &byte);
        digest[i] = (uint8_t)byte;
    }
}

static int copy_cell(const PGresult *rows, int row, int column, char **ret)
{
    *ret = PQgetisnull(rows, row, column) ? NULL : strdup(PQgetvalue(rows, row, column));
    return *ret || PQgetisnull(rows, row, column) ? 0 : -ENOMEM;
}

static int take_remaining(const PGresult *rows, int row, struct instance *i)
{
    char **const texts[] = {&i->sop_instance_uid,    &i->sop_class_uid,
                            &i->study_instance_uid,  &i->series_instance_uid,
                            &i->transfer_syntax_uid, &i->calling_ae_title};
    int e = copy_cell(rows, row, REFERENCES, &i->references);

    for (int column = SOP_INSTANCE; e == 0 && column <= CALLING_AE; column++)
        e = copy_cell(rows, row, column, texts[column]);
    for (int level = 0; e == 0 && level < LEVEL_COUNT; level++)
        e = document_parse(PQgetvalue(rows, row, ATTRIBUTES + level), &i->attributes[level]);
    i->blob_id = strtoull(PQgetvalue(rows, row, BLOB), NULL, 10);
    i->size_bytes = strtoull(PQgetvalue(rows, row, SIZE), NULL, 10);
    i->flags = (unsigned)strtoul(PQgetvalue(rows, row, FLAGS), NULL, 10);
    read_digest(PQgetvalue(rows, row, DIGEST), i->digest);
    return e;
}

static int put_remaining(struct replacing *r)
{
    int e = 0;

    for (int row = 0; e == 0 && row < PQntuples(r->remaining); row++) {
        _cleanup_(instance_done) struct instance i = {0};

        e = take_remaining(r->remaining, row, &i);
        if (e == 0)
            e = put(r->db, &i);
    }
    return e;
}

/* A newcomer is read from its file, as if it came now: its row has not all that it says. -EIO: the
 * file is not what its row says. */
static int read_newcomer(struct replacing *r, int row, struct instance *i)
{
    uint64_t blob = strtoull(PQgetvalue(r->newcomers, row, 0), NULL, 10);
    uint64_t size = strtoull(PQgetvalue(r->newcomers, row, 1), NULL, 10);
    _cleanup_close_ int fd = -1;
    uint8_t digest[16];
    int e = store_read(r->store, blob, &fd);

    if (e == 0)
        e = instance_reread(fd, i, NULL);
    if (e < 0)
        return e == -ENOMEM ? e : -EIO;
    read_digest(PQgetvalue(r->newcomers, row, 2), digest);
    if (size != i->size_bytes || memcmp(digest, i->digest, sizeof digest) != 0)
        return -EIO;
    i->blob_id = blob;
    free(i->calling_ae_title);
    return copy_cell(r->newcomers, row, 3, &i->calling_ae_title);
}

static int put_newcomers(struct replacing *r)
{
    int e = 0;

    for (int row = 0; e == 0 && row < PQntuples(r->newcomers); row++) {
        _cleanup_(instance_done) struct instance i = {0};

        e = read_newcomer(r, row, &i);
        if (e == 0)
            e = put(r->db, &i);
    }
    return e;
}

/* --- patients ------------------------------------------------------------------------------ */

/* Show what @document says, unless that is another patient: a study may have come to this row by a
 * later instance only. */
static int update_patient(struct db *db, const char *key, const char *patient_id,
                          const char *document)
{
    static const char update[] =
        "update isthmus.patient set patient_name = $2, patient_name_folded = $3, "
        "patient_birth_date = $4, patient_sex = $5, attributes = $6 where patient_key = $1";
    _cleanup_(instance_done) struct instance i = {0};
    struct keys k;
    int e = document_parse(document, &i.attributes[LEVEL_PATIENT]);

    for (int level = LEVEL_PATIENT + 1; level < LEVEL_COUNT; level++)
        i.attributes[level] = json_object();
    if (e < 0)
        return e;
    e = keys_take(&i, &k);
    if (e == 0 && strcmp(k.patient_id ? k.patient_id : "", patient_id) == 0) {
        const char *const values[] = {key,
                                      k.patient_name,
                                      k.patient_name_folded,
                                      *k.patient_birth_date ? k.patient_birth_date : NULL,
                                      k.patient_sex,
                                      document};

        e = db_query(db, update, 6, values, NULL);
    }
    keys_done(&k);
    return e;
}

static int refresh_patient(struct db *db, const char *key)
{
    PGresult *rows;
    int e = db_query(db,
                     "select patient_id, isthmus.patient_source(patient_key) from isthmus.patient "
                     "where patient_key = $1 for no key update",
                     1, &key, &rows);

    if (e < 0)
        return e;
    if (PQntuples(rows) == 1 && !PQgetisnull(rows, 0, 1))
        e = update_patient(db, key, PQgetvalue(rows, 0, 0), PQgetvalue(rows, 0, 1));
    PQclear(rows);
    return e;
}

static int end_replace(struct replacing *r)
{
    const char *const values[] = {r->keys, study_or_null(r), r->state};
    PGresult *rows;
    int e = db_query(r->db, "select patient_key from isthmus.end_replace($1, $2, $3) order by 1", 3,
                     values, &rows);

    if (e < 0)
        return e;
    for (int row = 0; e == 0 && row < PQntuples(rows); row++)
        e = refresh_patient(r->db, PQgetvalue(rows, row, 0));
    PQclear(rows);
    return e;
}

/* --- the whole ----------------------------------------------------------------------------- */

static int load(struct replacing *r)
{
    _cleanup_free_ char *study_key = NULL;
    int e = ask(r, "select study_key from isthmus.begin_replace($1)", 1, &r->keys, &study_key);

    if (e < 0)
        return e;
    (void)snprintf(r->study_key, sizeof r->study_key, "%s", study_key);
    const char *const values[] = {r->keys, study_or_null(r)};
    e = db_query(r->db, select_remaining, 2, values, &r->remaining);
    return e < 0 ? e : db_query(r->db, select_newcomers, 1, values, &r->newcomers);
}

static int replace(struct replacing *r)
{
    const char *values[] = {r->keys, NULL, r->who, r->why};
    int e = load(r);

    values[1] = study_or_null(r);
    if (e == 0)
        e = ask(r, "select isthmus.take_out($1, $2, $3, $4)", 4, values, &r->state);
    if (e == 0)
        e = put_remaining(r);
    if (e == 0)
        e = put_newcomers(r);
    return e < 0 ? e : end_replace(r);
}

static int translate(const struct db *db, int e)
{
    if (e == -EINVAL && strcmp(db_problem(db), "IS002") == 0)
        return -ENOENT;
    return e == -EINVAL && strcmp(db_problem(db), "IS003") == 0 ? -EXDEV : e;
}

int conflict_replace(struct db *db, struct store *s, const char *keys, const char *who,
                     const char *why)
{
    struct replacing r = {.db = db, .store = s, .keys = keys, .who = who, .why = why};
    int e = db_script(db, "begin");

    if (e == 0)
        e = replace(&r);
    e = e < 0 ? translate(db, e) : db_commit(db);
    if (e < 0)
        db_disconnect(db); /* rolls back, whatever state it is in */
    PQclear(r.remaining);
    PQclear(r.newcomers);
    free(r.state);
    return e;
}

int conflict_keep(struct db *db, const char *key, const char *who, const char *why)
{
    const char *const values[] = {key, who, why};
    PGresult *rows;
    int e = db_query(db, "select isthmus.keep_conflict($1, $2, $3)", 3, values, &rows);

    if (e < 0)
        return e;
    e = *PQgetvalue(rows, 0, 0) == 't' ? 0 : -ENOENT;
    PQclear(rows);
    return e;
}
