/* Read model: one study with its series and instances as publishing needs it. The order of
 * series and instances is the canonical one (Series/Instance Number, absent last; then UID
 * bytes), independent of the order of arrival. No image file is opened. */
#ifndef ISTHMUS_STORE_STUDY_H
#define ISTHMUS_STORE_STUDY_H

#include "store/db.h"
#include "store/instance.h"

#include <stdbool.h>
#include <stdint.h>

struct study_instance {
    char *sop_instance_uid, *sop_class_uid, *transfer_syntax_uid, *calling_ae_title;
    char *sop_instance_status; /* (0100,0410); NULL: not said */
    bool usable;               /* its UIDs are UIDs */
    bool available;            /* its file is there and good, as far as is known */
    bool authorized;           /* an original (OR): its content is here as AO or AC too */
    unsigned rejected;         /* enum rejection */
    char received_at[32];      /* RFC 3339, UTC */
    /* DICOM JSON of each level as this instance has it, after resolving what it shares with its
     * series and study; borrowed from the study, never NULL. */
    const json_t *attributes[LEVEL_COUNT];
    /* SOP Instance UIDs of what it says it was converted from (references.h), distinct, in order
     * of bytes; most instances have none. */
    char **sources;
    size_t n_sources;
};

struct study_series {
    char *series_instance_uid;
    size_t n_instances;
    struct study_instance *instances;
};

/* An order that the study was found to belong to. */
struct study_order {
    /* Where a server has it: base URL, "ServiceRequest/123", "Encounter/7"; NULL: none has. */
    char *source_url, *source_reference, *encounter_reference;
    char *accession_number;
    const json_t *attributes; /* DICOM JSON of all its levels; borrowed from the study */
};

struct study {
    int64_t key;
    char *study_instance_uid;
    bool patient_differs; /* within the images */
    char *order_state;    /* as in isthmus.order_match; NULL: nobody looked for its order */
    bool order_open;      /* the state waits for a person */
    /* A person named the request or the order: what the images say about it does not count. */
    bool request_replaced;
    bool request_withheld;            /* … or said that it is none that the index knows */
    const json_t *strange_accessions; /* array of texts: of orders of other patients; or NULL */
    size_t n_orders;
    struct study_order *orders;
    size_t n_series;
    struct study_series *series;
    json_t *documents; /* owns every attributes[] above */
};

/* Load by key; what a person corrected is in the place of what the instances say. 0, -ENOENT,
 * errors of db.h, or -EBADMSG: a document in the index cannot be read, now or later. All in one
 * snapshot. */
int study_load(struct db *db, int64_t key, struct study **ret);
int study_find(struct db *db, const char *study_instance_uid, int64_t *ret_key);
/* The study with the smallest key above @after; the largest key there is (0: none). 0, -ENOENT,
 * errors of db.h. */
int study_next(struct db *db, int64_t after, int64_t *ret_key);
int study_last(struct db *db, int64_t *ret_key);
struct study *study_free(struct study *s);

#endif
