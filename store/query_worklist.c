#include "store/query_columns.h"

#include <stddef.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define ROW(tag, vr, keyword, level, kind, sql, required)                                          \
    {                                                                                              \
        {tag, vr, keyword, level, kind, sql, false}, required                                      \
    }
#define ORDER(...) ROW(__VA_ARGS__, QUERY_ORDER, COLUMN_DOCUMENT, "o.attributes", false)
#define ORDER_2(...) ROW(__VA_ARGS__, QUERY_ORDER, COLUMN_DOCUMENT, "o.attributes", true)
#define STEP(...) ROW(__VA_ARGS__, QUERY_STEP, COLUMN_DOCUMENT, "w.attributes", false)
#define STEP_2(...) ROW(__VA_ARGS__, QUERY_STEP, COLUMN_DOCUMENT, "w.attributes", true)
#define ORDER_COLUMN(tag, vr, keyword, ...) ROW(tag, vr, keyword, QUERY_ORDER, __VA_ARGS__)
#define STEP_COLUMN(tag, vr, keyword, ...) ROW(tag, vr, keyword, QUERY_STEP, __VA_ARGS__)

/* Table K.6-1 of PS3.4 and the modules that it names (PS3.3 C.2, C.3, C.4.10 to C.4.12), in order
 * of tag; …_2 and "true" are its return keys of types 1 and 2 (1C, 2C). */
