#include "fhir/coding.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/tables.h"
#include "fhir/uri.h"
#include "store/base/cleanup.h"

#include <ctype.h>
#include <string.h>

/* PS3.16 Table 8-1 (designators and UIDs) and the systems that HL7 names for them. */
static const struct {
    const char *designator, *uid, *system;
} known[] = {
    {"DCM", "1.2.840.10008.2.16.4", SYSTEM_DCM},
    {"SCT", "2.16.840.1.113883.6.96", SYSTEM_SCT},
    {"SRT", NULL, SYSTEM_SCT},
    {"SNM3", NULL, SYSTEM_SCT},
    {"99SDM", NULL, SYSTEM_SCT},
    {"LN", "2.16.840.1.113883.6.1", SYSTEM_LOINC},
    {"UCUM", "2.16.840.1.113883.6.8", SYSTEM_UCUM},
    {"RADLEX", "2.16.840.1.113883.6.256", "http://radlex.org"},
    {"I10", "2.16.840.1.113883.6.3", "http://hl7.org/fhir/sid/icd-10"},
    {"I10C", "2.16.840.1.113883.6.90", "http://hl7.org/fhir/sid/icd-10-cm"},
    {"ICD10CM", NULL, "http://hl7.org/fhir/sid/icd-10-cm"},
    {"I9C", "2.16.840.1.113883.6.103", "http://terminology.hl7.org/CodeSystem/icd9cm"},
    {"C4", "2.16.840.1.113883.6.12", "http://www.ama-assn.org/go/cpt"},
    {"CPT4", NULL, "http://www.ama-assn.org/go/cpt"},
    {"C5", "2.16.840.1.113883.6.82", "http://www.ama-assn.org/go/cpt"},
    {"HPC", "2.16.840.1.113883.6.14", "http://terminology.hl7.org/CodeSystem/HCPCS-all-codes"},
    {"NCIt", "2.16.840.1.113883.3.26.1.1", "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"},
    {"RXNORM", "2.16.840.1.113883.6.88", "http://www.nlm.nih.gov/research/umls/rxnorm"},
    {"UMLS", "2.16.840.1.113883.6.86", "http://terminology.hl7.org/CodeSystem/umls"},
};

static char *copy(const char *text)
{
    return memory_text(text, strlen(text));
}

static const char *known_by_designator(const char *designator)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcasecmp(known[i].designator, designator) == 0)
            return known[i].system;
    return NULL;
}

const char *coding_designator(const char *system)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].system, system) == 0)
            return known[i].designator;
    return NULL;
}

static char *system_by_uid(const char *uid)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].uid && strcmp(known[i].uid, uid) == 0)
            return copy(known[i].system);
    return memory_print("urn:oid:%s", uid);
}

/* (0008,010C) of the item, else of what the data set says about the designator. */
static const char *scheme_uid(const struct dataset *item, const char *designator)
{
    const struct dataset *top = dataset_top(item);
    const char *uid = dataset_text(item, CodingSchemeUID);
    size_t n = dataset_count(top, CodingSchemeIdentificationSequence);

    for (size_t i = 0; !uid && i < n; i++) {
        struct dataset scheme = dataset_item(top, CodingSchemeIdentificationSequence, i);
        const char *named = dataset_text(&scheme, CodingSchemeDesignator);

        if (named && strcasecmp(named, designator) == 0)
            uid = dataset_text(&scheme, CodingSchemeUID);
    }
    return uid && uri_is_oid(uid) ? uid : NULL;
}

char *coding_system(const struct mapping *m, const struct dataset *item)
{
    const char *designator = dataset_text(item, CodingSchemeDesignator);
    const char *system, *uid;

    if (!designator)
        return NULL;
    system = map_get(&m->code_systems, designator);
    if (!system)
        system = known_by_designator(designator);
    if (system)
        return copy(system);
    uid = scheme_uid(item, designator);
    if (uid)
        return system_by_uid(uid);
    return uri_from_template(m->code_template, "designator", designator);
}

