/* What can be asked for: typed columns of the index, attributes in the DICOM JSON of each level,
 * and what is computed. Pure. */
#ifndef ISTHMUS_STORE_QUERY_COLUMNS_H
#define ISTHMUS_STORE_QUERY_COLUMNS_H

#include "store/query.h"

#include <stdbool.h>
#include <stdint.h>

/* Tables in SQL: p patient, t study, s series, i instance; o worklist_order, w worklist_step. */
enum column_kind {
    COLUMN_DOCUMENT, /* DICOM JSON of the level, matched in C */
    COLUMN_TEXT,
    COLUMN_NAME, /* with a folded column beside it */
    COLUMN_DATE,
    COLUMN_TIME,
    COLUMN_INTEGER,
    COLUMN_ARRAY,    /* text[] */
    COLUMN_VALUES,   /* text: the "Value" of DICOM JSON */
    COLUMN_STATE,    /* Instance Availability of the level, matched in C */
    COLUMN_CONSTANT, /* not in the database, matched in C */
};

#define INSTANCES_OF_STUDY(table)                                                                  \
    "(select n.number_of_study_related_instances from isthmus.study_count n "                      \
    "where n.study_key = " table ".study_key)"
#define INSTANCES_OF_SERIES(table)                                                                 \
    "(select n.number_of_series_related_instances from isthmus.series_count n "                    \
    "where n.series_key = " table ".series_key)"

/* What is shown to the one who asks (hidden of struct query_options, the first parameter). Rows
 * that say 0 need not be looked behind. */
#define SHOWN_INSTANCE(table) "(" table ".rejected = 0 or " table ".rejected & $1::integer = 0)"
#define SHOWN_SERIES(table)                                                                        \
    "(" table ".rejected_instances = 0 or "                                                        \
    "exists (select from isthmus.instance zz where zz.series_key = " table ".series_key "          \
    "and " SHOWN_INSTANCE("zz") "))"
#define SHOWN_STUDY(table)                                                                         \
    table ".number_of_study_related_series > 0 and (" table ".rejected_instances = 0 or "          \
          "exists (select from isthmus.series yy join isthmus.instance zz using (series_key) "     \
          "where yy.study_key = " table ".study_key and " SHOWN_INSTANCE("zz") "))"

struct column {
    uint32_t tag;
    const char *vr, *keyword;
    enum query_level level; /* of the attribute; of COLUMN_STATE and _CONSTANT: QUERY_PATIENT */
    enum column_kind kind;
    const char *sql; /* an expression; of COLUMN_NAME the folded column is this with _folded; of
                        COLUMN_CONSTANT its text, if that is always the same */
    bool computed;   /* of several rows or not of the data sets */
};

#define TAG_CHARACTER_SET 0x00080005u
#define TAG_LEVEL 0x00080052u
#define TAG_RETRIEVE_AE_TITLE 0x00080054u
#define TAG_TIMEZONE_OFFSET 0x00080201u
#define TAG_PATIENT_NAME 0x00100010u
#define TAG_PATIENT_ID 0x00100020u
#define TAG_STUDY_UID 0x0020000Du
#define TAG_SERIES_UID 0x0020000Eu
#define TAG_INSTANCE_UID 0x00080018u
#define TAG_STEPS 0x00400100u
#define TAG_STATION 0x00400001u
#define TAG_PERTINENT_DOCUMENTS 0x00380100u

/* false: not an attribute of the index. */
bool column_find(uint32_t tag, struct column *ret);

/* The same for the worklist at QUERY_ORDER or QUERY_STEP. In query_worklist.c. */
bool worklist_column_find(uint32_t tag, enum query_level level, struct column *ret);
/* All of them, by index, those of the order first; false past the end. @ret_required: a return key
 * of type 1, 1C, 2 or 2C (table K.6-1). */
bool worklist_column(size_t index, struct column *ret, bool *ret_required);

/* The unique key of a level (PS3.4 C.6). */
uint32_t column_unique_key(enum query_level level);

/* "PATIENT", "STUDY", "SERIES", "IMAGE". */
const char *column_level_name(enum query_level level);

/* The time that belongs to a date for combined matching; 0: none. */
uint32_t column_time_of(uint32_t date_tag);

#endif
