/* The sending processes: one or more for each target, started, watched and ended by the main
 * process, which itself sends nothing and holds no connection. */
#ifndef ISTHMUS_FHIR_SENDER_H
#define ISTHMUS_FHIR_SENDER_H

#include "store/base/conf.h"

#include <sys/types.h>

struct senders;

/* Start all senders that @c asks for; it must outlive them. */
struct senders *senders_start(const struct conf *c);

/* Child @pid ended with @status (waitpid). It is started again, after a while if it does not
 * live long. False: none of ours. */
bool senders_ended(struct senders *s, pid_t pid, int status);

/* Start those whose time has come; milliseconds until the next one's, or -1. */
int senders_tend(struct senders *s);

/* Ask all to end and wait; those that do not within @wait_ms are killed. Frees @s (may be
 * NULL) and returns NULL. */
struct senders *senders_stop(struct senders *s, int wait_ms);

#endif
