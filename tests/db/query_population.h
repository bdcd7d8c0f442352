/* Three hundred studies of a hundred patients in many scripts, and keys that people might look
 * for them with. The same seed makes the same. */
#ifndef ISTHMUS_TESTS_DB_QUERY_POPULATION_H
#define ISTHMUS_TESTS_DB_QUERY_POPULATION_H

#include "store/index.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define PATIENTS 100
#define STUDIES 300
#define SERIES_MAX 3
#define VALUE_MAX 240

static uint64_t random_state;

static inline unsigned below(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 20) % n;
}

static const char *const names[] = {
    "Müller^Zoë",
    "MULLER^ZOE",
    "Mueller^Zoe^Anna",
    "Muller^Zo",
    "García^José^María",
    "Garcia^Jose",
    "Ångström^Åsa",
    "Ødegård^Bjørn^^Dr",
    "Nguyễn^Thị Minh",
    "O'Brien^Seán^^^Jr",
    "de la Cruz^Ana",
    "Šimůnková^Jiřina",
    "Łukasiewicz^Łucja",
    "Müller-Lüdenscheidt^Karl",
    "Straße^Große",
    "SMITH",
    "Smith^",
    "Smith^John^^Dr^Jr",
    "Smith^Jane",
    "SMITHERS^John",
    "100%^A_B",
    "A*B^C?",
    "'; --^\"x\"",
    "Παπαδόπουλος^Γιώργος",
    "ΠΑΠΑΔΟΠΟΥΛΟΣ^ΓΙΩΡΓΟΣ",
    "Ямадин^Иван^Иванович",
    "Ёлкина^Алёна",
    "ЕЛКИНА^АЛЕНА",
    "כהן^דוד",
    "לוי^שרה",
    "محمد^أحمد",
    "عبد الله^فاطمة",
    "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    "Yamamoto^Hana=山本^花=やまもと^はな",
    "=山田^花子",
    "==さとう^いちろう",
    "Sato^Ichiro==さとう^いちろう",
    "Hong^Gildong=洪^吉洞=홍^길동",
    "Kim^Minsu=金^民秀=김^민수",
    "=김^민지",
    "Wang^XiaoDong=王^小东",
    "Zhang^San=张^三",
    "Zhang^San=張^三",
    "王^小明",
    "Ｗａｎｇ^Ｍｉｎｇ",
    "Doe^John",
    "doe^JOHN^",
    " Doe ^ John ",
    "^John",
};
static const char *const texts[] = {
    "CT Kopf",
    "ct kopf",
    "CT_Kopf",
    "CT%Kopf",
    "MR Schädel nativ",
    "Röntgen Thorax p.a.",
    "IRM cérébrale",
    "КТ головы",
    "頭部CT",
    "胸部X線",
    "머리 CT",
    "头部CT平扫",
    "أشعة الصدر",
    "צילום חזה",
    "Head 'n' Neck",
    "a*b",
    "a?b",
    "X",
    "x y  z",
    "50% \"dose\"",
    "{a,b}",
    "NULL",
};
static const char *const numbers[] = {"ACC1", "ACC10", "ACC_1", "ACC%1",  "acc1",     "A'1",
                                      "0001", "1",     "R-1 a", "2026/7", "ACC11\tX", "12.5"};
static const char *const dates[] = {"19000101", "19991231", "20000229", "20251231", "20260101",
                                    "20260102", "20260131", "20260201", "20260630"};
static const char *const times[] = {
    "00",     "10",   "1030",       "103000",       "103000.5", "103059.999999",
    "105959", "1100", "235959.999", "000000.000001"};
static const char *const modalities[] = {"CT", "MR", "CR", "SR", "PR", "US"};
static const char *const decimals[] = {"70", "70.0", "7.00E1", "70.5", "1.85", "+3", "-0", "12"};
static const char *const integers[] = {"1", "01", "+1", "2", "-3", "100", "2147483647"};
static const char *const ages[] = {"045Y", "003M", "010D"};
static const char *const codes[] = {"CT1", "CT2", "P5-0800", "24627-2", "ct1"};

