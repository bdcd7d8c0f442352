/* What a query asks for: its level, and each attribute of the identifier with its key and where it
 * is found; checked against the information model (PS3.4 C.4.1.2, C.6, K.6.1). Of the worklist the
 * attributes of the item of Scheduled Procedure Step Sequence are fields like those beside the
 * sequence, of the level QUERY_STEP. Pure. */
#ifndef ISTHMUS_STORE_QUERY_PLAN_H
#define ISTHMUS_STORE_QUERY_PLAN_H

#include "store/query_columns.h"
#include "store/query_key.h"

struct field {
    struct column column;
    struct key key;
    const json_t *asked; /* in the identifier; NULL: returned without being asked for */
    bool returned;       /* false: a key of a level below, in relational queries */
    bool in_sql;         /* the key is a condition of the statement; else matched in C */
    struct field *time;  /* this date and that time are one range; the time is not matched alone */
    bool of_date;        /* this is such a time */
    bool if_any;         /* without a value it is left out of the answer */
    int cell;            /* column of the result; -1: none */
};

struct plan {
    enum query_level level;
    struct query_options options;
    json_t *identifier; /* owned */
    char *retrieve_ae_title;
    size_t n_fields;
    struct field *fields;
    bool steps;       /* Scheduled Procedure Step Sequence was asked for */
    bool unsupported; /* something was asked for that is not here */
};

/* 0, -ENOMEM, -EBADMSG with @ret_problem. @ret is to be freed with plan_done() in every case. */
int plan_make(const json_t *identifier, const struct query_options *options, struct plan *ret,
              struct query_problem *ret_problem);
void plan_done(struct plan *p);

#endif
