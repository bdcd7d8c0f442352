/* The patient of an order: who it is, weight, size, pregnancy, allergies. */
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/reading.h"
#include "store/base/cleanup.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void put_patient_id(struct reading *r, const json_t *identifiers)
{
    const char *type = r->rules->mapping.patient_type;
    const json_t *found = find_identifier(r, identifiers, type ? type : "MR", KIND_PATIENT);
    json_t *issuer = json_object(), *local;
    const json_t *item;

    for (size_t i = 0; !found && i < json_array_size(identifiers); i++)
        if (read_text(r, read_element(r, identifiers, i), "value"))
            found = read_element(r, identifiers, i);
    put_identifier(r->attributes, "00100020", "LO", read_text(r, found, "value"));
    if (found)
        push_issuer(r, issuer, "00100024", KIND_PATIENT, read_text(r, found, "system"));
    item = json_array_get(json_object_get(json_object_get(issuer, "00100024"), "Value"), 0);
    local = json_object_get(item, "00400031");
    if (local)
        put_identifier(r->attributes, "00100021", "LO",
                       json_string_value(json_array_get(json_object_get(local, "Value"), 0)));
    else if (item)
        (void)json_object_update(r->attributes, issuer);
    json_decref(issuer);
}

/* YYYY-MM-DD; a date that lacks its day is left out. */
static void put_birth_date(struct reading *r, const json_t *patient)
{
    const char *text = read_text(r, patient, "birthDate");
    char date[9];

    if (!text || strlen(text) != 10 || text[4] != '-' || text[7] != '-')
        return;
    (void)snprintf(date, sizeof date, "%.4s%.2s%.2s", text, text + 5, text + 8);
    put_text(r->attributes, "00100030", "DA", date);
}

static void put_sex(struct reading *r, const json_t *patient)
{
    const char *gender = read_text(r, patient, "gender");

    if (gender && strcmp(gender, "unknown") != 0)
        put_text(r->attributes, "00100040", "CS",
                 strcmp(gender, "male") == 0     ? "M"
                 : strcmp(gender, "female") == 0 ? "F"
                                                 : "O");
}

static void put_contact(struct reading *r, const json_t *patient)
{
    const json_t *telecom = read_array(r, patient, "telecom");
    const json_t *address = read_element(r, read_array(r, patient, "address"), 0);

    for (size_t i = 0; i < json_array_size(telecom); i++) {
        const json_t *point = read_element(r, telecom, i);
        const char *system = read_text(r, point, "system");

        if (system && strcmp(system, "phone") == 0)
            put_text(r->attributes, "00102154", "SH", read_text(r, point, "value"));
    }
    put_text(r->attributes, "00101040", "LO", read_text(r, address, "text"));
}

/* --- observations --- */

static bool has_code(struct reading *r, const json_t *concept, const char *code)
{
    const json_t *codings = read_array(r, concept, "coding");

    for (size_t i = 0; i < json_array_size(codings); i++) {
        const char *text = read_text(r, read_element(r, codings, i), "code");

        if (text && strcmp(text, code) == 0)
            return true;
    }
    return false;
}

/* The latest observation of a LOINC code. */
static const json_t *latest(struct reading *r, const json_t *observations, const char *code)
{
    const json_t *found = NULL, *observation;
    const char *name, *when = "";

    json_object_foreach ((json_t *)observations, name, observation) {
        const char *status = read_text(r, observation, "status");
        const char *time = read_text(r, observation, "effectiveDateTime");

        if (!has_code(r, read_object(r, observation, "code"), code) ||
            (status &&
             (strcmp(status, "cancelled") == 0 || strcmp(status, "entered-in-error") == 0)))
            continue;
        if (!found || strcmp(time ? time : "", when) > 0) {
            found = observation;
            when = time ? time : "";
        }
    }
    return found;
}

/* A quantity in the unit of DICOM: kilograms or metres. */
static void put_quantity(struct reading *r, const json_t *observation, const char *tag)
{
    static const struct {
        const char *code;
        double factor;
    } units[] = {{"kg", 1}, {"g", 0.001}, {"[lb_av]", 0.45359237},
                 {"m", 1},  {"cm", 0.01}, {"[in_i]", 0.0254}};
    const json_t *quantity = read_object(r, observation, "valueQuantity");
    const json_t *value = json_object_get(quantity, "value");
    const char *unit = read_text(r, quantity, "code");
    char text[32];

    for (size_t i = 0; json_is_number(value) && unit && i < sizeof units / sizeof *units; i++) {
        double number = json_number_value(value) * units[i].factor;

        if (strcmp(unit, units[i].code) != 0 || !isfinite(number) || number <= 0 || number > 1000)
            continue;
        (void)snprintf(text, sizeof text, "%.6g", number);
        put_text(r->attributes, tag, "DS", text);
    }
}

/* Pregnancy Status (0010,21C0) of LOINC 82810-3: 1 not, 2 possibly, 3 unknown, 4 definitely. */
static void put_pregnancy(struct reading *r, const json_t *observation)
{
    const json_t *value = read_object(r, observation, "valueCodeableConcept");
    int status = has_code(r, value, "77386006")    ? 4
                 : has_code(r, value, "60001007")  ? 1
                 : has_code(r, value, "146799005") ? 2
                                                   : 3;

    if (value)
        (void)json_object_set_new(r->attributes, "001021C0",
                                  json_pack("{s:s, s:[i]}", "vr", "US", "Value", status));
}

static void put_allergies(struct reading *r, const json_t *allergies)
{
    const json_t *allergy;
    const char *name;

    json_object_foreach ((json_t *)allergies, name, allergy) {
        if (!has_code(r, read_object(r, allergy, "clinicalStatus"), "inactive") &&
            !has_code(r, read_object(r, allergy, "clinicalStatus"), "resolved") &&
            !has_code(r, read_object(r, allergy, "verificationStatus"), "refuted") &&
            !has_code(r, read_object(r, allergy, "verificationStatus"), "entered-in-error"))
            push_text(r->attributes, "00102110", "LO",
                      concept_text(r, read_object(r, allergy, "code")));
    }
}

void read_patient(struct reading *r)
{
    const json_t *reference = read_object(r, r->request, "subject");
    const json_t *patient = pool_find(r->pool, r->request, reference), *observations;

    if (!reference) {
        reading_fault(r, "subject is missing");
        return;
    }
    if (!is_resource(patient, "Patient")) {
        reading_fault(r, "the Patient that subject names is missing");
        return;
    }
    put_patient_id(r, read_array(r, patient, "identifier"));
    put_name(r, r->attributes, "00100010", read_array(r, patient, "name"), NULL);
    put_birth_date(r, patient);
    put_sex(r, patient);
    put_contact(r, patient);
    observations = pool_referring(r->pool, patient, "Observation");
    put_quantity(r, latest(r, observations, "29463-7"), "00101030");
    put_quantity(r, latest(r, observations, "8302-2"), "00101020");
    put_pregnancy(r, latest(r, observations, "82810-3"));
    put_allergies(r, pool_referring(r->pool, patient, "AllergyIntolerance"));
}
