#include "dataset.h"

#include <criterion/criterion.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
#define UNDEFINED 0xFFFFFFFFu

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
