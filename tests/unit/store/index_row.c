#include "store/index_row.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

Test(index_row, a_packed_row_comes_back_as_it_was)
{
    const char *values[INDEX_PARAMETERS] = {"first", NULL, "", "Müller^Zoë"},
               *back[INDEX_PARAMETERS];
    char *block = NULL;
    size_t n = 0;

    values[INDEX_PARAMETERS - 1] = "last";
    cr_assert_eq(index_row_pack(values, &block, &n), 0);
    cr_assert_eq(index_row_unpack(block, n, back), 0);
    for (int i = 0; i < INDEX_PARAMETERS; i++) {
        cr_assert_eq(values[i] == NULL, back[i] == NULL, "%d", i);
        cr_assert(!values[i] || strcmp(values[i], back[i]) == 0, "%d", i);
    }
    free(block);
}

Test(index_row, a_block_of_another_length_is_none)
{
    const char *values[INDEX_PARAMETERS] = {"first", "second"}, *back[INDEX_PARAMETERS];
    char *block = NULL, *copy;
    size_t n = 0;

    cr_assert_eq(index_row_pack(values, &block, &n), 0);
    for (size_t cut = 0; cut <= n + 1; cut++) {
        copy = calloc(1, cut);
        memcpy(copy, block, cut < n ? cut : n);
        cr_assert_eq(index_row_unpack(copy, cut, back), cut == n ? 0 : -EBADMSG, "%zu", cut);
        free(copy);
    }
    free(block);
}
