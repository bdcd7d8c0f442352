/* One transaction: patient, study, series, instance rows, counters and the outbox mark
 * (function isthmus.put_instance in sql/, one round trip). */
#ifndef ISTHMUS_STORE_INDEX_H
#define ISTHMUS_STORE_INDEX_H

#include "store/blob.h"
#include "store/db.h"
#include "store/index_row.h"
#include "store/instance.h"

#include <stdbool.h>

enum index_result {
    INDEX_STORED,    /* the row names this blob (also when the same blob was put before) */
    INDEX_DUPLICATE, /* same UIDs, same bytes, another blob: this blob is not needed */
    INDEX_REJECTED,  /* the same, and the instance is rejected; only index_put() says so */
    INDEX_CONFLICT,  /* the UID is taken by other bytes or another study/series: kept aside in
                        `conflict` with this blob, the first stays what queries show */
    INDEX_REPAIRED,  /* a duplicate, but the file of the one that is there is gone or damaged: its
                        row names this blob now */
};

/* What one process knows of the series it stored last, so that the next instance of it costs less.
 * Zero: nothing. It may be out of date. */
struct index_series {
    char *block; /* see index_row_pack() */
    const char *values[INDEX_PARAMETERS];
    char series_key[24];
    unsigned session;    /* the key is of, see db_session() */
    bool study_as_row;   /* its study attributes are those of the study row */
    uint64_t begun_blob; /* 0: none, see index_begin() */
};

void index_series_done(struct index_series *s);
/* It is about the series of @i. */
bool index_series_is(const struct index_series *s, const struct instance *i);

/* When this returns 0 the transaction is committed. -EAGAIN: it may or may not be; put it again
 * later, the same blob twice is harmless. Errors of db.h; any but -EAGAIN means that no row names
 * the blob. For a duplicate, *ret_old (may be NULL) is the blob that has the bytes. @series (may be
 * NULL) is kept up to date. */
int index_put(struct db *db, struct index_series *series, const struct instance *i,
              enum index_result *ret, uint64_t *ret_old);

/* Let the database execute the put of @i while its file is still being sealed. index_put() or
 * index_keep() with the same @series, called when it is, commits that; where nothing could be
 * begun, or it has another blob now, they do it all. @db serves nobody else until then, and a first
 * instance of a series lets others wait for the study: so only for a file that takes long. */
void index_begin(struct db *db, struct index_series *series, const struct instance *i);
/* The file could not be sealed: nothing is put. */
void index_cancel(struct db *db, struct index_series *series);

/* The same with the INDEX_PARAMETERS values of index_row.h. */
int index_put_values(struct db *db, const char *const *values, enum index_result *ret,
                     uint64_t *ret_old);

/* What put_instance() answered: "stored", "stored 5", "stored 5 own", "conflict", "duplicate 7" or
 * "rejected 7". */
enum index_result index_result_of(const char *word);

/* The same, and a duplicate is only called so when the file that is there still has the bytes: it
 * is read once. Otherwise INDEX_REPAIRED, and *ret_old is the blob that is of no use any more;
 * what is left of its file stays for people to look at. A duplicate that is rejected under none
 * but @restored_titles (enum rejection) is shown again. */
int index_keep(struct db *db, struct store *s, struct index_series *series,
               const struct instance *i, unsigned restored_titles, enum index_result *ret,
               uint64_t *ret_old);

/* The same for the file @blob that has no row yet, which is read again. Errors also of
 * instance_reread(). */
int index_keep_file(struct db *db, struct store *s, uint64_t blob, enum index_result *ret,
                    uint64_t *ret_old);

/* Are these bytes in the store already, with the same UIDs, behind a row and in a good file? Then
 * @ret is true, and putting them would only find a duplicate. Errors of db.h. */
int index_has(struct db *db, struct store *s, const struct instance *i, bool *ret);

#endif
