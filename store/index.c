#include "store/index.h"
#include "store/base/cleanup.h"
#include "store/keys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define RACE_TRIES 5
#define PARAMETERS 37

static const char put_instance[] =
    "select isthmus.put_instance($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
    "$15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, "
    "$33, $34, $35, $36, $37)";

/* The values that are not text in struct instance. */
struct written {
    char blob[24], size_bytes[24], digest[40], flags[16];
    char *attributes[LEVEL_COUNT];
};

static void written_done(struct written *w)
{
    for (int level = 0; level < LEVEL_COUNT; level++)
        free(w->attributes[level]);
}

static int write_values(const struct instance *i, struct written *w)
{
    char *digest = w->digest;

    memset(w->attributes, 0, sizeof w->attributes);
    (void)snprintf(w->blob, sizeof w->blob, "%" PRIu64, i->blob_id);
    (void)snprintf(w->size_bytes, sizeof w->size_bytes, "%" PRIu64, i->size_bytes);
    (void)snprintf(w->flags, sizeof w->flags, "%u", i->flags);
    digest += sprintf(digest, "\\x");
    for (size_t n = 0; n < sizeof i->digest; n++)
        digest += sprintf(digest, "%02x", i->digest[n]);
    for (int level = 0; level < LEVEL_COUNT; level++) {
        w->attributes[level] = json_dumps(i->attributes[level], JSON_COMPACT);
        if (!w->attributes[level])
            return -ENOMEM;
    }
    return 0;
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

static int put_once(struct db *db, const struct instance *i, const struct keys *k,
                    const struct written *w, enum index_result *ret, uint64_t *ret_old)
{
    const char *const values[PARAMETERS] = {i->sop_instance_uid,
                                            i->sop_class_uid,
                                            i->study_instance_uid,
                                            i->series_instance_uid,
                                            i->transfer_syntax_uid,
                                            i->calling_ae_title,
                                            w->blob,
                                            w->size_bytes,
                                            w->digest,
                                            w->flags,
                                            k->issuer_of_patient_id,
                                            k->patient_id,
                                            k->patient_name,
                                            k->patient_name_folded,
                                            or_null(k->patient_birth_date),
                                            k->patient_sex,
                                            or_null(k->study_date),
                                            or_null(k->study_time),
                                            k->accession_number,
                                            k->study_id,
                                            k->study_description,
                                            k->study_description_folded,
                                            k->referring_physician_name,
                                            k->referring_physician_name_folded,
                                            k->modality,
                                            or_null(k->series_number),
                                            or_null(k->series_date),
                                            or_null(k->series_time),
                                            k->series_description,
                                            k->body_part_examined,
                                            or_null(k->instance_number),
                                            k->sop_instance_status,
                                            w->attributes[LEVEL_PATIENT],
                                            w->attributes[LEVEL_STUDY],
                                            w->attributes[LEVEL_SERIES],
                                            w->attributes[LEVEL_INSTANCE],
                                            i->references};
    PGresult *result;
    const char *word;
    int r = db_query(db, put_instance, PARAMETERS, values, &result);

    if (r < 0)
        return r;
    word = PQgetvalue(result, 0, 0);
    *ret = strcmp(word, "stored") == 0     ? INDEX_STORED
           : strcmp(word, "conflict") == 0 ? INDEX_CONFLICT
                                           : INDEX_DUPLICATE;
    if (*ret == INDEX_DUPLICATE && ret_old)
        (void)sscanf(word, "duplicate %" SCNu64, ret_old);
    PQclear(result);
    return 0;
}

/* A few milliseconds, different in each process, so that two that met do not meet again. */
static void pause_a_moment(int attempt)
{
    unsigned char random = 0;
    struct timespec pause = {0};

    (void)!getrandom(&random, sizeof random, 0);
    pause.tv_nsec = (long)random * (1 << attempt) * 4000;
    (void)nanosleep(&pause, NULL);
}

/* The connection died in mid-statement, which may have been committed. */
static bool is_ambiguous(struct db *db, int r)
{
    return r == -EAGAIN && !db_connection(db) && strncmp(db_problem(db), "cannot", 6) != 0;
}

/* Worth another try at once: a race with another association (class 40: serialization failure,
 * deadlock), or, the first time, a connection that died while it was idle. */
static bool try_again(struct db *db, int attempt)
{
    if (strncmp(db_problem(db), "40", 2) == 0)
        return attempt < RACE_TRIES;
    return attempt == 0 && is_ambiguous(db, -EAGAIN);
}

int index_put(struct db *db, const struct instance *i, enum index_result *ret, uint64_t *ret_old)
{
    struct keys keys;
    struct written written;
    int r = keys_take(i, &keys), w = write_values(i, &written);
    bool ambiguous = false;

    r = r < 0 ? r : w;
    for (int attempt = 0; r == 0; attempt++) {
        r = put_once(db, i, &keys, &written, ret, ret_old);
        ambiguous = ambiguous || is_ambiguous(db, r);
        if (r != -EAGAIN || !try_again(db, attempt))
            break;
        pause_a_moment(attempt);
        r = 0;
    }
    keys_done(&keys);
    written_done(&written);
    return r < 0 && ambiguous ? -EAGAIN : r;
}
