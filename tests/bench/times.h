/* What the measuring programs share: a clock, and sorting what it said. */
#ifndef ISTHMUS_TESTS_BENCH_TIMES_H
#define ISTHMUS_TESTS_BENCH_TIMES_H

#include <time.h>

/* Milliseconds, with their fractions, of a clock that never jumps. */
static inline double now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* For qsort(): doubles, the smallest first. */
static inline int compare_times(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

#endif
