/* What would be sent, without sending it. */
#ifndef ISTHMUS_FHIR_SHOW_H
#define ISTHMUS_FHIR_SHOW_H

#include "store/base/conf.h"

/* Print the Bundle of study @study_instance_uid for @target (NULL: the first one) in @release
 * ("R5", "R4"; NULL: as configured, R5 when the server is to be asked). Returns an exit status;
 * what went wrong is told on standard error. */
int show_bundle(const struct conf *c, const char *study_instance_uid, const char *target,
                const char *release);

#endif
