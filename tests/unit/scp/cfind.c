#include "scp/cfind.h"

#include <criterion/criterion.h>

Test(cfind, the_three_query_retrieve_classes_are_queries)
{
    cr_assert(cfind_is_query("1.2.840.10008.5.1.4.1.2.1.1"));
    cr_assert(cfind_is_query("1.2.840.10008.5.1.4.1.2.2.1"));
    cr_assert(cfind_is_query("1.2.840.10008.5.1.4.1.2.3.1"));
    cr_assert_not(cfind_is_query("1.2.840.10008.5.1.4.1.2.2.2"), "that is C-MOVE");
    cr_assert_not(cfind_is_query("1.2.840.10008.5.1.4.1.1.2"), "that is an image");
}

Test(cfind, modality_worklist_is_asked_for_by_itself)
{
    cr_assert(cfind_is_worklist("1.2.840.10008.5.1.4.31"));
    cr_assert_not(cfind_is_query("1.2.840.10008.5.1.4.31"), "what is allowed differs");
    cr_assert_not(cfind_is_worklist("1.2.840.10008.5.1.4.1.2.2.1"));
    cr_assert_not(cfind_is_worklist("1.2.840.10008.5.1.4.32.1"));
}

Test(cfind, extended_negotiation_grants_what_we_do_and_only_when_asked)
{
    static const struct {
        uint8_t asked[8], granted[8];
        size_t n;
    } rows[] = {
        {{1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 0, 0, 1, 1}, 7},
        {{0, 0, 0}, {0, 0, 0}, 3},
        {{1}, {1}, 1},
        {{2, 1, 7}, {0, 1, 0}, 3},
        {{1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 0, 0, 1, 1, 0}, 8},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t answer[8] = {9, 9, 9, 9, 9, 9, 9, 9};
        cfind_negotiate(rows[i].asked, rows[i].n, answer);
        cr_assert_arr_eq(answer, rows[i].granted, rows[i].n, "row %zu", i);
        cr_assert(rows[i].n == 8 || answer[rows[i].n] == 9, "as many bytes as were asked");
    }
}
