#include "dataset.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* A bit of everything, the same in each transfer syntax. */
static void put_example(struct dataset *d)
{
    size_t sequence, item;

    put_text(d, 0x00080005, "CS", "ISO_IR 100");
    put_text(d, 0x00080008, "CS", "ORIGINAL\\PRIMARY\\\\AXIAL ");
    put_first_uids(d);
    put_text(d, 0x00080020, "DA", "20260314");
    put_text(d, 0x00080050, "SH", "A0042 ");
    put_text(d, 0x00080060, "CS", "CT");
    sequence = put_sequence(d, 0x00081032, false);
    item = put_item(d, true);
    put_text(d, 0x00080100, "SH", "CTCHEST");
    put_text(d, 0x00080104, "LO", "CT Brust gro\xdf");
    end_item(d, item, true);
    end_sequence(d, sequence, false);
    put_text(d, 0x00090010, "LO", "PRIVATE");
    put_head(d, 0x00091001, "OB", 6);
    put_bytes(d, "\1\2\3\4\5\6", 6);
    put_text(d, 0x00100010, "PN", "M\xfcller^J\xf6rg");
    put_text(d, 0x00101030, "DS", " 62.50");
    put_last_uids(d);
    put_text(d, 0x00200013, "IS", "7 ");
    put_us(d, 0x00280010, 512);
    sequence = put_sequence(d, 0x00400275, true);
    item = put_item(d, false);
    put_text(d, 0x00401001, "SH", "RP1 ");
    end_item(d, item, false);
    end_sequence(d, sequence, true);
    put_head(d, 0x7FE00010, "OW", 4);
    put_bytes(d, "\1\2\3\4", 4);
}

static void expect_example(const struct instance *i)
{
    cr_assert_str_eq(i->sop_class_uid, "1.2.840.10008.5.1.4.1.1.2");
    cr_assert_str_eq(i->sop_instance_uid, "1.2.3.4");
    cr_assert_str_eq(i->study_instance_uid, "1.2.3");
    cr_assert_str_eq(i->series_instance_uid, "1.2.3.3");
    cr_assert_eq(i->flags, 0);
    expect_json(i, LEVEL_PATIENT,
                "{'00100010':{'vr':'PN','Value':[{'Alphabetic':'Müller^Jörg'}]}}");
    expect_json(i, LEVEL_STUDY,
                "{'00080005':{'vr':'CS','Value':['ISO_IR 100']},"
                "'00080020':{'vr':'DA','Value':['20260314']},"
                "'00080050':{'vr':'SH','Value':['A0042']},"
                "'00081032':{'vr':'SQ','Value':[{'00080100':{'vr':'SH','Value':['CTCHEST']},"
                "'00080104':{'vr':'LO','Value':['CT Brust groß']}}]},"
                "'00101030':{'vr':'DS','Value':['62.50']},"
                "'00200010':{'vr':'SH','Value':['S1']}}");
    expect_json(i, LEVEL_SERIES,
                "{'00080060':{'vr':'CS','Value':['CT']},"
                "'00400275':{'vr':'SQ','Value':[{'00401001':{'vr':'SH','Value':['RP1']}}]}}");
    expect_json(i, LEVEL_INSTANCE,
                "{'00080008':{'vr':'CS','Value':['ORIGINAL','PRIMARY',null,'AXIAL']},"
                "'00200013':{'vr':'IS','Value':['7']},"
                "'00280010':{'vr':'US','Value':[512]}}");
}

static void make_example(struct dataset *d, const char *transfer_syntax_uid)
{
    bool deflated = strcmp(transfer_syntax_uid, DEFLATED) == 0;

    d->transfer_syntax_uid = deflated ? EXPLICIT : transfer_syntax_uid;
    put_example(d);
    if (deflated)
        deflate_dataset(d);
}

static const char *const syntaxes[] = {EXPLICIT, IMPLICIT, BIG_ENDIAN_EXPLICIT, DEFLATED};

Test(header, every_encoding_of_a_data_set_gives_the_same)
{
    for (size_t s = 0; s < COUNT(syntaxes); s++) {
        _cleanup_dataset_ struct dataset d = {.n = 0};
        struct instance i;

        make_example(&d, syntaxes[s]);
        cr_assert_eq(read_dataset(&d, &i), 0, "%s", syntaxes[s]);
        expect_example(&i);
        instance_done(&i);
    }
}

Test(header, pieces_of_any_size_give_the_same)
{
    for (size_t s = 0; s < COUNT(syntaxes); s++) {
        _cleanup_dataset_ struct dataset d = {.n = 0};

        make_example(&d, syntaxes[s]);
        for (size_t step = 1; step < d.n; step++) {
            struct instance i;

            cr_assert_eq(read_bytes(syntaxes[s], d.bytes, d.n, step, &i, NULL), 0);
            expect_example(&i);
            instance_done(&i);
        }
    }
}

