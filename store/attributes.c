#include "store/attributes.h"

/* clang-format off */
const struct attribute attributes[] = {
    {0x00080005, "CS", LEVEL_STUDY, "SpecificCharacterSet"},
    {0x00080008, "CS", LEVEL_INSTANCE, "ImageType"},
    {0x00080012, "DA", LEVEL_INSTANCE, "InstanceCreationDate"},
    {0x00080013, "TM", LEVEL_INSTANCE, "InstanceCreationTime"},
    {0x00080014, "UI", LEVEL_INSTANCE, "InstanceCreatorUID"},
    {0x00080016, "UI", LEVEL_INSTANCE, "SOPClassUID"},
    {0x00080018, "UI", LEVEL_INSTANCE, "SOPInstanceUID"},
    {0x00080020, "DA", LEVEL_STUDY, "StudyDate"},
    {0x00080021, "DA", LEVEL_SERIES, "SeriesDate"},
    {0x00080022, "DA", LEVEL_INSTANCE, "AcquisitionDate"},
    {0x00080023, "DA", LEVEL_INSTANCE, "ContentDate"},
    {0x0008002A, "DT", LEVEL_INSTANCE, "AcquisitionDateTime"},
    {0x00080030, "TM", LEVEL_STUDY, "StudyTime"},
    {0x00080031, "TM", LEVEL_SERIES, "SeriesTime"},
    {0x00080032, "TM", LEVEL_INSTANCE, "AcquisitionTime"},
    {0x00080033, "TM", LEVEL_INSTANCE, "ContentTime"},
    {0x00080050, "SH", LEVEL_STUDY, "AccessionNumber"},
    {0x00080051, "SQ", LEVEL_STUDY, "IssuerOfAccessionNumberSequence"},
    {0x00080060, "CS", LEVEL_SERIES, "Modality"},
    {0x00080068, "CS", LEVEL_SERIES, "PresentationIntentType"},
    {0x00080070, "LO", LEVEL_SERIES, "Manufacturer"},
    {0x00080080, "LO", LEVEL_SERIES, "InstitutionName"},
    {0x00080081, "ST", LEVEL_SERIES, "InstitutionAddress"},
    {0x00080082, "SQ", LEVEL_SERIES, "InstitutionCodeSequence"},
    {0x00080090, "PN", LEVEL_STUDY, "ReferringPhysicianName"},
    {0x00080096, "SQ", LEVEL_STUDY, "ReferringPhysicianIdentificationSequence"},
    {0x0008009C, "PN", LEVEL_STUDY, "ConsultingPhysicianName"},
    {0x0008009D, "SQ", LEVEL_STUDY, "ConsultingPhysicianIdentificationSequence"},
    {0x00080110, "SQ", LEVEL_INSTANCE, "CodingSchemeIdentificationSequence"},
    {0x00080201, "SH", LEVEL_INSTANCE, "TimezoneOffsetFromUTC"},
    {0x00081010, "SH", LEVEL_SERIES, "StationName"},
    {0x00081030, "LO", LEVEL_STUDY, "StudyDescription"},
    {0x00081032, "SQ", LEVEL_STUDY, "ProcedureCodeSequence"},
    {0x0008103E, "LO", LEVEL_SERIES, "SeriesDescription"},
    {0x0008103F, "SQ", LEVEL_SERIES, "SeriesDescriptionCodeSequence"},
    {0x00081040, "LO", LEVEL_SERIES, "InstitutionalDepartmentName"},
    {0x00081041, "SQ", LEVEL_SERIES, "InstitutionalDepartmentTypeCodeSequence"},
    {0x00081048, "PN", LEVEL_STUDY, "PhysiciansOfRecord"},
    {0x00081049, "SQ", LEVEL_STUDY, "PhysiciansOfRecordIdentificationSequence"},
    {0x00081050, "PN", LEVEL_SERIES, "PerformingPhysicianName"},
    {0x00081052, "SQ", LEVEL_SERIES, "PerformingPhysicianIdentificationSequence"},
    {0x00081060, "PN", LEVEL_STUDY, "NameOfPhysiciansReadingStudy"},
    {0x00081062, "SQ", LEVEL_STUDY, "PhysiciansReadingStudyIdentificationSequence"},
    {0x00081070, "PN", LEVEL_SERIES, "OperatorsName"},
    {0x00081072, "SQ", LEVEL_SERIES, "OperatorIdentificationSequence"},
    {0x00081080, "LO", LEVEL_STUDY, "AdmittingDiagnosesDescription"},
    {0x00081084, "SQ", LEVEL_STUDY, "AdmittingDiagnosesCodeSequence"},
    {0x00081090, "LO", LEVEL_SERIES, "ManufacturerModelName"},
    {0x00081110, "SQ", LEVEL_STUDY, "ReferencedStudySequence"},
    {0x00081111, "SQ", LEVEL_SERIES, "ReferencedPerformedProcedureStepSequence"},
    {0x00081250, "SQ", LEVEL_SERIES, "RelatedSeriesSequence"},
    {0x00082218, "SQ", LEVEL_SERIES, "AnatomicRegionSequence"},
    {0x00089215, "SQ", LEVEL_INSTANCE, "DerivationCodeSequence"},
    {0x00100010, "PN", LEVEL_PATIENT, "PatientName"},
    {0x00100020, "LO", LEVEL_PATIENT, "PatientID"},
    {0x00100021, "LO", LEVEL_PATIENT, "IssuerOfPatientID"},
    {0x00100022, "CS", LEVEL_PATIENT, "TypeOfPatientID"},
    {0x00100024, "SQ", LEVEL_PATIENT, "IssuerOfPatientIDQualifiersSequence"},
    {0x00100030, "DA", LEVEL_PATIENT, "PatientBirthDate"},
    {0x00100032, "TM", LEVEL_PATIENT, "PatientBirthTime"},
    {0x00100040, "CS", LEVEL_PATIENT, "PatientSex"},
    {0x00100200, "CS", LEVEL_PATIENT, "QualityControlSubject"},
    {0x00101000, "LO", LEVEL_PATIENT, "OtherPatientIDs"},
    {0x00101001, "PN", LEVEL_PATIENT, "OtherPatientNames"},
    {0x00101002, "SQ", LEVEL_PATIENT, "OtherPatientIDsSequence"},
    {0x00101005, "PN", LEVEL_PATIENT, "PatientBirthName"},
    {0x00101010, "AS", LEVEL_STUDY, "PatientAge"},
    {0x00101020, "DS", LEVEL_STUDY, "PatientSize"},
    {0x00101021, "SQ", LEVEL_STUDY, "PatientSizeCodeSequence"},
    {0x00101022, "DS", LEVEL_STUDY, "PatientBodyMassIndex"},
    {0x00101030, "DS", LEVEL_STUDY, "PatientWeight"},
    {0x00101040, "LO", LEVEL_PATIENT, "PatientAddress"},
    {0x00101060, "PN", LEVEL_PATIENT, "PatientMotherBirthName"},
    {0x00102154, "SH", LEVEL_PATIENT, "PatientTelephoneNumbers"},
    {0x00102160, "SH", LEVEL_PATIENT, "EthnicGroup"},
    {0x00102161, "SQ", LEVEL_PATIENT, "EthnicGroupCodeSequence"},
    {0x00102180, "SH", LEVEL_STUDY, "Occupation"},
    {0x00102201, "LO", LEVEL_PATIENT, "PatientSpeciesDescription"},
    {0x00102202, "SQ", LEVEL_PATIENT, "PatientSpeciesCodeSequence"},
    {0x00102203, "CS", LEVEL_PATIENT, "PatientSexNeutered"},
    {0x00102210, "CS", LEVEL_PATIENT, "AnatomicalOrientationType"},
    {0x00102292, "LO", LEVEL_PATIENT, "PatientBreedDescription"},
    {0x00102293, "SQ", LEVEL_PATIENT, "PatientBreedCodeSequence"},
    {0x00102297, "PN", LEVEL_PATIENT, "ResponsiblePerson"},
    {0x00102298, "CS", LEVEL_PATIENT, "ResponsiblePersonRole"},
    {0x00102299, "LO", LEVEL_PATIENT, "ResponsibleOrganization"},
    {0x00120010, "LO", LEVEL_PATIENT, "ClinicalTrialSponsorName"},
    {0x00120020, "LO", LEVEL_PATIENT, "ClinicalTrialProtocolID"},
    {0x00120021, "LO", LEVEL_PATIENT, "ClinicalTrialProtocolName"},
    {0x00120030, "LO", LEVEL_PATIENT, "ClinicalTrialSiteID"},
    {0x00120031, "LO", LEVEL_PATIENT, "ClinicalTrialSiteName"},
    {0x00120040, "LO", LEVEL_PATIENT, "ClinicalTrialSubjectID"},
    {0x00120042, "LO", LEVEL_PATIENT, "ClinicalTrialSubjectReadingID"},
    {0x00120050, "LO", LEVEL_STUDY, "ClinicalTrialTimePointID"},
    {0x00120051, "ST", LEVEL_STUDY, "ClinicalTrialTimePointDescription"},
    {0x00120060, "LO", LEVEL_SERIES, "ClinicalTrialCoordinatingCenterName"},
    {0x00120062, "CS", LEVEL_PATIENT, "PatientIdentityRemoved"},
    {0x00120063, "LO", LEVEL_PATIENT, "DeidentificationMethod"},
    {0x00120064, "SQ", LEVEL_PATIENT, "DeidentificationMethodCodeSequence"},
    {0x00120071, "LO", LEVEL_SERIES, "ClinicalTrialSeriesID"},
    {0x00120072, "LO", LEVEL_SERIES, "ClinicalTrialSeriesDescription"},
    {0x00180015, "CS", LEVEL_SERIES, "BodyPartExamined"},
    {0x00181000, "LO", LEVEL_SERIES, "DeviceSerialNumber"},
    {0x00181002, "UI", LEVEL_SERIES, "DeviceUID"},
    {0x00181008, "LO", LEVEL_SERIES, "GantryID"},
    {0x00181020, "LO", LEVEL_SERIES, "SoftwareVersions"},
    {0x00181030, "LO", LEVEL_SERIES, "ProtocolName"},
    {0x00185100, "CS", LEVEL_SERIES, "PatientPosition"},
    {0x00185101, "CS", LEVEL_INSTANCE, "ViewPosition"},
    {0x0018A001, "SQ", LEVEL_INSTANCE, "ContributingEquipmentSequence"},
    {0x0020000D, "UI", LEVEL_STUDY, "StudyInstanceUID"},
    {0x0020000E, "UI", LEVEL_SERIES, "SeriesInstanceUID"},
    {0x00200010, "SH", LEVEL_STUDY, "StudyID"},
    {0x00200011, "IS", LEVEL_SERIES, "SeriesNumber"},
    {0x00200012, "IS", LEVEL_INSTANCE, "AcquisitionNumber"},
    {0x00200013, "IS", LEVEL_INSTANCE, "InstanceNumber"},
    {0x00200020, "CS", LEVEL_INSTANCE, "PatientOrientation"},
    {0x00200052, "UI", LEVEL_SERIES, "FrameOfReferenceUID"},
    {0x00200060, "CS", LEVEL_SERIES, "Laterality"},
    {0x00200062, "CS", LEVEL_INSTANCE, "ImageLaterality"},
    {0x00200100, "IS", LEVEL_INSTANCE, "TemporalPositionIdentifier"},
    {0x00201040, "LO", LEVEL_SERIES, "PositionReferenceIndicator"},
    {0x00280008, "IS", LEVEL_INSTANCE, "NumberOfFrames"},
    {0x00280010, "US", LEVEL_INSTANCE, "Rows"},
    {0x00280011, "US", LEVEL_INSTANCE, "Columns"},
    {0x00280100, "US", LEVEL_INSTANCE, "BitsAllocated"},
    {0x00280301, "CS", LEVEL_INSTANCE, "BurnedInAnnotation"},
    {0x00282110, "CS", LEVEL_INSTANCE, "LossyImageCompression"},
    {0x00282112, "DS", LEVEL_INSTANCE, "LossyImageCompressionRatio"},
    {0x00282114, "CS", LEVEL_INSTANCE, "LossyImageCompressionMethod"},
    {0x00321030, "LO", LEVEL_STUDY, "ReasonForStudy"},
    {0x00321031, "SQ", LEVEL_STUDY, "RequestingPhysicianIdentificationSequence"},
    {0x00321032, "PN", LEVEL_STUDY, "RequestingPhysician"},
    {0x00321033, "LO", LEVEL_STUDY, "RequestingService"},
    {0x00321034, "SQ", LEVEL_STUDY, "RequestingServiceCodeSequence"},
    {0x00321060, "LO", LEVEL_STUDY, "RequestedProcedureDescription"},
    {0x00321064, "SQ", LEVEL_STUDY, "RequestedProcedureCodeSequence"},
    {0x00380010, "LO", LEVEL_STUDY, "AdmissionID"},
    {0x00380014, "SQ", LEVEL_STUDY, "IssuerOfAdmissionIDSequence"},
    {0x00380060, "LO", LEVEL_STUDY, "ServiceEpisodeID"},
    {0x00380062, "LO", LEVEL_STUDY, "ServiceEpisodeDescription"},
    {0x00380064, "SQ", LEVEL_STUDY, "IssuerOfServiceEpisodeIDSequence"},
    {0x00380300, "LO", LEVEL_STUDY, "CurrentPatientLocation"},
    {0x00380400, "LO", LEVEL_STUDY, "PatientInstitutionResidence"},
    {0x00380500, "LO", LEVEL_STUDY, "PatientState"},
    {0x00400026, "SQ", LEVEL_STUDY, "OrderPlacerIdentifierSequence"},
    {0x00400027, "SQ", LEVEL_STUDY, "OrderFillerIdentifierSequence"},
    {0x00400241, "AE", LEVEL_SERIES, "PerformedStationAETitle"},
    {0x00400242, "SH", LEVEL_SERIES, "PerformedStationName"},
    {0x00400243, "SH", LEVEL_SERIES, "PerformedLocation"},
    {0x00400244, "DA", LEVEL_SERIES, "PerformedProcedureStepStartDate"},
    {0x00400245, "TM", LEVEL_SERIES, "PerformedProcedureStepStartTime"},
    {0x00400250, "DA", LEVEL_SERIES, "PerformedProcedureStepEndDate"},
    {0x00400251, "TM", LEVEL_SERIES, "PerformedProcedureStepEndTime"},
    {0x00400253, "SH", LEVEL_SERIES, "PerformedProcedureStepID"},
    {0x00400254, "LO", LEVEL_SERIES, "PerformedProcedureStepDescription"},
    {0x00400260, "SQ", LEVEL_SERIES, "PerformedProtocolCodeSequence"},
    {0x00400275, "SQ", LEVEL_SERIES, "RequestAttributesSequence"},
    {0x00400280, "ST", LEVEL_SERIES, "CommentsOnThePerformedProcedureStep"},
    {0x00400512, "LO", LEVEL_SERIES, "ContainerIdentifier"},
    {0x00400513, "SQ", LEVEL_SERIES, "IssuerOfTheContainerIdentifierSequence"},
    {0x00400518, "SQ", LEVEL_SERIES, "ContainerTypeCodeSequence"},
    {0x00400560, "SQ", LEVEL_SERIES, "SpecimenDescriptionSequence"},
    {0x00401001, "SH", LEVEL_STUDY, "RequestedProcedureID"},
    {0x00401002, "LO", LEVEL_STUDY, "ReasonForTheRequestedProcedure"},
    {0x00401003, "SH", LEVEL_STUDY, "RequestedProcedurePriority"},
    {0x0040100A, "SQ", LEVEL_STUDY, "ReasonForRequestedProcedureCodeSequence"},
    {0x00401012, "SQ", LEVEL_STUDY, "ReasonForPerformedProcedureCodeSequence"},
    {0x00402006, "SH", LEVEL_STUDY, "PlacerOrderNumberImagingServiceRequestRetired"},
    {0x00402007, "SH", LEVEL_STUDY, "FillerOrderNumberImagingServiceRequestRetired"},
    {0x00402016, "LO", LEVEL_STUDY, "PlacerOrderNumberImagingServiceRequest"},
    {0x00402017, "LO", LEVEL_STUDY, "FillerOrderNumberImagingServiceRequest"},
    {0x00404028, "SQ", LEVEL_SERIES, "PerformedStationNameCodeSequence"},
    {0x00404030, "SQ", LEVEL_SERIES, "PerformedStationGeographicLocationCodeSequence"},
    {0x0040A043, "SQ", LEVEL_INSTANCE, "ConceptNameCodeSequence"},
    {0x0040A073, "SQ", LEVEL_INSTANCE, "VerifyingObserverSequence"},
    {0x0040A370, "SQ", LEVEL_INSTANCE, "ReferencedRequestSequence"},
    {0x0040A491, "CS", LEVEL_INSTANCE, "CompletionFlag"},
    {0x0040A492, "LO", LEVEL_INSTANCE, "CompletionFlagDescription"},
    {0x0040A493, "CS", LEVEL_INSTANCE, "VerificationFlag"},
    {0x0040A496, "CS", LEVEL_INSTANCE, "PreliminaryFlag"},
    {0x00420010, "ST", LEVEL_INSTANCE, "DocumentTitle"},
    {0x00420012, "LO", LEVEL_INSTANCE, "MIMETypeOfEncapsulatedDocument"},
    {0x00541000, "CS", LEVEL_SERIES, "SeriesType"},
    {0x00700080, "CS", LEVEL_INSTANCE, "ContentLabel"},
    {0x00700081, "LO", LEVEL_INSTANCE, "ContentDescription"},
    {0x00700082, "DA", LEVEL_INSTANCE, "PresentationCreationDate"},
    {0x00700083, "TM", LEVEL_INSTANCE, "PresentationCreationTime"},
    {0x00700084, "PN", LEVEL_INSTANCE, "ContentCreatorName"},
    {0x01000410, "CS", LEVEL_INSTANCE, "SOPInstanceStatus"},
    {0x01000420, "DT", LEVEL_INSTANCE, "SOPAuthorizationDateTime"},
    {0x01000424, "LT", LEVEL_INSTANCE, "SOPAuthorizationComment"},
    {0x01000426, "LO", LEVEL_INSTANCE, "AuthorizationEquipmentCertificationNumber"},
    {0x300A0700, "UI", LEVEL_SERIES, "TreatmentSessionUID"},
};

