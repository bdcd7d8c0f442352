/* isthmus reconcile: what its parts share. */
#ifndef ISTHMUS_STORE_TOOL_RECONCILE_H
#define ISTHMUS_STORE_TOOL_RECONCILE_H

#include "store/tool.h"

/* What a person said about a study, as given; NULL: nothing. */
struct decision {
    const char *why;
    const char *order; /* key, or "ServiceRequest/123" */
    const char *accession, *accession_issuer;
    const char *patient_id, *patient_issuer, *patient_name, *birth_date, *sex;
    const char *state; /* list: only these */
    const char *limit; /* list: how many */
    bool all;          /* list: also what needs nobody */
    char study_key[24];
};

/* Say what becomes of a study by an SQL function that takes study, who and why as its first
 * parameter and its last two; @values has room for those. The new state is printed. TOOL_FINE …
 * after saying why not. */
int reconcile_decide(const struct tool *t, const struct decision *d, const char *sql, int n,
                     const char **values);

/* reconcile correct. TOOL_FINE … after saying why not. */
int reconcile_correct(const struct tool *t, const struct decision *d);

#endif
