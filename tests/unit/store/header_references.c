/* Which references to other instances are found, whatever way they are written. */
#include "referencing.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- What is put between the UIDs and what must come of it --------------------------------- */

#define CT "1.2.840.10008.5.1.4.1.1.2"

static void put_conversion(struct dataset *d)
{
    put_references(d, CONVERSION,
                   "1.1\0"
                   "1.2\0"
                   "1.1\0",
                   NULL);
}
static void put_with_frames(struct dataset *d)
{
    put_references(d, CONVERSION, "1.1\0", "7\\ 3\\4 \\+5\\x\\-2\\0\\\\99999999999");
}
static void put_source(struct dataset *d)
{
    open_sequence(d, SOURCE);
    for (int i = 0; i < 2; i++) {
        open_item(d);
        put_text(d, 0x00081155, "UI", "1.1");
        put_code(d, PURPOSE, i ? "121320" : "121322", "DCM");
        close_item(d);
    }
    close_sequence(d);
}
static void put_source_instance(struct dataset *d)
{
    put_references(d, 0x00420013, "1.1\0", NULL);
}
static void put_images(struct dataset *d)
{
    put_references(d, IMAGE, "1.1\0", NULL);
    put_references(d, INSTANCE,
                   "1.1\0"
                   "1.2\0",
                   NULL);
}
static void put_series(struct dataset *d)
{
    open_sequence(d, SERIES);
    open_item(d);
    put_references(d, IMAGE, "1.1\0", NULL);
    put_text(d, 0x0020000E, "UI", "1.9");
    close_item(d);
    close_sequence(d);
}
static void put_derivation(struct dataset *d)
{
    open_sequence(d, DERIVATION);
    open_item(d);
    open_sequence(d, SOURCE);
    open_item(d);
    put_text(d, 0x00081155, "UI", "1.1");
    put_code(d, PURPOSE, "121321", "DCM");
    close_item(d);
    close_sequence(d);
    put_code(d, 0x00089215, "113076", "DCM");
    close_item(d);
    close_sequence(d);
}
static void put_hierarchic(struct dataset *d, uint32_t tag)
{
    open_sequence(d, tag);
    open_item(d);
    open_sequence(d, SERIES);
    open_item(d);
    put_references(d, SOPS,
                   "1.1\0"
                   "1.2\0",
                   NULL);
    put_text(d, 0x0020000E, "UI", "1.9");
    close_item(d);
    close_sequence(d);
    put_text(d, 0x0020000D, "UI", "1.8");
    close_item(d);
    close_sequence(d);
}
static void put_predecessor(struct dataset *d)
{
    put_hierarchic(d, PREDECESSOR);
}
static void put_evidence(struct dataset *d)
{
    put_hierarchic(d, EVIDENCE);
}
static void put_shared(struct dataset *d)
{
    open_sequence(d, SHARED);
    open_item(d);
    put_references(d, CONVERSION, "1.1\0", NULL);
    put_derivation(d);
    close_item(d);
    close_sequence(d);
}
static void put_frames(struct dataset *d)
{
    static const char *const uids[] = {"1.1\0", "1.1\0", "1.2\0", "1.1\0", "\0", "1.2\0"};

    open_sequence(d, PER_FRAME);
    for (size_t i = 0; i < COUNT(uids); i++) {
        open_frame(d);
        put_references(d, CONVERSION, uids[i], i == 2 ? "2" : i == 5 ? "1" : NULL);
        close_item(d);
    }
    close_sequence(d);
}
static void put_shared_and_frames(struct dataset *d)
{
    put_shared(d);
    put_frames(d);
}
/* Names no instance; odd UIDs; a class alone; other sequences of the same tags further in. */
static void put_odd(struct dataset *d)
{
    open_sequence(d, CONVERSION);
    open_item(d);
    put_text(d, 0x00081150, "UI", CT);
    close_item(d);
    close_sequence(d);
    put_references(d, SOURCE,
                   "1.2\"\0"
                   "1\\2\0"
                   "\0",
                   NULL);
    put_references(d, SOURCE, "12345678901234567890123456789012345678901234567890123456789012345\0",
                   NULL);
    open_sequence(d, 0x00091001);
    open_item(d);
    put_references(d, CONVERSION, "1.1\0", NULL);
    close_item(d);
    close_sequence(d);
    open_sequence(d, 0x00081032);
    open_item(d);
    put_references(d, CONVERSION, "1.1\0", NULL);
    close_item(d);
    close_sequence(d);
    put_references(d, 0x00081111, "1.1\0", NULL);
}
static void put_padded(struct dataset *d)
{
    open_sequence(d, IMAGE);
    open_item(d);
    put_head(d, 0x00081155, "UI", 4);
    put_bytes(d, "1.1\0", 4);
    put_text(d, 0x00081155, "UI", "1.2"); /* the first of several stays */
    put_code(d, PURPOSE, "A B", "99X ");
    close_item(d);
    open_item(d);
    put_text(d, 0x00081155, "UI", "1.3 ");
    put_code(d, PURPOSE, "12345678901234567", "99X ");
    close_item(d);
    close_sequence(d);
}

