#include "dataset.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
#define UNDEFINED 0xFFFFFFFFu

/* Elements between the first and the last UIDs; all four must be found. */
static void expect_passed(const char *transfer_syntax_uid, void (*put)(struct dataset *),
                          const char *study, unsigned flags)
{
    _cleanup_dataset_ struct dataset d = {.transfer_syntax_uid = transfer_syntax_uid};

    put_first_uids(&d);
    put(&d);
    put_last_uids(&d);
    for (size_t step = 0; step < 4; step++) {
        struct instance i;

        cr_assert_eq(read_bytes(transfer_syntax_uid, d.bytes, d.n, step, &i, NULL), 0);
        cr_assert_not_null(i.sop_class_uid);
        cr_assert_str_eq(i.sop_instance_uid, "1.2.3.4");
        cr_assert_str_eq(i.study_instance_uid, "1.2.3");
        cr_assert_str_eq(i.series_instance_uid, "1.2.3.3");
        cr_assert_eq(i.flags, flags, "flags %u instead of %u", i.flags, flags);
        expect_json(&i, LEVEL_STUDY, study);
        instance_done(&i);
    }
}

#define NOTHING_ELSE "{'00200010':{'vr':'SH','Value':['S1']}}"
#define PROCEDURE                                                                                  \
    "{'00081032':{'vr':'SQ','Value':[{'00080100':{'vr':'SH','Value':['P']}}]},"                    \
    "'00200010':{'vr':'SH','Value':['S1']}}"

static void put_procedure(struct dataset *d, bool undefined_sequence, bool undefined_item)
{
    size_t sequence = put_sequence(d, 0x00081032, undefined_sequence);
    size_t item = put_item(d, undefined_item);

    put_text(d, 0x00080100, "SH", "P");
    end_item(d, item, undefined_item);
    end_sequence(d, sequence, undefined_sequence);
}

static void put_procedure_defined(struct dataset *d)
{
    put_procedure(d, false, false);
}
static void put_procedure_undefined(struct dataset *d)
{
    put_procedure(d, true, true);
}
static void put_procedure_undefined_items(struct dataset *d)
{
    put_procedure(d, false, true);
}
static void put_procedure_undefined_sequence(struct dataset *d)
{
    put_procedure(d, true, false);
}

Test(header_structure, lengths_of_sequences_and_items_may_be_defined_or_not)
{
    static void (*const puts[])(struct dataset *) = {put_procedure_defined, put_procedure_undefined,
                                                     put_procedure_undefined_items,
                                                     put_procedure_undefined_sequence};

    for (size_t p = 0; p < COUNT(puts); p++) {
        expect_passed(EXPLICIT, puts[p], PROCEDURE, 0);
        expect_passed(IMPLICIT, puts[p], PROCEDURE, 0);
        expect_passed(BIG_ENDIAN_EXPLICIT, puts[p], PROCEDURE, 0);
    }
}

/* What is not kept: nested and private sequences, an icon with encapsulated pixels, bulk,
 * group lengths, a VR of the future. */
static void put_unkept(struct dataset *d)
{
    size_t outer, outer_item, inner, item;

    put_head(d, 0x00090000, "UL", 4);
    put_bytes(d, "\4\0\0\0", 4);
    put_head(d, 0x00091001, "ZZ", 3);
    put_bytes(d, "\1\2\3", 3);
    outer = put_sequence(d, 0x00091002, true);
    outer_item = put_item(d, true);
    inner = put_sequence(d, 0x00091003, true);
    for (int i = 0; i < 3; i++) {
        item = put_item(d, i % 2);
        put_text(d, 0x00091004, "LO", "secret");
        end_item(d, item, i % 2);
    }
    end_sequence(d, inner, true);
    end_item(d, outer_item, true);
    end_sequence(d, outer, true);
    outer = put_sequence(d, 0x00091005, false);
    put_bytes(d, "this is no item", 15);
    end_sequence(d, outer, false);
    put_head(d, 0x00091006, "OB", UNDEFINED);
    item = put_item(d, false);
    put_bytes(d, "fragment", 8);
    end_item(d, item, false);
    end_sequence(d, 0, true);
    put_head(d, 0x00091007, "UN", 7);
    put_bytes(d, "unknown", 7);
}

Test(header_structure, what_is_not_kept_is_passed_over)
{
    expect_passed(EXPLICIT, put_unkept, NOTHING_ELSE, 0);
    expect_passed(IMPLICIT, put_unkept, NOTHING_ELSE, 0);
    expect_passed(BIG_ENDIAN_EXPLICIT, put_unkept, NOTHING_ELSE, 0);
}

static void put_private_in_kept(struct dataset *d)
{
    size_t sequence = put_sequence(d, 0x00081032, true), item = put_item(d, true), inner;

    put_head(d, 0x00080000, "UL", 4);
    put_bytes(d, "\4\0\0\0", 4);
    put_text(d, 0x00080100, "SH", "P");
    put_text(d, 0x00090010, "LO", "PRIVATE");
    inner = put_sequence(d, 0x00091002, true);
    end_sequence(d, inner, true);
    put_head(d, 0x00420011, "OB", 2);
    put_bytes(d, "\1\2", 2);
    end_item(d, item, true);
    end_sequence(d, sequence, true);
}

