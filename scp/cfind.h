/* C-FIND (PS3.7 9.1.2, PS3.4 annex C): identifier → query → matches → answer. */
#ifndef ISTHMUS_SCP_CFIND_H
#define ISTHMUS_SCP_CFIND_H

#include "scp/session.h"

/* SOP Class Extended Negotiation of the FIND classes (PS3.4 C.5.1.1; K.5.1.1, where the first two
 * are always 1): positions in context.extended, each 1 when it was asked for and granted. */
enum cfind_extended {
    CFIND_RELATIONAL,
    CFIND_DATETIME,
    CFIND_FUZZY,
    CFIND_TIMEZONE,   /* not granted: most objects do not say their time zone */
    CFIND_CONVERSION, /* not granted */
    CFIND_EMPTY_VALUE,
    CFIND_MULTIPLE_VALUES,
    CFIND_EXTENDED_MAX
};

/* Is @sop_class_uid one of the Query/Retrieve FIND classes we answer, or Modality Worklist? */
bool cfind_is_query(const char *sop_class_uid);
bool cfind_is_worklist(const char *sop_class_uid);
/* What we grant of @n asked bytes: writes as many to @answer. */
void cfind_negotiate(const uint8_t *asked, size_t n, uint8_t *answer);

/* Read the identifier of @rq and answer it: pending responses as matches come, then the final
 * one. C-CANCEL, an abort or the peer's leaving end the statement. 0, or the error that ends the
 * association. */
int cfind_serve(struct session *s, uint8_t context_id, const struct command *rq);

#endif
