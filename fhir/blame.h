/* Who is to blame for a failure that a server or a study can be the cause of: what one process
 * remembers of the studies that failed. Pure. */
#ifndef ISTHMUS_FHIR_BLAME_H
#define ISTHMUS_FHIR_BLAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLAME_STUDIES 32

/* All zero: nothing has happened yet. */
struct blame {
    uint64_t successes;
    struct {
        int64_t study; /* 0: none */
        uint64_t successes;
    } failed[BLAME_STUDIES]; /* the latest, and how many successes there were before */
    size_t next;
    int64_t suspect; /* the latest study of those in a row */
    int suspects;
};

/* The target has taken @study. */
void blame_success(struct blame *b, int64_t study);

/* The target has failed at @study in a way that speaks for the target. Whether it is the study's
 * nevertheless: it failed so before, and others were taken since. */
bool blame_is_study(struct blame *b, int64_t study);

/* @study failed, and it may be the study's or the target's fault. How many different studies did
 * so in a row, without a success between them. */
int blame_suspect(struct blame *b, int64_t study);

/* The row ends: the target answers, or it rests. */
void blame_end_row(struct blame *b);

#endif