Test(header, compressed_transfer_syntaxes_and_unknown_ones_are_explicit_little_endian_outside)
{
    static const char *const uids[] = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.201",
                                       "1.2.840.10008.1.2.8.1", "1.2.3.4.5", ""};
    _cleanup_dataset_ struct dataset d = {.n = 0};

    put_example(&d);
    for (size_t u = 0; u < COUNT(uids); u++) {
        struct instance i;

        cr_assert_eq(read_bytes(uids[u], d.bytes, d.n, 0, &i, NULL), 0);
        expect_example(&i);
        instance_done(&i);
    }
}

Test(header, referenced_pixel_data_may_be_deflated_too)
{
    static const char *const uids[] = {"1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"};
    _cleanup_dataset_ struct dataset d = {.n = 0};

    make_example(&d, DEFLATED);
    for (size_t u = 0; u < COUNT(uids); u++) {
        struct instance i;

        cr_assert_eq(read_bytes(uids[u], d.bytes, d.n, 5, &i, NULL), 0);
        expect_example(&i);
        instance_done(&i);
    }
}

Test(header, a_stream_that_is_damaged_behind_the_header_does_not_matter)
{
    _cleanup_dataset_ struct dataset d = {.transfer_syntax_uid = EXPLICIT};
    _cleanup_dataset_ struct dataset stream = {.n = 0};

    put_example(&d);
    /* a stored block, and one of a type that does not exist (RFC 1951 3.2.3) */
    put_bytes(
        &stream,
        (uint8_t[]){0, (uint8_t)d.n, (uint8_t)(d.n >> 8), (uint8_t)~d.n, (uint8_t)(~d.n >> 8)}, 5);
    put_bytes(&stream, d.bytes, d.n);
    put_bytes(&stream, "\6\0\0\0", 4);
    for (size_t step = 0; step < 4; step++) {
        struct instance i;

        cr_assert_eq(read_bytes(DEFLATED, stream.bytes, stream.n, step, &i, NULL), 0);
        expect_example(&i);
        instance_done(&i);
    }
    stream.bytes[0] = 6;
    cr_assert_eq(
        read_bytes(DEFLATED, stream.bytes, stream.n, 0, &(struct instance){.flags = 0}, NULL),
        -EBADMSG);
}

Test(header, text_is_trimmed_and_empty_is_absent)
{
    static const struct {
        uint32_t tag;
        const char *vr, *text;
        enum level level;
        const char *json;
    } rows[] = {
        {0x00100020, "LO", "  7001  ", LEVEL_PATIENT, "{'00100020':{'vr':'LO','Value':['7001']}}"},
        {0x00100020, "LO", "   ", LEVEL_PATIENT, "{}"},
        {0x00100020, "LO", "", LEVEL_PATIENT, "{}"},
        {0x00102154, "SH", " 1 \\\\ 2\\", LEVEL_PATIENT,
         "{'00102154':{'vr':'SH','Value':['1',null,'2',null]}}"},
        {0x00102154, "SH", "\\ \\", LEVEL_PATIENT, "{}"},
        {0x00420010, "ST", "  A\\B \t\r\n ", LEVEL_INSTANCE,
         "{'00420010':{'vr':'ST','Value':['  A\\\\B \\t\\r\\n']}}"},
        {0x00420010, "ST", " \r\n ", LEVEL_INSTANCE, "{}"},
        {0x00100010, "PN", "Doe^John ", LEVEL_PATIENT,
         "{'00100010':{'vr':'PN','Value':[{'Alphabetic':'Doe^John'}]}}"},
        {0x00100010, "PN", "A=I=P=X", LEVEL_PATIENT,
         "{'00100010':{'vr':'PN','Value':[{'Alphabetic':'A','Ideographic':'I','Phonetic':'P'}]}}"},
        {0x00100010, "PN", "==P", LEVEL_PATIENT,
         "{'00100010':{'vr':'PN','Value':[{'Phonetic':'P'}]}}"},
        {0x00100010, "PN", " ^^^^ ==", LEVEL_PATIENT, "{}"},
        {0x00101001, "PN", "A\\\\B", LEVEL_PATIENT,
         "{'00101001':{'vr':'PN','Value':[{'Alphabetic':'A'},null,{'Alphabetic':'B'}]}}"},
        {0x00080021, "DA", "20260314", LEVEL_SERIES,
         "{'00080021':{'vr':'DA','Value':['20260314']}}"},
        {0x00181002, "UI", "1.2.3", LEVEL_SERIES, "{'00181002':{'vr':'UI','Value':['1.2.3']}}"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        _cleanup_dataset_ struct dataset d = {.n = 0};
        struct instance instance;

        put_text(&d, rows[i].tag, rows[i].vr, rows[i].text);
        cr_assert_eq(read_dataset(&d, &instance), 0);
        expect_json(&instance, rows[i].level, rows[i].json);
        cr_assert_eq(instance.flags, 0);
        instance_done(&instance);
    }
}

Test(header, nul_padding_goes)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    struct instance i;

    put_head(&d, 0x00080018, "UI", 8);
    put_bytes(&d, "1.2.3.4\0", 8);
    put_head(&d, 0x00100020, "LO", 6);
    put_bytes(&d, "70\0001 \0", 6);
    cr_assert_eq(read_dataset(&d, &i), 0);
    cr_assert_str_eq(i.sop_instance_uid, "1.2.3.4");
    expect_json(&i, LEVEL_PATIENT, "{'00100020':{'vr':'LO','Value':['701']}}");
    cr_assert_eq(i.flags, 0);
    instance_done(&i);
}

