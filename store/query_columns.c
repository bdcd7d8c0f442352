#include "store/query_columns.h"
#include "store/attributes.h"

#include <stddef.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define OF_PATIENT                                                                                 \
    " from isthmus.study x where x.patient_key = p.patient_key and " SHOWN_STUDY("x") ")"

/* What the row of the study or series @table says, as long as nothing of it was rejected, else what
 * is shown to the one who asks. */
#define UNLESS_REJECTED(table, column, otherwise)                                                  \
    "case when " table ".rejected_instances = 0 then " column " else " otherwise " end"
#define SHOWN_OF_STUDY(table)                                                                      \
    " from isthmus.series y join isthmus.instance z using (series_key) where y.study_key = " table \
    ".study_key and " SHOWN_INSTANCE("z") ")"
#define COUNT_SERIES(table)                                                                        \
    UNLESS_REJECTED(table, table ".number_of_study_related_series",                                \
                    "(select count(distinct series_key)::integer" SHOWN_OF_STUDY(table))
#define COUNT_INSTANCES(table)                                                                     \
    UNLESS_REJECTED(table, INSTANCES_OF_STUDY(table),                                              \
                    "(select count(*)::integer" SHOWN_OF_STUDY(table))
/* As put_instance() collects them. */
#define MODALITIES                                                                                 \
    UNLESS_REJECTED(                                                                               \
        "t", "t.modalities_in_study",                                                              \
        "array(select distinct m.modality from isthmus.series y "                                  \
        "join isthmus.instance z using (series_key), lateral (select case "                        \
        "when z.series_attributes is null then y.modality "                                        \
        "else z.series_attributes #>> '{00080060,Value,0}' end as modality) m "                    \
        "where y.study_key = t.study_key and m.modality is not null and " SHOWN_INSTANCE("z") ")")
#define SOP_CLASSES                                                                                \
    UNLESS_REJECTED("t", "t.sop_classes_in_study",                                                 \
                    "array(select distinct z.sop_class_uid" SHOWN_OF_STUDY("t"))
#define COUNT_OF_SERIES                                                                            \
    UNLESS_REJECTED("s", INSTANCES_OF_SERIES("s"),                                                 \
                    "(select count(*)::integer from isthmus.instance z "                           \
                    "where z.series_key = s.series_key and " SHOWN_INSTANCE("z") ")")

/* clang-format off */
static const struct column columns[] = {
    {0x00080005, "CS", "SpecificCharacterSet", QUERY_STUDY, COLUMN_VALUES, "t.specific_character_set", false},
    {0x00080016, "UI", "SOPClassUID", QUERY_IMAGE, COLUMN_TEXT, "i.sop_class_uid", false},
    {0x00080018, "UI", "SOPInstanceUID", QUERY_IMAGE, COLUMN_TEXT, "i.sop_instance_uid", false},
    {0x00080020, "DA", "StudyDate", QUERY_STUDY, COLUMN_DATE, "t.study_date", false},
    {0x00080021, "DA", "SeriesDate", QUERY_SERIES, COLUMN_DATE, "s.series_date", false},
    {0x00080030, "TM", "StudyTime", QUERY_STUDY, COLUMN_TIME, "t.study_time", false},
    {0x00080031, "TM", "SeriesTime", QUERY_SERIES, COLUMN_TIME, "s.series_time", false},
    {0x00080050, "SH", "AccessionNumber", QUERY_STUDY, COLUMN_TEXT, "t.accession_number", false},
    {0x00080052, "CS", "QueryRetrieveLevel", QUERY_PATIENT, COLUMN_CONSTANT, NULL, true},
    {0x00080054, "AE", "RetrieveAETitle", QUERY_PATIENT, COLUMN_CONSTANT, NULL, true},
    {0x00080056, "CS", "InstanceAvailability", QUERY_PATIENT, COLUMN_STATE, NULL, true},
    {0x00080060, "CS", "Modality", QUERY_SERIES, COLUMN_TEXT, "s.modality", false},
    {0x00080061, "CS", "ModalitiesInStudy", QUERY_STUDY, COLUMN_ARRAY, MODALITIES, true},
    {0x00080062, "UI", "SOPClassesInStudy", QUERY_STUDY, COLUMN_ARRAY, SOP_CLASSES, true},
    {0x00080090, "PN", "ReferringPhysicianName", QUERY_STUDY, COLUMN_NAME, "t.referring_physician_name", false},
    {0x00081030, "LO", "StudyDescription", QUERY_STUDY, COLUMN_TEXT, "t.study_description", false},
    {0x0008103E, "LO", "SeriesDescription", QUERY_SERIES, COLUMN_TEXT, "s.series_description", false},
    {0x00083002, "UI", "AvailableTransferSyntaxUID", QUERY_IMAGE, COLUMN_TEXT, "i.transfer_syntax_uid", true},
    {0x00100010, "PN", "PatientName", QUERY_PATIENT, COLUMN_NAME, "p.patient_name", false},
    {0x00100020, "LO", "PatientID", QUERY_PATIENT, COLUMN_TEXT, "p.patient_id", false},
    {0x00100021, "LO", "IssuerOfPatientID", QUERY_PATIENT, COLUMN_TEXT, "p.issuer_of_patient_id", false},
    {0x00100030, "DA", "PatientBirthDate", QUERY_PATIENT, COLUMN_DATE, "p.patient_birth_date", false},
    {0x00100040, "CS", "PatientSex", QUERY_PATIENT, COLUMN_TEXT, "p.patient_sex", false},
    {0x00180015, "CS", "BodyPartExamined", QUERY_SERIES, COLUMN_TEXT, "s.body_part_examined", false},
    {0x0020000D, "UI", "StudyInstanceUID", QUERY_STUDY, COLUMN_TEXT, "t.study_instance_uid", false},
    {0x0020000E, "UI", "SeriesInstanceUID", QUERY_SERIES, COLUMN_TEXT, "s.series_instance_uid", false},
    {0x00200010, "SH", "StudyID", QUERY_STUDY, COLUMN_TEXT, "t.study_id", false},
    {0x00200011, "IS", "SeriesNumber", QUERY_SERIES, COLUMN_INTEGER, "s.series_number", false},
    {0x00200013, "IS", "InstanceNumber", QUERY_IMAGE, COLUMN_INTEGER, "i.instance_number", false},
    {0x00201200, "IS", "NumberOfPatientRelatedStudies", QUERY_PATIENT, COLUMN_INTEGER,
     "(select count(*)" OF_PATIENT, true},
    {0x00201202, "IS", "NumberOfPatientRelatedSeries", QUERY_PATIENT, COLUMN_INTEGER,
     "(select sum(" COUNT_SERIES("x") ")" OF_PATIENT, true},
    {0x00201204, "IS", "NumberOfPatientRelatedInstances", QUERY_PATIENT, COLUMN_INTEGER,
     "(select sum(" COUNT_INSTANCES("x") ")" OF_PATIENT, true},
    {0x00201206, "IS", "NumberOfStudyRelatedSeries", QUERY_STUDY, COLUMN_INTEGER,
     COUNT_SERIES("t"), true},
    {0x00201208, "IS", "NumberOfStudyRelatedInstances", QUERY_STUDY, COLUMN_INTEGER,
     COUNT_INSTANCES("t"), true},
    {0x00201209, "IS", "NumberOfSeriesRelatedInstances", QUERY_SERIES, COLUMN_INTEGER,
     COUNT_OF_SERIES, true},
    {0x01000410, "CS", "SOPInstanceStatus", QUERY_IMAGE, COLUMN_TEXT, "coalesce(i.sop_instance_status, 'NS')", false},
};

