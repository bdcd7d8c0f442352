/* Data sets against the standard: what is forgiven, and what is refused. */
#include "dataset.h"

#include <criterion/criterion.h>
#include <errno.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
#define UNDEFINED 0xFFFFFFFFu

/* Lengths that run past what encloses them end with it; missing delimiters are supplied. */
static void put_too_long(struct dataset *d)
{
    size_t sequence = put_sequence(d, 0x00081032, false), item = put_item(d, false);

    put_head(d, 0x00080100, "SH", 9000);
    put_bytes(d, "P", 1);
    end_item(d, item, false);
    end_sequence(d, sequence, false);
}
static void put_item_too_long(struct dataset *d)
{
    size_t sequence = put_sequence(d, 0x00081032, false);

    put_head(d, 0xFFFEE000, "", 0x7FFFFFFF);
    put_text(d, 0x00080100, "SH", "P");
    put_bytes(d, "\x08", 1);
    end_sequence(d, sequence, false);
}
static void put_head_too_long(struct dataset *d)
{
    size_t sequence = put_sequence(d, 0x00081032, false), item = put_item(d, false);

    put_text(d, 0x00080100, "SH", "P");
    put_bytes(d, "\x08\x00\x19\x01UC\0\0\1", 9); /* a head of 12 bytes, cut */
    end_item(d, item, false);
    end_sequence(d, sequence, false);
}
static void put_no_item_end(struct dataset *d)
{
    size_t sequence = put_sequence(d, 0x00081032, true);

    put_item(d, true);
    put_text(d, 0x00080100, "SH", "P");
    end_sequence(d, sequence, true);
}
static void put_stray_delimiters(struct dataset *d)
{
    end_item(d, 0, true);
    end_sequence(d, 0, true);
    put_procedure(d, false, false);
}

Test(header_structure, small_faults_of_structure_are_forgiven_and_flagged)
{
    static void (*const puts[])(struct dataset *) = {
        put_too_long, put_item_too_long, put_head_too_long, put_no_item_end, put_stray_delimiters};

    for (size_t p = 0; p < COUNT(puts); p++)
        expect_passed(EXPLICIT, puts[p], PROCEDURE, INSTANCE_VALUE_INVALID);
}

static void put_implicit_item(struct dataset *d)
{
    struct dataset inner = {.transfer_syntax_uid = IMPLICIT};
    size_t sequence = put_sequence(d, 0x00081032, true), item = put_item(d, true);

    put_text(&inner, 0x00080100, "SH", "P");
    put_bytes(d, inner.bytes, inner.n);
    dataset_done(&inner);
    end_item(d, item, true);
    end_sequence(d, sequence, true);
}

static void put_explicit_item(struct dataset *d)
{
    size_t item;

    put_head(d, 0x00081032, "UN", UNDEFINED);
    item = put_item(d, true);
    put_text(d, 0x00080100, "SH", "P");
    end_item(d, item, true);
    end_sequence(d, 0, true);
}

Test(header_structure, an_item_in_the_other_encoding_is_understood)
{
    expect_passed(EXPLICIT, put_explicit_item, PROCEDURE, INSTANCE_VALUE_INVALID);
    expect_passed(EXPLICIT, put_implicit_item, PROCEDURE, INSTANCE_VALUE_INVALID);
}

Test(header_structure, a_data_set_in_another_encoding_than_declared_is_read_and_flagged)
{
    static const char *const syntaxes[] = {EXPLICIT, IMPLICIT, BIG_ENDIAN_EXPLICIT};

    for (size_t written = 0; written < COUNT(syntaxes); written++)
        for (size_t said = 0; said < COUNT(syntaxes); said++) {
            _cleanup_dataset_ struct dataset d = {.transfer_syntax_uid = syntaxes[written]};
            struct instance i;

            put_first_uids(&d);
            put_procedure(&d, true, false);
            put_last_uids(&d);
            cr_assert_eq(read_bytes(syntaxes[said], d.bytes, d.n, 0, &i, NULL), 0);
            expect_json(&i, LEVEL_STUDY, PROCEDURE);
            cr_assert_str_eq(i.series_instance_uid, "1.2.3.3");
            cr_assert_eq(i.flags, written == said ? 0 : INSTANCE_VALUE_INVALID);
            instance_done(&i);
        }
}

Test(header_structure, what_cannot_be_followed_is_refused_with_the_reason)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *problem;
    } rows[] = {
        {"\x08\0\x18\0\1\2\3\4", 8, "an element without a VR"},
        {"\x08\0\x16\0UI\0\0\x08\0\x18\0??\0\0", 16, "an element without a VR"},
        {"\xfe\xff\0\xe0\0\0\0\0", 8, "item outside a sequence"},
        {"\x08\0\x32\x10SQ\0\0\xff\xff\xff\xff\x08\0\0\1", 16, NULL},
        {"\x08\0\x32\x10SQ\0\0\xff\xff\xff\xff\x08\0\0\1SH\1\0P", 21,
         "something else than an item in a sequence"},
        {"\0\0\0\0\0\0\0\0", 8, "an element without a VR"},
    };

    for (size_t r = 0; r < COUNT(rows); r++)
        for (size_t step = 0; step < 3; step++) {
            const char *problem;
            struct instance i;

            cr_assert_eq(
                read_bytes(EXPLICIT, (const uint8_t *)rows[r].bytes, rows[r].n, step, &i, &problem),
                -EBADMSG);
            if (rows[r].problem)
                cr_assert_str_eq(problem, rows[r].problem);
            instance_done(&i);
        }
}

Test(header_structure, padding_behind_the_last_element_is_no_fault)
{
    static const struct {
        const char *bytes;
        size_t n;
    } rows[] = {
        {"\0", 1},
        {"\0\0\0", 3},
        {"\0\0\0\0\0\0\0\0\0\0\0\0", 12},
        {"\xfc\xff\xfc\xffOB\0\0\2\0\0\0\0\0", 14},
        {"\xfc\xff\xfc\xffOB\0\0\xff\0\0\0\0", 13},
    };

    for (size_t r = 0; r < COUNT(rows); r++) {
        _cleanup_dataset_ struct dataset d = {.n = 0};
        struct instance i;

        put_first_uids(&d);
        put_last_uids(&d);
        put_bytes(&d, rows[r].bytes, rows[r].n);
        cr_assert_eq(read_dataset(&d, &i), 0);
        cr_assert_eq(i.flags, 0, "row %zu", r);
        instance_done(&i);
    }
}

Test(header_structure, an_empty_data_set_has_nothing_and_no_fault)
{
    struct instance i;

    cr_assert_eq(read_bytes(EXPLICIT, NULL, 0, 0, &i, NULL), 0);
    cr_assert_null(i.sop_instance_uid);
    for (enum level level = 0; level < LEVEL_COUNT; level++)
        expect_json(&i, level, "{}");
    instance_done(&i);
    cr_assert_eq(read_bytes(DEFLATED, NULL, 0, 0, &i, NULL), 0);
    instance_done(&i);
}
