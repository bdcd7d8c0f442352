/* How long to wait before the next trial. Pure. */
#ifndef ISTHMUS_FHIR_BACKOFF_H
#define ISTHMUS_FHIR_BACKOFF_H

#include <stdint.h>

/* Milliseconds to wait after @failures failures in a row (1 …): @first_ms doubled each time up
 * to @max_ms, of which the upper half is drawn by lot (@lot: any 32 random bits), so that many
 * waiters do not come back at the same moment. Never less than @at_least_ms, which is what the
 * server asked for. */
int64_t backoff_ms(int failures, int64_t first_ms, int64_t max_ms, int64_t at_least_ms,
                   uint32_t lot);

/* 32 random bits for @lot. Not pure. */
uint32_t backoff_lot(void);

#endif
