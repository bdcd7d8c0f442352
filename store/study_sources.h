/* Part of study.h: what the instances of a study were converted from. */
#ifndef ISTHMUS_STORE_STUDY_SOURCES_H
#define ISTHMUS_STORE_STUDY_SOURCES_H

#include "store/study.h"

/* The sources of the study with key $1: rows of instance and source, in the order in which
 * study.c reads the instances. */
extern const char study_select_sources[];

/* Give each instance of @s, still in that order, its share of @rows. 0 or -ENOMEM. */
int study_take_sources(struct study *s, const PGresult *rows);

void study_sources_done(struct study_instance *i);

#endif