bool coding_is_sctid(const char *id)
{
    static const char multiply[10][11] = {"0123456789", "1234067895", "2340178956", "3401289567",
                                          "4012395678", "5987604321", "6598710432", "7659821043",
                                          "8765932104", "9876543210"};
    static const char permute[8][11] = {"0123456789", "1576283094", "5803796142", "8916043527",
                                        "9453126870", "4286573901", "2793806415", "7046913258"};
    size_t n = strlen(id);
    int check = 0;

    if (n < 6 || n > 18 || strspn(id, "0123456789") != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int digit = permute[i % 8][id[n - 1 - i] - '0'] - '0';

        check = multiply[check][digit] - '0';
    }
    return check == 0;
}

static const char *code_of(const struct dataset *item)
{
    const char *code = dataset_text(item, CodeValue);

    if (!code)
        code = dataset_text(item, LongCodeValue);
    return code ? code : dataset_text(item, URNCodeValue);
}

/* DCM, SCT, LN and UCUM mean something else by a version than (0008,0103) does. */
static bool version_fits(const char *system)
{
    return system && strcmp(system, SYSTEM_DCM) != 0 && strcmp(system, SYSTEM_SCT) != 0 &&
           strcmp(system, SYSTEM_LOINC) != 0 && strcmp(system, SYSTEM_UCUM) != 0;
}

json_t *coding_of(const struct mapping *m, const struct dataset *item)
{
    const char *code = code_of(item);
    _cleanup_free_ char *system = coding_system(m, item);
    json_t *coding;

    if (!code)
        return NULL;
    if (system && strcmp(system, SYSTEM_SCT) == 0 && !coding_is_sctid(code)) {
        code = table_sct_of_srt(code);
        if (!code)
            return NULL;
    }
    coding = json_object();
    node_set_text(coding, "system", system);
    if (version_fits(system))
        node_set_text(coding, "version", dataset_text(item, CodingSchemeVersion));
    node_set_text(coding, "code", code);
    node_set_text(coding, "display", dataset_text(item, CodeMeaning));
    return coding;
}

static bool same_code(const json_t *a, const json_t *b)
{
    return json_equal(json_object_get(a, "code"), json_object_get(b, "code")) &&
           (json_object_get(a, "system")
                ? json_equal(json_object_get(a, "system"), json_object_get(b, "system"))
                : !json_object_get(b, "system"));
}

static void push_coding(json_t *codings, json_t *coding)
{
    size_t i;
    const json_t *there;

    json_array_foreach (codings, i, there) {
        if (same_code(there, coding)) {
            json_decref(coding);
            return;
        }
    }
    (void)node_push(codings, coding);
}

json_t *concept_of(const struct mapping *m, const struct dataset *item)
{
    size_t n = dataset_count(item, EquivalentCodeSequence);
    json_t *codings = json_array(), *coding = coding_of(m, item), *concept = json_object();
    bool displayed = node_get_text(coding, "system") && node_get_text(coding, "display");

    push_coding(codings, coding);
    for (size_t i = 0; i < n; i++) {
        struct dataset equivalent = dataset_item(item, EquivalentCodeSequence, i);

        push_coding(codings, coding_of(m, &equivalent));
    }
    node_set(concept, "coding", codings);
    if (!displayed)
        node_set_text(concept, "text", dataset_text(item, CodeMeaning));
    if (!node_is_empty(concept))
        return concept;
    json_decref(concept);
    return NULL;
}

void concept_push(json_t *array, json_t *concept)
{
    const json_t *coding = json_array_get(json_object_get(concept, "coding"), 0), *there;
    size_t i;

    json_array_foreach (array, i, there) {
        const json_t *other = json_array_get(json_object_get(there, "coding"), 0);

        if (coding && other ? same_code(coding, other) : json_equal(concept, there)) {
            json_decref(concept);
            return;
        }
    }
    (void)node_push(array, concept);
}

void concepts_push(json_t *array, const struct mapping *m, const struct dataset *d, const char *tag)
{
    size_t n = dataset_count(d, tag);

    for (size_t i = 0; i < n; i++) {
        struct dataset item = dataset_item(d, tag, i);

        concept_push(array, concept_of(m, &item));
    }
}

json_t *coding_modality(const char *modality)
{
    char code[17] = "OT";
    const struct modality *found;

    if (modality) {
        size_t n = strnlen(modality, sizeof code - 1);

        for (size_t i = 0; i < n; i++)
            code[i] = (char)toupper((unsigned char)modality[i]);
        code[n] = '\0';
    }
    found = table_modality(code);
    return node_coding(SYSTEM_DCM, code, found ? found->display : NULL);
}