/* clang-format off */
static const struct {
    struct column column;
    bool required;
} rows[] = {
    ORDER(0x00080020, "DA", "StudyDate"),
    ORDER(0x00080030, "TM", "StudyTime"),
    ORDER_COLUMN(0x00080050, "SH", "AccessionNumber", COLUMN_TEXT, "o.accession_number", true),
    ORDER(0x00080051, "SQ", "IssuerOfAccessionNumberSequence"),
    ORDER(0x00080080, "LO", "InstitutionName"),
    ORDER(0x00080081, "ST", "InstitutionAddress"),
    ORDER(0x00080082, "SQ", "InstitutionCodeSequence"),
    ORDER_2(0x00080090, "PN", "ReferringPhysicianName"),
    ORDER(0x00080092, "ST", "ReferringPhysicianAddress"),
    ORDER(0x00080094, "SH", "ReferringPhysicianTelephoneNumbers"),
    ORDER(0x00080096, "SQ", "ReferringPhysicianIdentificationSequence"),
    ORDER(0x0008009C, "PN", "ConsultingPhysicianName"),
    ORDER(0x0008009D, "SQ", "ConsultingPhysicianIdentificationSequence"),
    ORDER(0x00081080, "LO", "AdmittingDiagnosesDescription"),
    ORDER(0x00081084, "SQ", "AdmittingDiagnosesCodeSequence"),
    ORDER_2(0x00081110, "SQ", "ReferencedStudySequence"),
    ORDER_2(0x00081120, "SQ", "ReferencedPatientSequence"),
    ORDER_COLUMN(0x00100010, "PN", "PatientName", COLUMN_NAME, "o.patient_name", true),
    ORDER_COLUMN(0x00100020, "LO", "PatientID", COLUMN_TEXT, "o.patient_id", true),
    ORDER_COLUMN(0x00100021, "LO", "IssuerOfPatientID", COLUMN_TEXT, "o.issuer_of_patient_id", false),
    ORDER(0x00100022, "CS", "TypeOfPatientID"),
    ORDER(0x00100024, "SQ", "IssuerOfPatientIDQualifiersSequence"),
    ORDER_COLUMN(0x00100030, "DA", "PatientBirthDate", COLUMN_DATE, "o.patient_birth_date", true),
    ORDER(0x00100032, "TM", "PatientBirthTime"),
    ORDER_COLUMN(0x00100040, "CS", "PatientSex", COLUMN_TEXT, "o.patient_sex", true),
    ORDER(0x00100050, "SQ", "PatientInsurancePlanCodeSequence"),
    ORDER(0x00100101, "SQ", "PatientPrimaryLanguageCodeSequence"),
    ORDER(0x00100200, "CS", "QualityControlSubject"),
    ORDER(0x00101000, "LO", "OtherPatientIDs"),
    ORDER(0x00101001, "PN", "OtherPatientNames"),
    ORDER(0x00101002, "SQ", "OtherPatientIDsSequence"),
    ORDER(0x00101005, "PN", "PatientBirthName"),
    ORDER(0x00101010, "AS", "PatientAge"),
    ORDER(0x00101020, "DS", "PatientSize"),
    ORDER(0x00101021, "SQ", "PatientSizeCodeSequence"),
    ORDER_2(0x00101030, "DS", "PatientWeight"),
    ORDER(0x00101040, "LO", "PatientAddress"),
    ORDER(0x00101060, "PN", "PatientMotherBirthName"),
    ORDER(0x00101080, "LO", "MilitaryRank"),
    ORDER(0x00101081, "LO", "BranchOfService"),
    ORDER(0x00101090, "LO", "MedicalRecordLocator"),
    ORDER_2(0x00102000, "LO", "MedicalAlerts"),
    ORDER_2(0x00102110, "LO", "Allergies"),
    ORDER(0x00102150, "LO", "CountryOfResidence"),
    ORDER(0x00102152, "LO", "RegionOfResidence"),
    ORDER(0x00102154, "SH", "PatientTelephoneNumbers"),
    ORDER(0x00102155, "LT", "PatientTelecomInformation"),
    ORDER(0x00102160, "SH", "EthnicGroup"),
    ORDER(0x00102161, "SQ", "EthnicGroupCodeSequence"),
    ORDER(0x00102180, "SH", "Occupation"),
    ORDER(0x001021A0, "CS", "SmokingStatus"),
    ORDER(0x001021B0, "LT", "AdditionalPatientHistory"),
    ORDER_2(0x001021C0, "US", "PregnancyStatus"),
    ORDER(0x001021D0, "DA", "LastMenstrualDate"),
    ORDER(0x001021F0, "LO", "PatientReligiousPreference"),
    ORDER(0x00102201, "LO", "PatientSpeciesDescription"),
    ORDER(0x00102202, "SQ", "PatientSpeciesCodeSequence"),
    ORDER(0x00102203, "CS", "PatientSexNeutered"),
    ORDER(0x00102292, "LO", "PatientBreedDescription"),
    ORDER(0x00102293, "SQ", "PatientBreedCodeSequence"),
    ORDER(0x00102294, "SQ", "BreedRegistrationSequence"),
    ORDER(0x00102297, "PN", "ResponsiblePerson"),
    ORDER(0x00102298, "CS", "ResponsiblePersonRole"),
    ORDER(0x00102299, "LO", "ResponsibleOrganization"),
    ORDER(0x00104000, "LT", "PatientComments"),
    ORDER_COLUMN(0x0020000D, "UI", "StudyInstanceUID", COLUMN_TEXT, "o.study_instance_uid", true),
    ORDER(0x00321031, "SQ", "RequestingPhysicianIdentificationSequence"),
    ORDER_2(0x00321032, "PN", "RequestingPhysician"),
    ORDER(0x00321033, "LO", "RequestingService"),
    ORDER(0x00321034, "SQ", "RequestingServiceCodeSequence"),
    ORDER_2(0x00321060, "LO", "RequestedProcedureDescription"),
    ORDER_2(0x00321064, "SQ", "RequestedProcedureCodeSequence"),
    ORDER(0x00380004, "SQ", "ReferencedPatientAliasSequence"),
    ORDER(0x00380008, "CS", "VisitStatusID"),
    ORDER_2(0x00380010, "LO", "AdmissionID"),
    ORDER(0x00380014, "SQ", "IssuerOfAdmissionIDSequence"),
    ORDER(0x00380016, "LO", "RouteOfAdmissions"),
    ORDER(0x00380020, "DA", "AdmittingDate"),
    ORDER(0x00380021, "TM", "AdmittingTime"),
    ORDER_2(0x00380050, "LO", "SpecialNeeds"),
    ORDER(0x00380060, "LO", "ServiceEpisodeID"),
    ORDER(0x00380062, "LO", "ServiceEpisodeDescription"),
    ORDER(0x00380064, "SQ", "IssuerOfServiceEpisodeIDSequence"),
    ORDER(0x00380100, "SQ", "PertinentDocumentsSequence"),
    ORDER_2(0x00380300, "LO", "CurrentPatientLocation"),
    ORDER(0x00380400, "LO", "PatientInstitutionResidence"),
    ORDER_2(0x00380500, "LO", "PatientState"),
    ORDER(0x00380502, "SQ", "PatientClinicalTrialParticipationSequence"),
    ORDER(0x00384000, "LT", "VisitComments"),
    ORDER(0x00400026, "SQ", "OrderPlacerIdentifierSequence"),
    ORDER(0x00400027, "SQ", "OrderFillerIdentifierSequence"),
    ORDER(0x00400500, "SQ", "ScheduledSpecimenSequence"),
    ORDER_COLUMN(0x00401001, "SH", "RequestedProcedureID", COLUMN_TEXT, "o.requested_procedure_id", true),
    ORDER(0x00401002, "LO", "ReasonForTheRequestedProcedure"),
    ORDER_2(0x00401003, "SH", "RequestedProcedurePriority"),
    ORDER_2(0x00401004, "LO", "PatientTransportArrangements"),
    ORDER(0x00401005, "LO", "RequestedProcedureLocation"),
    ORDER(0x00401008, "LO", "ConfidentialityCode"),
    ORDER(0x00401009, "SH", "ReportingPriority"),
    ORDER(0x0040100A, "SQ", "ReasonForRequestedProcedureCodeSequence"),
    ORDER(0x00401010, "PN", "NamesOfIntendedRecipientsOfResults"),
    ORDER(0x00401011, "SQ", "IntendedRecipientsOfResultsIdentificationSequence"),
    ORDER(0x00401400, "LT", "RequestedProcedureComments"),
    ORDER(0x00402001, "LO", "ReasonForTheImagingServiceRequest"),
    ORDER(0x00402004, "DA", "IssueDateOfImagingServiceRequest"),
    ORDER(0x00402005, "TM", "IssueTimeOfImagingServiceRequest"),
    ORDER(0x00402008, "PN", "OrderEnteredBy"),
    ORDER(0x00402009, "SH", "OrderEntererLocation"),
    ORDER(0x00402010, "SH", "OrderCallbackPhoneNumber"),
    ORDER(0x00402016, "LO", "PlacerOrderNumberImagingServiceRequest"),
    ORDER(0x00402017, "LO", "FillerOrderNumberImagingServiceRequest"),
    ORDER(0x00402400, "LT", "ImagingServiceRequestComments"),
    ORDER_2(0x00403001, "LO", "ConfidentialityConstraintOnPatientDataDescription"),
    ORDER(0x0040A390, "SQ", "HL7StructuredDocumentReferenceSequence"),
    ORDER(0x22000005, "LT", "BarcodeValue"),

    STEP_COLUMN(0x00080060, "CS", "Modality", COLUMN_TEXT, "w.modality", true),
    STEP(0x00102210, "CS", "AnatomicalOrientationType"),
    STEP(0x0018990C, "SQ", "ReferencedDefinedProtocolSequence"),
    STEP(0x0018990D, "SQ", "ReferencedPerformedProtocolSequence"),
    STEP_2(0x00321070, "LO", "RequestedContrastAgent"),
    STEP_COLUMN(0x00400001, "AE", "ScheduledStationAETitle", COLUMN_ARRAY, "w.scheduled_station_ae_titles", true),
    STEP_COLUMN(0x00400002, "DA", "ScheduledProcedureStepStartDate", COLUMN_DATE, "w.start_date", true),
    STEP_COLUMN(0x00400003, "TM", "ScheduledProcedureStepStartTime", COLUMN_TIME, "w.start_time", true),
    STEP_COLUMN(0x00400004, "DA", "ScheduledProcedureStepEndDate", COLUMN_DATE, "w.end_date", false),
    STEP_COLUMN(0x00400005, "TM", "ScheduledProcedureStepEndTime", COLUMN_TIME, "w.end_time", false),
    STEP_COLUMN(0x00400006, "PN", "ScheduledPerformingPhysicianName", COLUMN_NAME, "w.performing_physician_name", true),
    STEP_2(0x00400007, "LO", "ScheduledProcedureStepDescription"),
    STEP_2(0x00400008, "SQ", "ScheduledProtocolCodeSequence"),
    STEP_COLUMN(0x00400009, "SH", "ScheduledProcedureStepID", COLUMN_TEXT, "w.scheduled_procedure_step_id", true),
    STEP(0x0040000A, "SQ", "StageCodeSequence"),
    STEP(0x0040000B, "SQ", "ScheduledPerformingPhysicianIdentificationSequence"),
    STEP_COLUMN(0x00400010, "SH", "ScheduledStationName", COLUMN_ARRAY, "w.scheduled_station_names", true),
    STEP_COLUMN(0x00400011, "SH", "ScheduledProcedureStepLocation", COLUMN_TEXT, "w.scheduled_location", true),
    STEP_2(0x00400012, "LO", "PreMedication"),
    STEP_COLUMN(0x00400020, "CS", "ScheduledProcedureStepStatus", COLUMN_TEXT, "w.status", false),
    STEP(0x00400400, "LT", "CommentsOnTheScheduledProcedureStep"),
};
/* clang-format on */

bool worklist_column(size_t index, struct column *ret, bool *ret_required)
{
    if (index >= COUNT(rows))
        return false;
    *ret = rows[index].column;
    *ret_required = rows[index].required;
    return true;
}

bool worklist_column_find(uint32_t tag, enum query_level level, struct column *ret)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].column.tag == tag && rows[i].column.level == level) {
            *ret = rows[i].column;
            return true;
        }
    return false;
}