Test(header_structure, private_elements_and_bulk_of_kept_items_are_left_out)
{
    expect_passed(EXPLICIT, put_private_in_kept, PROCEDURE, 0);
    expect_passed(IMPLICIT, put_private_in_kept, PROCEDURE, 0);
}

/* PS3.5 6.2.2 note 2: what is unknown to a sender and of undefined length is Implicit VR Little
 * Endian inside. */
static void put_unknown_sequence(struct dataset *d, uint32_t tag, uint32_t length)
{
    struct dataset inner = {.transfer_syntax_uid = IMPLICIT};
    size_t item = put_item(&inner, true);

    put_text(&inner, 0x00080100, "SH", "P");
    end_item(&inner, item, true);
    if (length == UNDEFINED)
        end_sequence(&inner, 0, true);
    put_head(d, tag, "UN", length == UNDEFINED ? UNDEFINED : (uint32_t)inner.n);
    put_bytes(d, inner.bytes, inner.n);
    dataset_done(&inner);
}
static void put_un_undefined(struct dataset *d)
{
    put_unknown_sequence(d, 0x00081032, UNDEFINED);
}
static void put_un_defined(struct dataset *d)
{
    put_unknown_sequence(d, 0x00081032, 0);
}
static void put_un_unkept(struct dataset *d)
{
    put_unknown_sequence(d, 0x00091032, UNDEFINED);
}

Test(header_structure, a_sequence_of_vr_un_is_implicit_inside)
{
    expect_passed(EXPLICIT, put_un_undefined, PROCEDURE, 0);
    expect_passed(EXPLICIT, put_un_defined, PROCEDURE, 0);
    expect_passed(EXPLICIT, put_un_unkept, NOTHING_ELSE, 0);
    expect_passed(BIG_ENDIAN_EXPLICIT, put_un_undefined, PROCEDURE, 0);
}

Test(header_structure, a_known_attribute_of_vr_un_is_read_as_what_it_is)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    struct instance i;

    put_text(&d, 0x00080018, "UN", "1.2.3.4");
    put_text(&d, 0x00100010, "LO", "Doe^John");
    cr_assert_eq(read_dataset(&d, &i), 0);
    cr_assert_str_eq(i.sop_instance_uid, "1.2.3.4");
    expect_json(&i, LEVEL_PATIENT, "{'00100010':{'vr':'PN','Value':[{'Alphabetic':'Doe^John'}]}}");
    instance_done(&i);
}

static void put_text_for_sequence(struct dataset *d)
{
    put_text(d, 0x00081032, "LO", "not a sequence");
}
static void put_sequence_for_text(struct dataset *d)
{
    size_t sequence = put_sequence(d, 0x00081030, true);

    end_sequence(d, sequence, true);
}

Test(header_structure, an_attribute_of_quite_another_vr_is_left_out_and_flagged)
{
    expect_passed(EXPLICIT, put_text_for_sequence, NOTHING_ELSE, INSTANCE_VALUE_INVALID);
    expect_passed(EXPLICIT, put_sequence_for_text, NOTHING_ELSE, INSTANCE_VALUE_INVALID);
}

static void put_twice(struct dataset *d)
{
    put_text(d, 0x00081030, "LO", "first");
    put_text(d, 0x00081030, "LO", "second");
}
static void put_backwards(struct dataset *d)
{
    size_t sequence, item;

    sequence = put_sequence(d, 0x00081032, true);
    item = put_item(d, true);
    put_text(d, 0x00080104, "LO", "m");
    put_text(d, 0x00080100, "SH", "P");
    put_text(d, 0x00080100, "SH", "Q");
    end_item(d, item, true);
    end_sequence(d, sequence, true);
    put_text(d, 0x00081030, "LO", "first");
}

Test(header_structure, the_first_of_two_stays_and_documents_are_in_order)
{
    expect_passed(EXPLICIT, put_twice,
                  "{'00081030':{'vr':'LO','Value':['first']},"
                  "'00200010':{'vr':'SH','Value':['S1']}}",
                  INSTANCE_VALUE_INVALID);
    expect_passed(EXPLICIT, put_backwards,
                  "{'00081030':{'vr':'LO','Value':['first']},"
                  "'00081032':{'vr':'SQ','Value':[{'00080100':{'vr':'SH','Value':['P']},"
                  "'00080104':{'vr':'LO','Value':['m']}}]},"
                  "'00200010':{'vr':'SH','Value':['S1']}}",
                  INSTANCE_VALUE_INVALID);
}

static void put_empty_items(struct dataset *d)
{
    size_t sequence = put_sequence(d, 0x00081032, true), item = put_item(d, false);

    end_item(d, item, false);
    item = put_item(d, true);
    put_text(d, 0x00080100, "SH", "P");
    end_item(d, item, true);
    end_sequence(d, sequence, true);
    sequence = put_sequence(d, 0x00081110, true);
    item = put_item(d, true);
    end_item(d, item, true);
    end_sequence(d, sequence, true);
}

Test(header_structure, empty_items_keep_positions_and_empty_sequences_are_absent)
{
    expect_passed(EXPLICIT, put_empty_items,
                  "{'00081032':{'vr':'SQ','Value':[{},{'00080100':{'vr':'SH','Value':['P']}}]},"
                  "'00200010':{'vr':'SH','Value':['S1']}}",
                  0);
}

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
