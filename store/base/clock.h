/* The clock for time limits and waits. */
#ifndef ISTHMUS_STORE_BASE_CLOCK_H
#define ISTHMUS_STORE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds of a clock that never jumps and says nothing about the time of day. */
static inline int64_t clock_ms(void)
{
    struct timespec t = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#endif