/* The attributes of the population; where several lists fit, the first is the right one. */
static const struct made_attribute {
    uint32_t tag;
    char vr[3];
    enum level level;
    const char *const *from;
    unsigned n_from, missing, many; /* missing and many: times in 100 */
} made_attributes[] = {
    {0x00100010, "PN", LEVEL_PATIENT, names, COUNT(names), 3, 0},
    {0x00100020, "LO", LEVEL_PATIENT, NULL, 0, 0, 0}, /* unlike all others */
    {0x00100021, "LO", LEVEL_PATIENT, numbers, 3, 40, 0},
    {0x00100030, "DA", LEVEL_PATIENT, dates, COUNT(dates), 20, 0},
    {0x00100040, "CS", LEVEL_PATIENT, modalities, 3, 20, 0},
    {0x00101000, "LO", LEVEL_PATIENT, numbers, COUNT(numbers), 50, 50},
    {0x00101001, "PN", LEVEL_PATIENT, names, COUNT(names), 50, 50},
    {0x00102160, "SH", LEVEL_PATIENT, texts, COUNT(texts), 50, 0},
    {0x00080020, "DA", LEVEL_STUDY, dates, COUNT(dates), 10, 0},
    {0x00080030, "TM", LEVEL_STUDY, times, COUNT(times), 20, 0},
    {0x00080050, "SH", LEVEL_STUDY, numbers, COUNT(numbers), 20, 0},
    {0x00200010, "SH", LEVEL_STUDY, numbers, COUNT(numbers), 20, 0},
    {0x00081030, "LO", LEVEL_STUDY, texts, COUNT(texts), 20, 0},
    {0x00080090, "PN", LEVEL_STUDY, names, COUNT(names), 20, 0},
    {0x00081060, "PN", LEVEL_STUDY, names, COUNT(names), 30, 30},
    {0x00081080, "LO", LEVEL_STUDY, texts, COUNT(texts), 30, 40},
    {0x00101010, "AS", LEVEL_STUDY, ages, COUNT(ages), 30, 0},
    {0x00101030, "DS", LEVEL_STUDY, decimals, COUNT(decimals), 30, 0},
    {0x00321060, "LO", LEVEL_STUDY, texts, COUNT(texts), 30, 0},
    {0x00380010, "LO", LEVEL_STUDY, numbers, COUNT(numbers), 30, 0},
    {0x00080060, "CS", LEVEL_SERIES, modalities, COUNT(modalities), 5, 0},
    {0x0008103E, "LO", LEVEL_SERIES, texts, COUNT(texts), 30, 0},
    {0x00200011, "IS", LEVEL_SERIES, integers, COUNT(integers), 20, 0},
    {0x00080021, "DA", LEVEL_SERIES, dates, COUNT(dates), 20, 0},
    {0x00080031, "TM", LEVEL_SERIES, times, COUNT(times), 30, 0},
    {0x00400244, "DA", LEVEL_SERIES, dates, COUNT(dates), 20, 0},
    {0x00400245, "TM", LEVEL_SERIES, times, COUNT(times), 30, 0},
    {0x00180015, "CS", LEVEL_SERIES, modalities, COUNT(modalities), 50, 0},
    {0x00181030, "LO", LEVEL_SERIES, texts, COUNT(texts), 50, 0},
    {0x00081070, "PN", LEVEL_SERIES, names, COUNT(names), 30, 50},
};

#define ATTRIBUTES COUNT(made_attributes)
#define CODE_VALUE 0x00080100
#define CODE_MEANING 0x00080104
#define PROCEDURE_CODES 0x00081032

struct made_patient {
    char value[ATTRIBUTES][VALUE_MAX]; /* "": not there */
};

struct made_study {
    const struct made_patient *patient;
    unsigned n_series;
    char value[ATTRIBUTES][VALUE_MAX];
    char series[SERIES_MAX][ATTRIBUTES][VALUE_MAX];
    char modalities[VALUE_MAX];
    unsigned n_codes; /* items of Procedure Code Sequence */
    char code_value[2][VALUE_MAX], code_meaning[2][VALUE_MAX];
};