#define REFERENCE(kind, uid, rest) "['" kind "','" CT "','" uid "'," rest "]"
#define WHOLE "null,null,null"

static const struct row {
    void (*put)(struct dataset *);
    const char *expected;
} rows[] = {
    {put_conversion,
     "[" REFERENCE("conversion", "1.1", WHOLE) "," REFERENCE("conversion", "1.2", WHOLE) "]"},
    {put_with_frames, "[" REFERENCE("conversion", "1.1", "null,null,'3-5,7'") "]"},
    {put_source, "[['source',null,'1.1','121322 DCM',null,null],"
                 "['source',null,'1.1','121320 DCM',null,null]]"},
    {put_source_instance, "[" REFERENCE("source", "1.1", WHOLE) "]"},
    {put_images, "[" REFERENCE("image", "1.1", WHOLE) "," REFERENCE(
                     "instance", "1.1", WHOLE) "," REFERENCE("instance", "1.2", WHOLE) "]"},
    {put_series, "[" REFERENCE("image", "1.1", WHOLE) "]"},
    {put_derivation, "[['derivation',null,'1.1','121321 DCM',null,null]]"},
    {put_predecessor,
     "[" REFERENCE("predecessor", "1.1", WHOLE) "," REFERENCE("predecessor", "1.2", WHOLE) "]"},
    {put_evidence,
     "[" REFERENCE("evidence", "1.1", WHOLE) "," REFERENCE("evidence", "1.2", WHOLE) "]"},
    {put_shared, "[" REFERENCE("conversion", "1.1", WHOLE) ",['derivation',null,'1.1','121321 DCM',"
                                                           "null,null]]"},
    {put_frames, "[" REFERENCE("conversion", "1.1", "null,'1-2,4',null") "," REFERENCE(
                     "conversion", "1.2", "null,'3,6','1-2'") "]"},
    {put_shared_and_frames,
     "[" REFERENCE("conversion", "1.1", WHOLE) ",['derivation',null,'1.1','121321 "
                                               "DCM',null,null]," REFERENCE(
                                                   "conversion", "1.2", "null,'3,6','1-2'") "]"},
    {put_odd, NULL},
    {put_padded, "[['image',null,'1.1',null,null,null],['image',null,'1.3',null,null,null]]"},
};

static void expect_references(const struct instance *i, const char *expected)
{
    char *quoted = expected ? strdup(expected) : NULL;

    for (char *p = quoted; p && (p = strchr(p, '\''));)
        *p = '"';
    if (!expected)
        cr_assert_null(i->references, "%s", i->references);
    else
        cr_assert(i->references && strcmp(i->references, quoted) == 0, "%s\ninstead of\n%s",
                  i->references ? i->references : "none", quoted);
    free(quoted);
}

/* A data set whose functional groups stand behind the last UIDs. */
static void make(struct dataset *d, const struct row *row)
{
    bool late =
        row->put == put_shared || row->put == put_frames || row->put == put_shared_and_frames;

    depth = 0;
    put_first_uids(d);
    if (!late)
        row->put(d);
    put_last_uids(d);
    if (late)
        row->put(d);
    put_head(d, 0x7FE00010, "OW", 4);
    put_bytes(d, "pixl", 4);
}

static void expect_row(const char *transfer_syntax_uid, const struct row *row)
{
    bool deflated = strcmp(transfer_syntax_uid, DEFLATED) == 0;
    _cleanup_dataset_ struct dataset d = {.transfer_syntax_uid =
                                              deflated ? EXPLICIT : transfer_syntax_uid};

    make(&d, row);
    if (deflated)
        deflate_dataset(&d);
    for (size_t step = 0; step < 4; step++) {
        struct instance i;

        cr_assert_eq(read_bytes(transfer_syntax_uid, d.bytes, d.n, step, &i, NULL), 0);
        cr_assert_str_eq(i.series_instance_uid, "1.2.3.3");
        cr_assert_eq(i.flags & INSTANCE_REFERENCES_CUT, 0);
        expect_references(&i, row->expected);
        instance_done(&i);
    }
}

Test(header_references, each_kind_is_found_in_each_transfer_syntax_and_length)
{
    static const char *const syntaxes[] = {EXPLICIT, IMPLICIT, BIG_ENDIAN_EXPLICIT, DEFLATED};

    for (size_t r = 0; r < COUNT(rows); r++)
        for (size_t s = 0; s < COUNT(syntaxes); s++)
            for (int u = 0; u < 2; u++) {
                undefined = u;
                expect_row(syntaxes[s], &rows[r]);
            }
}

