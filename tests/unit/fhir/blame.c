#include "fhir/blame.h"

#include <criterion/criterion.h>

Test(blame, a_study_is_to_blame_when_others_were_taken_since_it_failed)
{
    struct blame b = {0};

    cr_assert(!blame_is_study(&b, 1));
    cr_assert(!blame_is_study(&b, 1), "nothing was taken since");
    blame_success(&b, 2);
    cr_assert(!blame_is_study(&b, 3), "it is the first time");
    cr_assert(blame_is_study(&b, 1));
    cr_assert(!blame_is_study(&b, 1), "nothing was taken since the last time");
}

Test(blame, a_study_that_was_taken_is_clean)
{
    struct blame b = {0};

    (void)blame_is_study(&b, 1);
    blame_success(&b, 1);
    cr_assert(!blame_is_study(&b, 1));
}

Test(blame, only_the_latest_failures_are_remembered)
{
    struct blame b = {0};

    for (int64_t study = 1; study <= BLAME_STUDIES + 1; study++)
        (void)blame_is_study(&b, study);
    blame_success(&b, 99);
    cr_assert(blame_is_study(&b, BLAME_STUDIES + 1));
    cr_assert(!blame_is_study(&b, 1));
}

Test(blame, one_study_that_fails_often_is_one_suspect)
{
    struct blame b = {0};

    cr_assert_eq(blame_suspect(&b, 1), 1);
    cr_assert_eq(blame_suspect(&b, 1), 1);
    cr_assert_eq(blame_suspect(&b, 2), 2);
    cr_assert_eq(blame_suspect(&b, 3), 3);
    blame_success(&b, 4);
    cr_assert_eq(blame_suspect(&b, 3), 1);
}
