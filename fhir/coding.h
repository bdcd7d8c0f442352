/* Code sequence items → Coding and CodeableConcept (mapping 2.5). Pure. */
#ifndef ISTHMUS_FHIR_CODING_H
#define ISTHMUS_FHIR_CODING_H

#include "fhir/dataset.h"
#include "fhir/mapping.h"

#define SYSTEM_DCM "http://dicom.nema.org/resources/ontology/DCM"
#define SYSTEM_SCT "http://snomed.info/sct"
#define SYSTEM_LOINC "http://loinc.org"
#define SYSTEM_UCUM "http://unitsofmeasure.org"
#define SYSTEM_V2_0203 "http://terminology.hl7.org/CodeSystem/v2-0203"

/* The Coding of @item; without system when none can be found. NULL: no code, or a SNOMED-RT
 * style code that has no known concept id. */
json_t *coding_of(const struct mapping *m, const struct dataset *item);

/* The CodeableConcept of @item with its equivalents; NULL when it says nothing. */
json_t *concept_of(const struct mapping *m, const struct dataset *item);

/* Append @concept unless one with the same system and code is in @array. Takes @concept over. */
void concept_push(json_t *array, json_t *concept);

/* Append the concept of each item of @tag that is not yet in @array. */
void concepts_push(json_t *array, const struct mapping *m, const struct dataset *d,
                   const char *tag);

/* Code system URI of @item, or NULL; malloc'ed. */
char *coding_system(const struct mapping *m, const struct dataset *item);

/* The designator that PS3.16 has for a code system, or NULL. */
const char *coding_designator(const char *system);

/* Coding of a Modality (0008,0060): upper case, display from the standard. NULL: "OT". */
json_t *coding_modality(const char *modality);

/* Whether @id is a SNOMED CT concept identifier: 6 to 18 digits with a correct check digit. */
bool coding_is_sctid(const char *id);

#endif
