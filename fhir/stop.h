/* Being asked to end, in a sending process: SIGTERM, noticed while waiting and while a request
 * is under way. State of the process. */
#ifndef ISTHMUS_FHIR_STOP_H
#define ISTHMUS_FHIR_STOP_H

#include <stdbool.h>

#define STOP_GRACE_MS 5000 /* for the request under way, before it is abandoned */

/* From now on SIGTERM is taken here. 0 or negative errno. */
int stop_begin(void);

bool stop_requested(void);
/* The grace after the request is over. */
bool stop_overdue(void);
/* Wait @wait_ms, or until asked to end: then true. */
bool stop_wait(int wait_ms);

#endif
