#include "store/attributes.h"
#include "store/vr.h"

#include <criterion/criterion.h>
#include <string.h>

Test(attributes, rows_are_in_order_of_tag_and_sound)
{
    for (size_t i = 0; i < attributes_count; i++) {
        const struct attribute *a = &attributes[i];

        if (i > 0)
            cr_assert_lt(attributes[i - 1].tag, a->tag, "%08X", a->tag);
        cr_assert_neq(vr_kind(VR_OF(a->vr)), VR_BULK, "%08X %s", a->tag, a->vr);
        cr_assert_lt(a->level, LEVEL_COUNT);
        cr_assert_gt(strlen(a->keyword), 3);
        cr_assert_eq(a->tag >> 16 & 1, 0, "%08X is private", a->tag);
        cr_assert_eq(attribute_find(a->tag), a);
        cr_assert_str_eq(attribute_vr(a->tag), a->vr);
    }
}

Test(attributes, what_publishing_reads_is_kept_at_its_level)
{
    static const struct {
        uint32_t tag;
        const char *vr;
        enum level level;
        const char *keyword;
    } rows[] = {
        {0x00080008, "CS", LEVEL_INSTANCE, "ImageType"},
        {0x00080050, "SH", LEVEL_STUDY, "AccessionNumber"},
        {0x00080051, "SQ", LEVEL_STUDY, "IssuerOfAccessionNumberSequence"},
        {0x00080110, "SQ", LEVEL_INSTANCE, "CodingSchemeIdentificationSequence"},
        {0x00080201, "SH", LEVEL_INSTANCE, "TimezoneOffsetFromUTC"},
        {0x0008103E, "LO", LEVEL_SERIES, "SeriesDescription"},
        {0x00100010, "PN", LEVEL_PATIENT, "PatientName"},
        {0x00100024, "SQ", LEVEL_PATIENT, "IssuerOfPatientIDQualifiersSequence"},
        {0x00101010, "AS", LEVEL_STUDY, "PatientAge"},
        {0x00101030, "DS", LEVEL_STUDY, "PatientWeight"},
        {0x00200013, "IS", LEVEL_INSTANCE, "InstanceNumber"},
        {0x0020000D, "UI", LEVEL_STUDY, "StudyInstanceUID"},
        {0x00280010, "US", LEVEL_INSTANCE, "Rows"},
        {0x00400275, "SQ", LEVEL_SERIES, "RequestAttributesSequence"},
        {0x00402016, "LO", LEVEL_STUDY, "PlacerOrderNumberImagingServiceRequest"},
        {0x0040A043, "SQ", LEVEL_INSTANCE, "ConceptNameCodeSequence"},
        {0x0040A370, "SQ", LEVEL_INSTANCE, "ReferencedRequestSequence"},
        {0x00420010, "ST", LEVEL_INSTANCE, "DocumentTitle"},
        {0x01000410, "CS", LEVEL_INSTANCE, "SOPInstanceStatus"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct attribute *a = attribute_find(rows[i].tag);

        cr_assert_not_null(a, "%08X", rows[i].tag);
        cr_assert_str_eq(a->vr, rows[i].vr, "%08X", rows[i].tag);
        cr_assert_eq(a->level, rows[i].level, "%08X", rows[i].tag);
        cr_assert_str_eq(a->keyword, rows[i].keyword);
    }
}

Test(attributes, what_is_not_in_the_table_is_not_found)
{
    static const uint32_t tags[] = {0x00000000, 0x00080006, 0x00100009, 0x00104000,
                                    0x0040A375, 0x00209172, 0x7FE00010, 0xFFFFFFFF};

    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        cr_assert_null(attribute_find(tags[i]), "%08X", tags[i]);
}

Test(attributes, the_vr_of_nested_attributes_is_known)
{
    cr_assert_str_eq(attribute_vr(0x00080005), "CS");
    cr_assert_str_eq(attribute_vr(0x00080100), "SH");
    cr_assert_str_eq(attribute_vr(0x00400032), "UT");
    cr_assert_str_eq(attribute_vr(0x0040A730), "SQ");
    cr_assert_str_eq(attribute_vr(0x00100010), "PN");
    cr_assert_null(attribute_vr(0x00180050));
    cr_assert_null(attribute_vr(0x00090010));
}

Test(attributes, a_key_is_eight_upper_case_hexadecimal_digits)
{
    char key[ATTRIBUTE_KEY_SIZE];

    attribute_key(0x0020000D, key);
    cr_assert_str_eq(key, "0020000D");
    attribute_key(0xFFFEE0DD, key);
    cr_assert_str_eq(key, "FFFEE0DD");
    attribute_key(0, key);
    cr_assert_str_eq(key, "00000000");
}
