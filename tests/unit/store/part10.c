#include "dataset.h"
#include "store/part10.h"

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

static int read_start(const struct dataset *d, size_t n, bool whole, struct part10 *ret)
{
    uint8_t *bytes = malloc(n);
    int r;

    memcpy(bytes, d->bytes, n);
    r = part10_read(bytes, n, whole, ret);
    free(bytes);
    return r;
}

Test(part10, the_data_set_begins_behind_group_two_whatever_its_length_says)
{
    static const uint8_t lengths[] = {0, 1, 81, 200};

    for (size_t i = 0; i < sizeof lengths; i++) {
        _cleanup_dataset_ struct dataset d = {.n = 0};
        struct part10 p;
        size_t expected;

        put_meta(&d, lengths[i], IMPLICIT);
        expected = d.n;
        put_first_uids(&d);
        cr_assert_eq(read_start(&d, d.n, false, &p), 0);
        cr_assert_str_eq(p.transfer_syntax_uid, IMPLICIT);
        cr_assert_str_eq(p.media_class_uid, "1.2.840.10008.5.1.4.1.1.2");
        cr_assert_str_eq(p.source_ae_title, "SENDER");
        cr_assert_eq(p.offset, expected);
    }
}

Test(part10, padding_of_the_uid_goes)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    struct part10 p;

    put_prefix(&d);
    put_head(&d, 0x00020010, "UI", 22);
    put_bytes(&d, "1.2.840.10008.1.2.4.5\0", 22);
    put_first_uids(&d);
    cr_assert_eq(read_start(&d, d.n, false, &p), 0);
    cr_assert_str_eq(p.transfer_syntax_uid, "1.2.840.10008.1.2.4.5");
    cr_assert_str_eq(p.source_ae_title, "");
}

Test(part10, too_few_bytes_ask_for_more)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    struct part10 p;
    size_t end;

    put_meta(&d, 0, IMPLICIT);
    end = d.n;
    put_first_uids(&d);
    for (size_t n = 0; n < end + 2; n++)
        cr_assert_eq(read_start(&d, n, false, &p), -EAGAIN, "%zu", n);
    cr_assert_eq(read_start(&d, end + 2, false, &p), 0);
}

Test(part10, a_file_that_ends_with_the_group_has_an_empty_data_set)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    struct part10 p;

    put_prefix(&d);
    put_head(&d, 0x00020000, "UL", 4);
    put_bytes(&d, (uint8_t[]){8 + 17, 0, 0, 0}, 4);
    put_text(&d, 0x00020010, "UI", IMPLICIT);
    for (int whole = 0; whole <= 1; whole++) {
        cr_assert_eq(read_start(&d, d.n, whole, &p), 0);
        cr_assert_eq(p.offset, d.n);
    }
    cr_assert_eq(read_start(&d, d.n - 1, true, &p), -EBADMSG);
}

Test(part10, a_data_set_that_nobody_names_tells_its_transfer_syntax_itself)
{
    static const char *const syntaxes[] = {EXPLICIT, IMPLICIT, BIG_ENDIAN_EXPLICIT};

    for (size_t i = 0; i < sizeof syntaxes / sizeof *syntaxes; i++)
        for (int meta = 0; meta <= 1; meta++) {
            _cleanup_dataset_ struct dataset d = {.transfer_syntax_uid = EXPLICIT};
            struct part10 p;
            size_t begin;

            if (meta)
                put_meta(&d, 0, NULL);
            begin = d.n;
            d.transfer_syntax_uid = syntaxes[i];
            put_first_uids(&d);
            cr_assert_eq(read_start(&d, d.n, true, &p), 0, "%s", syntaxes[i]);
            cr_assert_str_eq(p.transfer_syntax_uid, syntaxes[i]);
            cr_assert_eq(p.offset, begin);
        }
}

Test(part10, a_group_without_preamble_or_in_implicit_vr_is_read)
{
    for (int preamble = 0; preamble <= 1; preamble++)
        for (int implicit = 0; implicit <= 1; implicit++) {
            _cleanup_dataset_ struct dataset d = {.n = 0};
            struct part10 p;
            size_t begin;

            if (preamble)
                put_prefix(&d);
            d.transfer_syntax_uid = implicit ? IMPLICIT : EXPLICIT;
            put_text(&d, 0x00020002, "UI", MEDIA_STORAGE_DIRECTORY);
            put_text(&d, 0x00020010, "UI", DEFLATED);
            begin = d.n;
            put_bytes(&d, "\x4b\x4c\x05\x00", 4);
            cr_assert_eq(read_start(&d, d.n, true, &p), 0, "%d %d", preamble, implicit);
            cr_assert_str_eq(p.transfer_syntax_uid, DEFLATED);
            cr_assert_str_eq(p.media_class_uid, MEDIA_STORAGE_DIRECTORY);
            cr_assert_eq(p.offset, begin);
        }
}

Test(part10, the_four_letters_may_stand_in_a_data_set_by_chance)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    struct part10 p;

    put_text(&d, 0x00080005, "CS",
             "................................................................"
             "........................................................DICM....");
    put_first_uids(&d);
    cr_assert_eq(memcmp(d.bytes + 128, "DICM", 4), 0);
    for (int whole = 0; whole <= 1; whole++) {
        p.offset = 7;
        cr_assert_eq(read_start(&d, d.n, whole, &p), 0);
        cr_assert_str_eq(p.transfer_syntax_uid, EXPLICIT);
        cr_assert_eq(p.offset, 0);
    }
}

Test(part10, what_is_no_dicom_file_is_refused)
{
    _cleanup_dataset_ struct dataset zeros = {.n = 0}, text = {.n = 0}, cut = {.n = 0},
                                     huge = {.n = 0}, unknown = {.n = 0}, tiny = {.n = 0};
    const struct dataset *const rows[] = {&zeros, &text, &cut, &huge, &unknown, &tiny};
    static const int errors[] = {-ENOMSG, -ENOMSG, -EBADMSG, -EBADMSG, -EBADMSG, -ENOMSG};
    static const uint8_t nothing[200];

    put_bytes(&zeros, nothing, sizeof nothing);
    put_bytes(&text, "the quick brown fox jumps", 25);
    put_prefix(&cut);
    put_bytes(&cut, "\2\0\x10\0\x12\0\0\0", 8);
    put_prefix(&huge);
    put_head(&huge, 0x00020102, "OB", 0xFFFFFFF0);
    put_meta(&unknown, 0, NULL);
    put_text(&unknown, 0x00100010, "PN", "A");
    put_bytes(&tiny, "\2", 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct part10 p = {.offset = 7};

        cr_assert_eq(read_start(rows[i], rows[i]->n, true, &p), errors[i], "row %zu", i);
        cr_assert_eq(p.offset, 7);
    }
}
