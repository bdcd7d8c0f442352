#include "fhir/backoff.h"

#include <sys/random.h>

int64_t backoff_ms(int failures, int64_t first_ms, int64_t max_ms, int64_t at_least_ms,
                   uint32_t lot)
{
    int64_t wait_ms = first_ms < max_ms ? first_ms : max_ms, half_ms;

    while (failures-- > 1 && wait_ms < max_ms)
        wait_ms = wait_ms > max_ms / 2 ? max_ms : 2 * wait_ms;
    half_ms = wait_ms / 2;
    wait_ms = half_ms + (int64_t)((uint64_t)lot * (uint64_t)(wait_ms - half_ms) / UINT32_MAX);
    return wait_ms > at_least_ms ? wait_ms : at_least_ms;
}

uint32_t backoff_lot(void)
{
    uint32_t lot = 0;

    (void)!getrandom(&lot, sizeof lot, GRND_NONBLOCK);
    return lot;
}
