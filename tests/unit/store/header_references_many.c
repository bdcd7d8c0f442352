/* References to other instances by the thousand, and their limits. */
#include "referencing.h"

#include "store/references.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static char *uid_of(int n)
{
    static char uid[65];

    (void)snprintf(uid, sizeof uid, "2.25.12345678901234567890123456789%d", 100000 + n);
    uid[strlen(uid) + 1] = '\0';
    return uid;
}

static void put_many(struct dataset *d, int n)
{
    undefined = true;
    depth = 0;
    put_first_uids(d);
    put_last_uids(d);
    open_sequence(d, PER_FRAME);
    for (int i = 0; i < n; i++) {
        open_frame(d);
        put_references(d, CONVERSION, uid_of(i), NULL);
        close_item(d);
    }
    close_sequence(d);
}

Test(header_references_many, each_of_twenty_thousand_frames_has_a_source)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    struct instance i;
    json_t *all;

    put_many(&d, 20000);
    cr_assert_eq(read_dataset(&d, &i), 0);
    cr_assert_eq(i.flags, 0);
    all = json_loads(i.references, 0, NULL);
    cr_assert_eq(json_array_size(all), 20000);
    for (int n = 0; n < 20000; n += 19999) {
        const json_t *one = json_array_get(all, (size_t)n);
        char frame[16];

        (void)snprintf(frame, sizeof frame, "%d", n + 1);
        cr_assert_str_eq(json_string_value(json_array_get(one, 2)), uid_of(n));
        cr_assert_str_eq(json_string_value(json_array_get(one, 4)), frame);
    }
    json_decref(all);
    instance_done(&i);
}

Test(header_references_many, more_than_the_maximum_is_flagged_and_stored)
{
    struct references set = {0};
    struct frames none = {0};
    char *text = NULL;

    for (int n = 0; n < REFERENCES_MAX + 2; n++)
        cr_assert_eq(references_add(&set, &(struct reference){.sop_class_uid = "",
                                                              .sop_instance_uid = uid_of(n),
                                                              .purpose = "",
                                                              .frames = &none}),
                     0);
    cr_assert(set.cut);
    cr_assert_eq(set.n, REFERENCES_MAX);
    cr_assert_eq(references_text(&set, &text), 0);
    cr_assert_lt(strlen(text), 30u * 1024 * 1024);
    free(text);
    references_done(&set);
}

Test(header_references_many, ranges_of_frames_are_bounded)
{
    struct references set = {0};
    struct frames none = {0};

    for (uint32_t n = 0; n < REFERENCES_RANGES_MAX + 1; n++)
        cr_assert_eq(references_add(&set, &(struct reference){.sop_class_uid = "",
                                                              .sop_instance_uid = "1.1",
                                                              .purpose = "",
                                                              .frame = 2 * n + 1,
                                                              .frames = &none}),
                     0);
    cr_assert(set.cut);
    cr_assert_eq(set.n_ranges, REFERENCES_RANGES_MAX);
    references_done(&set);
}

Test(header_references_many, frames_come_in_any_order)
{
    static const uint32_t orders[][6] = {
        {1, 2, 3, 7, 8, 10}, {10, 8, 7, 3, 2, 1}, {3, 1, 10, 7, 2, 8}, {7, 7, 3, 1, 2, 8}};

    for (size_t o = 0; o < COUNT(orders); o++) {
        struct references set = {0};
        struct frames none = {0};
        char *text = NULL;

        for (size_t i = 0; i < 6; i++)
            cr_assert_eq(references_add(&set, &(struct reference){.sop_class_uid = "",
                                                                  .sop_instance_uid = "1.1",
                                                                  .purpose = "",
                                                                  .frame = orders[o][i],
                                                                  .frames = &none}),
                         0);
        cr_assert_eq(references_text(&set, &text), 0);
        cr_assert_str_eq(text, o < 3 ? "[[\"conversion\",null,\"1.1\",null,\"1-3,7-8,10\",null]]"
                                     : "[[\"conversion\",null,\"1.1\",null,\"1-3,7-8\",null]]");
        free(text);
        references_done(&set);
    }
}
