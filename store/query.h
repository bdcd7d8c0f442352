/* C-FIND keys → SQL → matches (PS3.4 sections C.2.2.2 and K.2.2.2). One query at a time on a
 * connection.
 *
 *   query_begin → query_next … → query_end
 *
 * Keys on typed columns become conditions with bound parameters; all other keys (attributes kept
 * as DICOM JSON, sequences) are matched here in C on each row as it comes. Rows are streamed
 * (single-row mode): memory does not depend on their number. */
#ifndef ISTHMUS_STORE_QUERY_H
#define ISTHMUS_STORE_QUERY_H

#include "store/db.h"
#include "store/worklist_view.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* The levels of the composite objects, and those of the worklist: the order (requested procedure,
 * service request, visit and patient) and the item of Scheduled Procedure Step Sequence. */
enum query_level {
    QUERY_PATIENT,
    QUERY_STUDY,
    QUERY_SERIES,
    QUERY_IMAGE,
    QUERY_ORDER,
    QUERY_STEP,
    QUERY_LEVELS
};
enum query_root { QUERY_PATIENT_ROOT, QUERY_STUDY_ROOT, QUERY_PATIENT_STUDY_ONLY, QUERY_WORKLIST };

struct query_options {
    enum query_root root;
    bool relational;               /* negotiated, or tolerated: unique keys above may be missing */
    bool combined_datetime;        /* negotiated: Study Date and Time ranges are one range */
    bool fuzzy_names;              /* negotiated: PN matches by words in any order, by prefix */
    bool empty_value;              /* negotiated: "" (two quotes) matches absent values */
    bool stored_charset;           /* answers have the (0008,0005) that their study came with */
    const char *retrieve_ae_title; /* returned as (0008,0054) */
    unsigned limit;                /* matches after which the query ends; 0: none */
    const struct worklist_view *view; /* of QUERY_WORKLIST: what the caller may see; lives as long
                                         as the query */
    unsigned hidden;                  /* instances that are not shown, see rejection_hidden() */
};

struct query_problem {
    uint16_t status; /* A900H identifier does not match SOP class, C000H unable to process … */
    uint32_t offending_tag; /* group << 16 | element; 0: none */
    char comment[65];       /* for the Error Comment; never a value */
};

struct query;

/* Check @identifier (of identifier_parse()) and start. 0; -EBADMSG: @ret_problem is filled;
 * -ETIMEDOUT: somebody kept a table locked for too long; errors of db.h. @db must stay untouched
 * until query_end(). */
int query_begin(struct db *db, const json_t *identifier, const struct query_options *options,
                struct query **ret, struct query_problem *ret_problem);

/* Some keys are unsupported: matches are answered FF01H instead of FF00H. */
bool query_has_unsupported(const struct query *q);

/* The next match: exactly the attributes that were asked for and are supported, those without a
 * value empty; of studies with Query/Retrieve Level and the unique key of the level. The caller's.
 * 0; -ENOENT: no more; -ENOBUFS: the limit was reached and there are more; -ETIMEDOUT: the
 * statement ran too long; errors of db.h. */
int query_next(struct query *q, json_t **ret);

/* Readable when query_next() would not block, to be waited for together with the peer's socket.
 * -1: not waiting for the database. */
int query_fd(const struct query *q);
/* A match is there (or the end) without waiting. To be asked again after a second at the latest: so
 * a database that does not answer is noticed, and the end is -EAGAIN. */
bool query_ready(struct query *q);

/* Stop: the statement is cancelled on the server if it still runs (PQcancel). Returns NULL. */
struct query *query_end(struct query *q);

/* The attributes that can be matched and returned, for documentation and its test: those of the
 * composite objects in tag order, then the worklist's; false past the end. */
struct query_attribute {
    uint32_t tag;
    const char *keyword;
    char vr[3];
    enum query_level level; /* of the attribute itself */
    bool matched, returned;
    const char *how; /* "column", "attributes", "computed" */
};
bool query_attribute(unsigned index, struct query_attribute *ret);

#endif
