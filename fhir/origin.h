/* The way back of identifier.h and coding.h: URIs → issuers and coding schemes (mapping 2.5, 2.6).
 * Pure. */
#ifndef ISTHMUS_FHIR_ORIGIN_H
#define ISTHMUS_FHIR_ORIGIN_H

#include "fhir/mapping.h"

/* An HD: local, or universal with its type; all NULL: what issues @kind at this site. malloc'ed. */
struct origin {
    char *local, *universal;
    const char *type; /* static */
};

/* Who stands behind the @system (may be NULL) of an identifier of @kind. */
struct origin origin_of_system(const struct mapping *m, enum kind kind, const char *system);
void origin_done(struct origin *o);

/* Coding Scheme Designator of a code system, malloc'ed; NULL: none is known. */
char *origin_designator(const struct mapping *m, const char *system);

#endif
