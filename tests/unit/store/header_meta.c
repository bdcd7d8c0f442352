#include "dataset.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void put_prefix(struct dataset *d)
{
    static const uint8_t preamble[128];

    put_bytes(d, preamble, sizeof preamble);
    put_bytes(d, "DICM", 4);
}

/* @length: of the group, 0: leave the element out. */
static void put_meta(struct dataset *d, uint8_t length, const char *transfer_syntax_uid)
{
    put_prefix(d);
    if (length > 0) {
        put_head(d, 0x00020000, "UL", 4);
        put_bytes(d, (uint8_t[]){length, 0, 0, 0}, 4);
    }
    put_head(d, 0x00020001, "OB", 2);
    put_bytes(d, "\0\1", 2);
    put_text(d, 0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.2");
    if (transfer_syntax_uid)
        put_text(d, 0x00020010, "UI", transfer_syntax_uid);
    put_text(d, 0x00020016, "AE", "SENDER");
}

static int read_meta(const struct dataset *d, size_t n, char **ret_uid, size_t *ret_offset)
{
    uint8_t *bytes = malloc(n);
    int r;

    memcpy(bytes, d->bytes, n);
    r = header_file_meta(bytes, n, ret_uid, ret_offset);
    free(bytes);
    return r;
}

Test(header_meta, the_data_set_begins_behind_group_two_whatever_its_length_says)
{
    static const uint8_t lengths[] = {0, 1, 81, 200};

    for (size_t i = 0; i < sizeof lengths; i++) {
        _cleanup_dataset_ struct dataset d = {.n = 0};
        char *uid = NULL;
        size_t expected, offset = 0;

        put_meta(&d, lengths[i], IMPLICIT);
        expected = d.n;
        put_first_uids(&d);
        cr_assert_eq(read_meta(&d, d.n, &uid, &offset), 0);
        cr_assert_str_eq(uid, IMPLICIT);
        cr_assert_eq(offset, expected);
        free(uid);
    }
}

Test(header_meta, padding_of_the_uid_goes)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    char *uid = NULL;
    size_t offset;

    put_prefix(&d);
    put_head(&d, 0x00020010, "UI", 22);
    put_bytes(&d, "1.2.840.10008.1.2.4.5\0", 22);
    put_first_uids(&d);
    cr_assert_eq(read_meta(&d, d.n, &uid, &offset), 0);
    cr_assert_str_eq(uid, "1.2.840.10008.1.2.4.5");
    free(uid);
}

Test(header_meta, too_few_bytes_ask_for_more)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    size_t end, offset;
    char *uid = NULL;

    put_meta(&d, 0, IMPLICIT);
    end = d.n;
    put_first_uids(&d);
    for (size_t n = 0; n < end + 2; n++)
        cr_assert_eq(read_meta(&d, n, &uid, &offset), -EAGAIN, "%zu", n);
    cr_assert_eq(read_meta(&d, end + 2, &uid, &offset), 0);
    free(uid);
}

Test(header_meta, a_file_that_ends_with_the_group_has_an_empty_data_set)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    size_t offset;
    char *uid = NULL;

    put_prefix(&d);
    put_head(&d, 0x00020000, "UL", 4);
    put_bytes(&d, (uint8_t[]){8 + 17, 0, 0, 0}, 4);
    put_text(&d, 0x00020010, "UI", IMPLICIT);
    cr_assert_eq(read_meta(&d, d.n, &uid, &offset), 0);
    cr_assert_eq(offset, d.n);
    free(uid);
}

Test(header_meta, what_is_no_part_10_file_is_refused)
{
    _cleanup_dataset_ struct dataset no_prefix = {.n = 0}, no_uid = {.n = 0}, no_vr = {.n = 0},
                                     huge = {.n = 0}, empty_uid = {.n = 0};
    const struct dataset *const rows[] = {&no_prefix, &no_uid, &no_vr, &huge, &empty_uid};
    static const uint8_t zeros[200];

    put_bytes(&no_prefix, zeros, sizeof zeros);
    put_meta(&no_uid, 0, NULL);
    put_first_uids(&no_uid);
    put_prefix(&no_vr);
    put_bytes(&no_vr, "\2\0\x10\0\x12\0\0\0", 8);
    put_prefix(&huge);
    put_head(&huge, 0x00020102, "OB", 0xFFFFFFF0);
    put_prefix(&empty_uid);
    put_text(&empty_uid, 0x00020010, "UI", "");
    put_first_uids(&empty_uid);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *uid = NULL;
        size_t offset = 7;

        cr_assert_eq(read_meta(rows[i], rows[i]->n, &uid, &offset), -EBADMSG, "row %zu", i);
        cr_assert_null(uid);
        cr_assert_eq(offset, 7);
    }
}
