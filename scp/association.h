/* One association from A-ASSOCIATE-RQ to its end: who may call, which contexts, then a loop
 * over DIMSE commands. */
#ifndef ISTHMUS_SCP_ASSOCIATION_H
#define ISTHMUS_SCP_ASSOCIATION_H

#include "scp/session.h"

/* Serve the connected socket @fd (closed at the end); @number names it in the log. @s has
 * settings, store and db; the rest is reset here. Never fails: it logs. */
void association_serve(struct session *s, int fd, uint64_t number);

#endif