static struct made_patient made_patients[PATIENTS];
static struct made_study made_studies[STUDIES];

static inline void make_values(char (*values)[VALUE_MAX], enum level level)
{
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        const struct made_attribute *a = &made_attributes[i];

        if (a->level != level || a->n_from == 0 || below(100) < a->missing)
            continue;
        (void)strcpy(values[i], a->from[below(a->n_from)]);
        if (below(100) < a->many)
            (void)strcat(strcat(values[i], "\\"), a->from[below(a->n_from)]);
    }
}

static inline void make_study(struct made_study *s)
{
    s->patient = &made_patients[below(PATIENTS)];
    make_values(s->value, LEVEL_STUDY);
    s->n_series = 1 + below(SERIES_MAX);
    for (unsigned i = 0; i < s->n_series; i++) {
        const char *modality;

        make_values(s->series[i], LEVEL_SERIES);
        modality = s->series[i][20];
        if (*modality && !strstr(s->modalities, modality))
            (void)strcat(strcat(s->modalities, *s->modalities ? "\\" : ""), modality);
    }
    s->n_codes = below(3);
    for (unsigned i = 0; i < s->n_codes; i++) {
        (void)strcpy(s->code_value[i], codes[below(COUNT(codes))]);
        (void)strcpy(s->code_meaning[i], texts[below(COUNT(texts))]);
    }
}

static inline void make_population(uint64_t seed)
{
    random_state = seed * 2654435761u + 88172645463325252u;
    for (unsigned i = 0; i < PATIENTS; i++) {
        make_values(made_patients[i].value, LEVEL_PATIENT);
        (void)snprintf(made_patients[i].value[1], VALUE_MAX, "P-%03u%s", i, i % 7 ? "" : "x");
    }
    for (unsigned i = 0; i < STUDIES; i++)
        make_study(&made_studies[i]);
}

/* --- As DICOM JSON --------------------------------------------------------------------------- */

static inline json_t *json_of_name(const char *name)
{
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
    json_t *object = json_object();

    for (int i = 0; i < 3; i++) {
        const char *end = strchrnul(name, '=');

        if (end > name)
            json_object_set_new(object, groups[i], json_stringn(name, (size_t)(end - name)));
        name = *end ? end + 1 : end;
    }
    return object;
}

/* {"vr": …, "Value": […]} of the text of an attribute. */
static inline json_t *json_of_text(const char *vr, const char *text)
{
    json_t *values = json_array();

    for (const char *p = text; *p;) {
        const char *end = strchrnul(p, '\\');
        char part[VALUE_MAX * 2];

        (void)snprintf(part, sizeof part, "%.*s", (int)(end - p), p);
        json_array_append_new(values,
                              strcmp(vr, "PN") == 0 ? json_of_name(part) : json_string(part));
        p = *end ? end + 1 : end;
    }
    if (*text)
        return json_pack("{s:s,s:o}", "vr", vr, "Value", values);
    json_decref(values);
    return json_pack("{s:s}", "vr", vr);
}

static inline void add_json(json_t *object, uint32_t tag, json_t *element)
{
    char key[16];

    (void)snprintf(key, sizeof key, "%08X", tag);
    json_object_set_new(object, key, element);
}

static inline json_t *json_of_values(char (*values)[VALUE_MAX], enum level level)
{
    json_t *object = json_object();

    for (size_t i = 0; i < ATTRIBUTES; i++)
        if (made_attributes[i].level == level && *values[i])
            add_json(object, made_attributes[i].tag,
                     json_of_text(made_attributes[i].vr, values[i]));
    return object;
}

static inline json_t *json_of_codes(const struct made_study *s)
{
    json_t *items = json_array();

    for (unsigned i = 0; i < s->n_codes; i++) {
        json_t *item = json_object();

        add_json(item, CODE_VALUE, json_of_text("SH", s->code_value[i]));
        add_json(item, CODE_MEANING, json_of_text("LO", s->code_meaning[i]));
        json_array_append_new(items, item);
    }
    return json_pack("{s:s,s:o}", "vr", "SQ", "Value", items);
}

#endif
