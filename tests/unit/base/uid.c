#include "store/base/uid.h"

#include <criterion/criterion.h>

Test(uid, digits_in_components_between_single_dots_are_valid)
{
    static const struct {
        const char *uid;
        bool valid;
    } rows[] = {
        {"1.2.840.10008.1.1", true},
        {"1", true},
        {"0.0", true},
        {"1.02.003", true}, /* leading zeros exist */
        {"2.25.329800735698586629295641978511506172918", true},
        {"", false},
        {".", false},
        {"1.", false},
        {".1", false},
        {"1..2", false},
        {"1.2.", false},
        {"1.2 ", false},
        {" 1.2", false},
        {"1.2\\1.3", false},
        {"1.2.ABC", false},
        {"1.2-3", false},
        {"1.\xd9\xa1", false}, /* a digit, but not one of ours */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(uid_valid(rows[i].uid), rows[i].valid, "%s", rows[i].uid);
}

Test(uid, sixty_four_characters_are_the_most)
{
    char uid[UID_MAX + 2];

    for (size_t i = 0; i <= UID_MAX; i++)
        uid[i] = i % 2 ? '.' : '1';
    uid[UID_MAX] = '\0';
    uid[UID_MAX - 1] = '2';
    cr_assert(uid_valid(uid));
    uid[UID_MAX] = '3';
    uid[UID_MAX + 1] = '\0';
    cr_assert_not(uid_valid(uid));
}
