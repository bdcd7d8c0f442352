/* What every child process begins with. */
#ifndef ISTHMUS_SCP_CHILD_H
#define ISTHMUS_SCP_CHILD_H

#include <signal.h>

/* SIGTERM came: finish what is in hand and end. */
extern volatile sig_atomic_t child_stopping;

/* Signals, name in ps(1), death with the parent, no new privileges. */
void child_begin(const char *name);

#endif