/* Of VR UN: Implicit VR Little Endian inside (PS3.5 6.2.2 note 2). */
static void expect_unknown(bool is_undefined)
{
    _cleanup_dataset_ struct dataset d = {.n = 0}, inner = {.transfer_syntax_uid = IMPLICIT};
    struct instance i;

    undefined = is_undefined;
    depth = 0;
    open_item(&inner);
    put_text(&inner, 0x00081155, "UI", "1.1");
    close_item(&inner);
    if (is_undefined)
        end_sequence(&inner, 0, true);
    put_first_uids(&d);
    put_head(&d, IMAGE, "UN", is_undefined ? UINT32_MAX : (uint32_t)inner.n);
    put_bytes(&d, inner.bytes, inner.n);
    put_last_uids(&d);
    cr_assert_eq(read_dataset(&d, &i), 0);
    expect_references(&i, "[['image',null,'1.1',null,null,null]]");
    instance_done(&i);
}

Test(header_references, sequences_of_vr_un_are_looked_into)
{
    expect_unknown(true);
    expect_unknown(false);
}

/* What was passed over by its length before anybody looked for references is so still. */
Test(header_references, garbage_where_references_stand_keeps_nothing_from_being_stored)
{
    static const char garbage[] = "this is no item, and its bytes make no sense";
    static const uint32_t tags[] = {CONVERSION, EVIDENCE, DERIVATION};

    undefined = false;
    for (size_t t = 0; t < COUNT(tags); t++) {
        _cleanup_dataset_ struct dataset d = {.n = 0};
        struct instance i;

        depth = 0;
        put_first_uids(&d);
        put_head(&d, 0x0008114A, "SQ", sizeof garbage);
        put_bytes(&d, garbage, sizeof garbage);
        open_sequence(&d, tags[t]);
        open_item(&d);
        put_bytes(&d, garbage, sizeof garbage);
        close_item(&d);
        close_sequence(&d);
        put_references(&d, tags[t] == CONVERSION ? SOURCE : CONVERSION, "1.1\0", NULL);
        put_last_uids(&d);
        cr_assert_eq(read_dataset(&d, &i), 0);
        cr_assert_str_eq(i.series_instance_uid, "1.2.3.3");
        cr_assert(i.flags & INSTANCE_REFERENCES_CUT);
        cr_assert_not_null(strstr(i.references, "\"1.1\""));
        instance_done(&i);
    }
}

Test(header_references, a_garbled_frame_keeps_the_number_of_the_next)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    struct instance i;
    size_t frames, item;

    put_first_uids(&d);
    put_last_uids(&d);
    frames = put_sequence(&d, PER_FRAME, true);
    for (int n = 0; n < 3; n++) {
        item = put_item(&d, false);
        undefined = false;
        depth = 0;
        if (n == 1)
            put_bytes(&d, "12345678901234567890", 20);
        else
            put_references(&d, CONVERSION, "1.1\0", NULL);
        end_item(&d, item, false);
    }
    end_sequence(&d, frames, true);
    cr_assert_eq(read_dataset(&d, &i), 0);
    expect_references(&i, "[" REFERENCE("conversion", "1.1", "null,'1,3',null") "]");
    cr_assert(i.flags & INSTANCE_REFERENCES_CUT);
    instance_done(&i);
}

/* What took part in making an instance is no reference: the attribute is kept, whole. */
static void expect_equipment(const char *transfer_syntax_uid)
{
    _cleanup_dataset_ struct dataset d = {.transfer_syntax_uid = transfer_syntax_uid};
    struct instance i;

    undefined = true;
    depth = 0;
    put_first_uids(&d);
    open_sequence(&d, 0x0018A001);
    open_item(&d);
    put_text(&d, 0x00080070, "LO", "ACME");
    put_text(&d, 0x0018A002, "DT", "20260314");
    put_code(&d, PURPOSE, "109103", "DCM");
    close_item(&d);
    close_sequence(&d);
    put_last_uids(&d);
    cr_assert_eq(read_dataset(&d, &i), 0);
    cr_assert_eq(i.flags, 0);
    expect_references(&i, NULL);
    expect_json(&i, LEVEL_INSTANCE,
                "{'0018A001':{'vr':'SQ','Value':[{'00080070':{'vr':'LO','Value':['ACME']},"
                "'0018A002':{'vr':'DT','Value':['20260314']},'0040A170':{'vr':'SQ','Value':["
                "{'00080100':{'vr':'SH','Value':['109103']},'00080102':{'vr':'SH','Value':['DCM']},"
                "'00080104':{'vr':'LO','Value':['the meaning']}}]}}]}}");
    instance_done(&i);
}

Test(header_references, contributing_equipment_is_an_attribute)
{
    expect_equipment(EXPLICIT);
    expect_equipment(IMPLICIT);
}
