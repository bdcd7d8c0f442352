#include "fhir/backoff.h"

#include <criterion/criterion.h>

Test(backoff, doubles_up_to_its_longest)
{
    static const struct {
        int failures;
        int64_t at_least_ms, least, most; /* by lot */
    } rows[] = {
        {0, 0, 500, 1000},        {1, 0, 500, 1000},          {2, 0, 1000, 2000},
        {3, 0, 2000, 4000},       {6, 0, 16000, 32000},       {7, 0, 30000, 60000},
        {100, 0, 30000, 60000},   {1000000, 0, 30000, 60000}, {1, 17000, 17000, 17000},
        {1, 90000, 90000, 90000},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_eq(backoff_ms(rows[i].failures, 1000, 60000, rows[i].at_least_ms, 0),
                     rows[i].least, "row %zu", i);
        cr_assert_eq(backoff_ms(rows[i].failures, 1000, 60000, rows[i].at_least_ms, UINT32_MAX),
                     rows[i].most, "row %zu", i);
    }
}

Test(backoff, a_longest_below_the_first_holds)
{
    cr_assert_eq(backoff_ms(1, 5000, 1000, 0, UINT32_MAX), 1000);
}
