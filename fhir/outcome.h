/* Reading OperationOutcome and the answer of a transaction. Pure. */
#ifndef ISTHMUS_FHIR_OUTCOME_H
#define ISTHMUS_FHIR_OUTCOME_H

#include <jansson.h>
#include <stdbool.h>

struct outcome {
    bool errors;    /* there are some, not only warnings */
    bool temporary; /* every error is one that may pass */
    bool multiple;  /* several resources match a condition: a person must merge them */
    char *codes;    /* "invalid, required": the issue codes, which may be logged; or NULL */
    char *words;    /* the server's own words; may hold patient data, never logged; or NULL */
};

/* Read @resource if it is an OperationOutcome (else, or NULL, all is empty). */
void outcome_read(const json_t *resource, struct outcome *ret);
void outcome_done(struct outcome *o);

#endif