/* What else stands in the items of the sequences above: Code Sequence, HL7v2 Hierarchic
 * Designator, Person Identification, SOP Instance Reference, Request Attributes, Specimen,
 * Contributing Equipment and Content Item macros (PS3.3 10, C.7.6.22, C.17.3). */
static const struct nested {
    uint32_t tag;
    char vr[3];
} nested[] = {
    {0x00080100, "SH"}, {0x00080102, "SH"}, {0x00080103, "SH"},
    {0x00080104, "LO"}, {0x00080105, "CS"}, {0x00080106, "DT"}, {0x00080107, "DT"},
    {0x0008010B, "CS"}, {0x0008010C, "UI"}, {0x0008010D, "UI"}, {0x0008010F, "CS"},
    {0x00080112, "LO"}, {0x00080114, "ST"}, {0x00080115, "ST"}, {0x00080116, "ST"},
    {0x00080117, "UI"}, {0x00080118, "UI"}, {0x00080119, "UC"}, {0x00080120, "UR"},
    {0x00080121, "SQ"}, {0x00080122, "LO"}, {0x00081115, "SQ"}, {0x00081150, "UI"},
    {0x00081155, "UI"}, {0x00081160, "IS"}, {0x00081199, "SQ"}, {0x00082220, "SQ"},
    {0x00082228, "SQ"}, {0x00082230, "SQ"}, {0x0018A002, "DT"}, {0x0018A003, "ST"},
    {0x00400007, "LO"}, {0x00400008, "SQ"}, {0x00400009, "SH"}, {0x0040000A, "SQ"},
    {0x00400012, "LO"}, {0x00400031, "UT"}, {0x00400032, "UT"}, {0x00400033, "CS"},
    {0x00400035, "CS"}, {0x00400036, "SQ"}, {0x00400039, "SQ"}, {0x0040003A, "SQ"},
    {0x00400400, "LT"}, {0x00400440, "SQ"}, {0x00400441, "SQ"}, {0x00400515, "SQ"},
    {0x00400520, "SQ"}, {0x00400551, "LO"}, {0x00400554, "UI"}, {0x00400556, "ST"},
    {0x00400562, "SQ"}, {0x0040059A, "SQ"}, {0x00400600, "LO"}, {0x00400602, "UT"},
    {0x00400610, "SQ"}, {0x00400612, "SQ"}, {0x00400620, "SQ"}, {0x004008EA, "SQ"},
    {0x00401004, "LO"}, {0x00401005, "LO"}, {0x00401008, "LO"}, {0x00401011, "SQ"},
    {0x00401101, "SQ"}, {0x00401102, "ST"}, {0x00401103, "LO"}, {0x00401104, "LT"},
    {0x00401400, "LT"}, {0x00402400, "LT"}, {0x0040A010, "CS"}, {0x0040A027, "LO"},
    {0x0040A030, "DT"}, {0x0040A032, "DT"}, {0x0040A040, "CS"}, {0x0040A075, "PN"},
    {0x0040A088, "SQ"}, {0x0040A120, "DT"}, {0x0040A121, "DA"}, {0x0040A122, "TM"},
    {0x0040A123, "PN"}, {0x0040A124, "UI"}, {0x0040A160, "UT"}, {0x0040A161, "FD"},
    {0x0040A162, "SL"}, {0x0040A163, "UL"}, {0x0040A168, "SQ"}, {0x0040A170, "SQ"},
    {0x0040A30A, "DS"}, {0x0040A730, "SQ"},
};
/* clang-format on */

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

const size_t attributes_count = COUNT(attributes);

const struct attribute *attribute_find(uint32_t tag)
{
    size_t low = 0, high = COUNT(attributes);

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (attributes[middle].tag == tag)
            return &attributes[middle];
        if (attributes[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *attribute_vr(uint32_t tag)
{
    const struct attribute *a = attribute_find(tag);
    size_t low = 0, high = COUNT(nested);

    if (a)
        return a->vr;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (nested[middle].tag == tag)
            return nested[middle].vr;
        if (nested[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void attribute_key(uint32_t tag, char ret[ATTRIBUTE_KEY_SIZE])
{
    static const char digits[] = "0123456789ABCDEF";

    for (int i = 0; i < 8; i++)
        ret[i] = digits[tag >> (28 - 4 * i) & 0xF];
    ret[8] = '\0';
}
