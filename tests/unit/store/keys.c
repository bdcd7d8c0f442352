#include "store/keys.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct instance make(const char *patient, const char *study, const char *series,
                            const char *instance)
{
    const char *const texts[] = {patient, study, series, instance};
    struct instance i = {0};

    for (int level = 0; level < LEVEL_COUNT; level++) {
        i.attributes[level] = json_loads(texts[level], 0, NULL);
        cr_assert_not_null(i.attributes[level], "%s", texts[level]);
    }
    return i;
}

#define VALUE(tag, vr, value) "\"" tag "\":{\"vr\":\"" vr "\",\"Value\":[\"" value "\"]}"

Test(keys, typed_columns_are_taken_from_the_json)
{
    struct instance i = make(
        "{" VALUE("00100020", "LO", "A-1") "," VALUE("00100021", "LO", "HOSP") "," VALUE(
            "00100030", "DA", "1970.02.03") "," VALUE("00100040", "CS",
                                                      "F") ",\"00100010\":{\"vr\":\"PN\","
                                                           "\"Value\":[{\"Alphabetic\":\"Müller^"
                                                           "Zoë\",\"Phonetic\":\"x\"}]}}",
        "{" VALUE("00080020", "DA", "20260131") "," VALUE("00080030", "TM", "1305") "," VALUE(
            "00080050", "SH", "ACC") "," VALUE("00081030", "LO", "Schädel CT") "}",
        "{" VALUE("00080060", "CS", "CT") "," VALUE("00200011", "IS", "-7") "," VALUE(
            "00080031", "TM", "130500.25") "}",
        "{" VALUE("00200013", "IS", "+12 ") "," VALUE("01000410", "CS", "AO") "}");
    struct keys k;

    cr_assert_eq(keys_take(&i, &k), 0);
    cr_assert_str_eq(k.patient_id, "A-1");
    cr_assert_str_eq(k.issuer_of_patient_id, "HOSP");
    cr_assert_str_eq(k.patient_birth_date, "1970-02-03");
    cr_assert_str_eq(k.patient_sex, "F");
    cr_assert_str_eq(k.patient_name, "Müller^Zoë==x");
    cr_assert_str_eq(k.patient_name_folded, "muller^zoe==x");
    cr_assert_str_eq(k.study_date, "2026-01-31");
    cr_assert_str_eq(k.study_time, "13:05:00");
    cr_assert_str_eq(k.accession_number, "ACC");
    cr_assert_str_eq(k.study_description_folded, "schadel ct");
    cr_assert_null(k.referring_physician_name);
    cr_assert_str_eq(k.modality, "CT");
    cr_assert_str_eq(k.series_number, "-7");
    cr_assert_str_eq(k.series_time, "13:05:00.25");
    cr_assert_str_eq(k.instance_number, "12");
    cr_assert_str_eq(k.sop_instance_status, "AO");
    keys_done(&k);
    instance_done(&i);
}

Test(keys, what_has_no_valid_value_has_no_key)
{
    static const struct {
        const char *date, *time, *number;
    } rows[] = {{"20260231", "2500", "x"},
                {"19700000", "ab", "1.5"},
                {"00000000", "", "99999999999"},
                {"yesterday", "24", "-2147483649"}};

    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        char study[300], series[300];
        struct instance i;
        struct keys k;

        (void)snprintf(study, sizeof study,
                       "{\"00080020\":{\"vr\":\"DA\",\"Value\":[\"%s\"]},"
                       "\"00080030\":{\"vr\":\"TM\",\"Value\":[\"%s\"]}}",
                       rows[n].date, rows[n].time);
        (void)snprintf(series, sizeof series, "{\"00200011\":{\"vr\":\"IS\",\"Value\":[\"%s\"]}}",
                       rows[n].number);
        i = make("{}", study, series, "{}");
        cr_assert_eq(keys_take(&i, &k), 0);
        cr_assert_str_empty(k.study_date, "%s", rows[n].date);
        cr_assert_str_empty(k.study_time, "%s", rows[n].time);
        cr_assert_str_empty(k.series_number, "%s", rows[n].number);
        keys_done(&k);
        instance_done(&i);
    }
}

Test(keys, an_accession_number_of_a_request_stands_in_for_an_absent_one)
{
    static const struct {
        const char *study, *series, *expected;
    } rows[] = {
        {"{" VALUE("00080050", "SH", "TOP") "}",
         "{\"00400275\":{\"vr\":\"SQ\",\"Value\":[{" VALUE("00080050", "SH", "REQ") "}]}}", "TOP"},
        {"{}", "{\"00400275\":{\"vr\":\"SQ\",\"Value\":[{},{" VALUE("00080050", "SH", "REQ") "}]}}",
         "REQ"},
        {"{\"0040A370\":{\"vr\":\"SQ\",\"Value\":[{" VALUE("00080050", "SH", "REF") "}]}}", "{}",
         "REF"},
        {"{}", "{\"00400275\":{\"vr\":\"SQ\"}}", NULL},
    };

    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        struct instance i = make("{}", rows[n].study, rows[n].series, "{}");
        struct keys k;

        cr_assert_eq(keys_take(&i, &k), 0);
        if (rows[n].expected)
            cr_assert_str_eq(k.accession_number, rows[n].expected);
        else
            cr_assert_null(k.accession_number);
        keys_done(&k);
        instance_done(&i);
    }
}

Test(keys, the_issuer_is_the_local_one_or_else_the_universal_one)
{
    static const struct {
        const char *patient, *expected;
    } rows[] = {
        {"{" VALUE("00100021", "LO", "X") "}", "X"},
        {"{\"00100024\":{\"vr\":\"SQ\",\"Value\":[{" VALUE("00400032", "UT", "1.2") "}]}}", "1.2"},
        {"{" VALUE("00100021", "LO", "X") ",\"00100024\":{\"vr\":\"SQ\",\"Value\":[{" VALUE(
             "00400032", "UT", "1.2") "}]}}",
         "X"},
        {"{\"00100024\":{\"vr\":\"SQ\",\"Value\":[{" VALUE("00400033", "CS", "ISO") "}]}}", NULL},
        {"{}", NULL},
    };

    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        struct instance i = make(rows[n].patient, "{}", "{}", "{}");
        struct keys k;

        cr_assert_eq(keys_take(&i, &k), 0);
        if (rows[n].expected)
            cr_assert_str_eq(k.issuer_of_patient_id, rows[n].expected);
        else
            cr_assert_null(k.issuer_of_patient_id);
        keys_done(&k);
        instance_done(&i);
    }
}

Test(keys, long_text_is_cut_between_characters)
{
    char patient[2000];
    struct instance i;
    struct keys k;
    int n = snprintf(patient, sizeof patient, "{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"");

    for (int c = 0; c < 300; c++)
        n += snprintf(patient + n, sizeof patient - (size_t)n, "ü");
    (void)snprintf(patient + n, sizeof patient - (size_t)n, "\"]}}");
    i = make(patient, "{}", "{}", "{}");
    cr_assert_eq(keys_take(&i, &k), 0);
    cr_assert_eq(strlen(k.patient_id), 2ul * KEY_TEXT_MAX);
    keys_done(&k);
    instance_done(&i);
}
