/* What the parts of `isthmus worklist` share. */
#ifndef ISTHMUS_STORE_TOOL_WORKLIST_H
#define ISTHMUS_STORE_TOOL_WORKLIST_H

#include "store/tool.h"

struct worklist_request {
    const char *order; /* as given: order number, accession number, UID …; NULL: none */
    const char *path;  /* FILE, DIR or - */
    const char *date, *station, *modality, *patient, *accession, *status, *step, *directory;
    const char *aet, *charset; /* of the modality that does not see an order */
    char order_key[24];        /* of @order, once it is found */
};

/* Each returns an exit status. */
int tool_worklist_import(const struct tool *t, const struct worklist_request *q);
int tool_worklist_export(const struct tool *t, const struct worklist_request *q);
int tool_worklist_why(const struct tool *t, const struct worklist_request *q);

/* Today as YYYYMMDD, in a buffer that is used again. */
const char *tool_worklist_today(void);

/* The condition on isthmus.worklist w with the filters of a request as $1 … $6, and its values. */
#define WORKLIST_FILTERS 6
#define WORKLIST_CONDITION                                                                         \
    "($1::text is null or w.start_date between to_date(split_part($1, '-', 1), 'YYYYMMDD') and "   \
    " to_date(coalesce(nullif(split_part($1, '-', 2), ''), $1), 'YYYYMMDD')) "                     \
    "and ($2::text is null or $2 = any (w.scheduled_station_ae_titles)) "                          \
    "and ($3::text is null or w.modality = $3) "                                                   \
    "and ($4::text is null or w.patient_id = $4) "                                                 \
    "and ($5::text is null or w.accession_number = $5) "                                           \
    "and ($6::text is null or upper($6) = w.step_status or lower($6) = w.order_status) "
void tool_worklist_filters(const struct worklist_request *q, const char *values[WORKLIST_FILTERS]);

#endif