/* A number inside a kept sequence, where every VR of the data set is taken. */
static void expect_number(const char *transfer_syntax_uid, const char *vr, const char *bytes,
                          uint32_t n, const char *json)
{
    _cleanup_dataset_ struct dataset d = {.transfer_syntax_uid = transfer_syntax_uid};
    char expected[200];
    struct instance i;
    size_t sequence = put_sequence(&d, 0x0040A043, true), item = put_item(&d, true);

    put_head(&d, 0x00720001, vr, n);
    put_bytes(&d, bytes, n);
    end_item(&d, item, true);
    end_sequence(&d, sequence, true);
    cr_assert_eq(read_dataset(&d, &i), 0);
    (void)snprintf(expected, sizeof expected,
                   "{'0040A043':{'vr':'SQ','Value':[{'00720001':{'vr':'%s','Value':%s}}]}}", vr,
                   json);
    expect_json(&i, LEVEL_INSTANCE, expected);
    instance_done(&i);
}

Test(header, binary_numbers_become_json_numbers)
{
    static const struct {
        const char *vr, *little, *big;
        uint32_t n;
        const char *json;
    } rows[] = {
        {"US", "\1\0\xff\xff", "\0\1\xff\xff", 4, "[1,65535]"},
        {"SS", "\xfe\xff", "\xff\xfe", 2, "[-2]"},
        {"UL", "\1\2\3\xff", "\xff\3\2\1", 4, "[4278387201]"},
        {"SL", "\xff\xff\xff\xff", "\xff\xff\xff\xff", 4, "[-1]"},
        {"SV", "\xfe\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xfe", 8, "[-2]"},
        {"UV", "\xff\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xff", 8,
         "['18446744073709551615']"},
        {"UV", "\2\0\0\0\0\0\0\0", "\0\0\0\0\0\0\0\2", 8, "[2]"},
        {"FL", "\0\0\xc0\x3f", "\x3f\xc0\0\0", 4, "[1.5]"},
        {"FD", "\0\0\0\0\0\0\xf8\xbf", "\xbf\xf8\0\0\0\0\0\0", 8, "[-1.5]"},
        {"FL", "\0\0\x80\x7f\0\0\xc0\x3f", "\x7f\x80\0\0\x3f\xc0\0\0", 8, "[null,1.5]"},
        {"FL", "\xff\xff\x7f\x7f\0\0\xc0\x3f", "\x7f\x7f\xff\xff\x3f\xc0\0\0", 8, "[null,1.5]"},
        {"FD", "\x9c\x75\0\x88\x3c\xe4\x37\x7e\0\0\0\0\0\0\xf8\x3f",
         "\x7e\x37\xe4\x3c\x88\0\x75\x9c\x3f\xf8\0\0\0\0\0\0", 16, "[null,1.5]"},
        {"FD", "\0\0\0\0\0\0\x40\xc3\0\0\0\0\0\0\xf8\x3f",
         "\xc3\x40\0\0\0\0\0\0\x3f\xf8\0\0\0\0\0\0", 16, "[null,1.5]"},
        {"FD", "\xff\xff\xff\xff\xff\xff\x3f\x43\0\0\0\0\0\0\xf8\x3f",
         "\x43\x3f\xff\xff\xff\xff\xff\xff\x3f\xf8\0\0\0\0\0\0", 16, "[9007199254740991.0,1.5]"},
        {"AT", "\x20\0\x0d\0\xfe\xff\0\xe0", "\0\x20\0\x0d\xff\xfe\xe0\0", 8,
         "['0020000D','FFFEE000']"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        expect_number(EXPLICIT, rows[i].vr, rows[i].little, rows[i].n, rows[i].json);
        expect_number(BIG_ENDIAN_EXPLICIT, rows[i].vr, rows[i].big, rows[i].n, rows[i].json);
    }
}

Test(header, indexed_values_that_break_their_vr_are_kept_and_flagged)
{
    static const struct {
        uint32_t tag;
        const char *vr, *text;
        unsigned flags;
    } rows[] = {
        {0x00080020, "DA", "20260631", INSTANCE_VALUE_INVALID},
        {0x00080020, "DA", "2026.03.14", 0},
        {0x00080030, "TM", "2515", INSTANCE_VALUE_INVALID},
        {0x0008002A, "DT", "20260314101500+0100", 0},
        {0x0008002A, "DT", "yesterday", INSTANCE_VALUE_INVALID},
        {0x00200011, "IS", "+12", 0},
        {0x00200011, "IS", "1.5", INSTANCE_VALUE_INVALID},
        {0x00200011, "IS", "-", INSTANCE_VALUE_INVALID},
        {0x00200011, "IS", "1234567890123", INSTANCE_VALUE_INVALID},
        {0x00101030, "DS", "7.5E1", 0},
        {0x00101030, "DS", ".5", 0},
        {0x00101030, "DS", "-1.e-3", 0},
        {0x00101030, "DS", "75kg", INSTANCE_VALUE_INVALID},
        {0x00101030, "DS", "NaN", INSTANCE_VALUE_INVALID},
        {0x00101030, "DS", "1e", INSTANCE_VALUE_INVALID},
        {0x0020000D, "UI", "1.2.ABC", INSTANCE_UID_INVALID},
        {0x0020000D, "UI", "1.2\\1.3", INSTANCE_UID_INVALID},
        {0x0020000D, "UI", "1.02.3", 0},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        _cleanup_dataset_ struct dataset d = {.n = 0};
        struct instance instance;

        put_text(&d, rows[i].tag, rows[i].vr, rows[i].text);
        cr_assert_eq(read_dataset(&d, &instance), 0);
        cr_assert_eq(instance.flags, rows[i].flags, "%08X %s", rows[i].tag, rows[i].text);
        cr_assert(instance.study_instance_uid ||
                  json_object_size(instance.attributes[LEVEL_STUDY]) +
                          json_object_size(instance.attributes[LEVEL_SERIES]) +
                          json_object_size(instance.attributes[LEVEL_INSTANCE]) ==
                      1);
        instance_done(&instance);
    }
}

Test(header, the_character_set_of_an_item_applies_inside_it)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    struct instance i;
    size_t sequence, item;

    put_text(&d, 0x00080005, "CS", "ISO_IR 100");
    sequence = put_sequence(&d, 0x00081032, false);
    item = put_item(&d, false);
    put_text(&d, 0x00080005, "CS", "ISO_IR 144");
    put_text(&d, 0x00080104, "LO", "\xbb");
    end_item(&d, item, false);
    item = put_item(&d, false);
    put_text(&d, 0x00080104, "LO", "\xe9");
    end_item(&d, item, false);
    end_sequence(&d, sequence, false);
    put_text(&d, 0x00200010, "SH", "\xe9");
    cr_assert_eq(read_dataset(&d, &i), 0);
    expect_json(&i, LEVEL_STUDY,
                "{'00080005':{'vr':'CS','Value':['ISO_IR 100']},"
                "'00081032':{'vr':'SQ','Value':[{'00080104':{'vr':'LO','Value':['Л']}},"
                "{'00080104':{'vr':'LO','Value':['é']}}]},'00200010':{'vr':'SH','Value':['é']}}");
    cr_assert_eq(i.flags, 0);
    instance_done(&i);
}

Test(header, text_problems_are_flags)
{
    static const struct {
        const char *terms, *text;
        unsigned flags;
        const char *json;
    } rows[] = {
        {"ISO_IR 999", "A", INSTANCE_CHARSET_UNKNOWN, "A"},
        {"ISO_IR 999", "\xc3\xa9", INSTANCE_CHARSET_UNKNOWN | INSTANCE_TEXT_UNDECODABLE, "é"},
        {"ISO_IR 192", "a\xff", INSTANCE_TEXT_UNDECODABLE, "a\ufffd"},
        {"", "a\xff", INSTANCE_TEXT_UNDECODABLE, "a\ufffd"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        _cleanup_dataset_ struct dataset d = {.n = 0};
        struct instance instance;
        char expected[100];

        put_text(&d, 0x00080005, "CS", rows[i].terms);
        put_text(&d, 0x00100020, "LO", rows[i].text);
        cr_assert_eq(read_dataset(&d, &instance), 0);
        (void)snprintf(expected, sizeof expected, "{'00100020':{'vr':'LO','Value':['%s']}}",
                       rows[i].json);
        expect_json(&instance, LEVEL_PATIENT, expected);
        cr_assert_eq(instance.flags, rows[i].flags);
        instance_done(&instance);
    }
}
