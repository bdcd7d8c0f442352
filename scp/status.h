/* The only table: our findings → DIMSE status with a comment for the person at the modality
 * (PS3.7 annex C, PS3.4 B.2.3). */
#ifndef ISTHMUS_SCP_STATUS_H
#define ISTHMUS_SCP_STATUS_H

#include "scp/command.h"

#define STATUS_SUCCESS 0x0000

/* What may keep an instance from being stored, apart from the errors of store/. */
enum status_finding {
    STATUS_NO_SOP_INSTANCE_UID = 1,
    STATUS_NO_SOP_CLASS_UID,
    STATUS_NO_STUDY_UID,  /* has a series but no study */
    STATUS_NO_SERIES_UID, /* has a study but no series */
    STATUS_UID_TOO_LONG,
    STATUS_SOP_INSTANCE_DIFFERS, /* command and data set disagree */
    STATUS_SOP_CLASS_DIFFERS,
    STATUS_NO_DATA_SET,
    STATUS_WRONG_SERVICE, /* an operation that this context was not negotiated for */
};

/* For a positive status_finding, or 0 or a negative errno of store/ (-ENOSPC, -EAGAIN, -EIO,
 * -EBADMSG, …). @problem: a phrase of header_problem() for -EBADMSG, or NULL. The comment lives
 * until the next call. */
struct command_response status_of(int finding, const char *problem);

#endif