/* The documents of each level. Instances that differ from what came first carry a document of
 * their own; who the patient is, is the patient row's to say. */
static const char *const documents[] = {
    "p.attributes",
    "t.attributes",
    "s.attributes",
    "i.attributes",
};

static const struct {
    uint32_t date, time;
} pairs[] = {
    {0x00080012, 0x00080013}, {0x00080020, 0x00080030}, {0x00080021, 0x00080031},
    {0x00080022, 0x00080032}, {0x00080023, 0x00080033}, {0x00380020, 0x00380021},
    {0x00400002, 0x00400003}, {0x00400004, 0x00400005}, {0x00400244, 0x00400245},
    {0x00400250, 0x00400251}, {0x00402004, 0x00402005}, {0x00700082, 0x00700083},
};
/* clang-format on */

static const struct column *find_typed(uint32_t tag)
{
    for (size_t i = 0; i < COUNT(columns); i++)
        if (columns[i].tag == tag)
            return &columns[i];
    return NULL;
}

bool column_find(uint32_t tag, struct column *ret)
{
    const struct column *typed = find_typed(tag);
    const struct attribute *a = attribute_find(tag);

    if (typed)
        *ret = *typed;
    else if (a)
        *ret = (struct column){.tag = tag,
                               .vr = a->vr,
                               .keyword = a->keyword,
                               .level = (enum query_level)a->level,
                               .kind = COLUMN_DOCUMENT,
                               .sql = documents[a->level]};
    return typed || a;
}

uint32_t column_unique_key(enum query_level level)
{
    static const uint32_t keys[] = {TAG_PATIENT_ID, TAG_STUDY_UID, TAG_SERIES_UID,
                                    TAG_INSTANCE_UID};

    return keys[level];
}

const char *column_level_name(enum query_level level)
{
    static const char *const names[] = {"PATIENT", "STUDY", "SERIES", "IMAGE"};

    return names[level];
}

uint32_t column_time_of(uint32_t date_tag)
{
    for (size_t i = 0; i < COUNT(pairs); i++)
        if (pairs[i].date == date_tag)
            return pairs[i].time;
    return 0;
}

/* The lowest tag above @tag in both tables, 0 at the end. */
static uint32_t next_tag(uint32_t tag)
{
    uint32_t next = UINT32_MAX;

    for (size_t i = 0; i < COUNT(columns); i++)
        if (columns[i].tag > tag && columns[i].tag < next)
            next = columns[i].tag;
    for (size_t i = 0; i < attributes_count; i++)
        if (attributes[i].tag > tag && attributes[i].tag < next)
            next = attributes[i].tag;
    return next == UINT32_MAX ? 0 : next;
}

bool query_attribute(unsigned index, struct query_attribute *ret)
{
    uint32_t tag = next_tag(0);
    struct column c;
    bool required;

    for (; tag && index > 0; index--)
        tag = next_tag(tag);
    if (!(tag ? column_find(tag, &c) : worklist_column(index, &c, &required)))
        return false;
    *ret = (struct query_attribute){.tag = c.tag, .keyword = c.keyword, .level = c.level};
    memcpy(ret->vr, c.vr, 2);
    ret->matched = c.tag != TAG_LEVEL && c.tag != TAG_CHARACTER_SET &&
                   c.tag != TAG_TIMEZONE_OFFSET && c.tag != TAG_PERTINENT_DOCUMENTS;
    ret->returned = true;
    ret->how = c.computed ? "computed" : c.kind == COLUMN_DOCUMENT ? "attributes" : "column";
    return true;
}
