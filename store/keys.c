#include "store/keys.h"
#include "store/base/datetime.h"
#include "store/fold.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *first_value(const json_t *attributes, const char *tag)
{
    return json_array_get(json_object_get(json_object_get(attributes, tag), "Value"), 0);
}

static const char *first_string(const json_t *attributes, const char *tag)
{
    const char *text = json_string_value(first_value(attributes, tag));

    return text && *text ? text : NULL;
}

/* The first KEY_TEXT_MAX characters, never half a one. */
static char *cut(const char *utf8)
{
    size_t n = 0, characters = 0;

    if (strnlen(utf8, KEY_TEXT_MAX + 1) <= KEY_TEXT_MAX)
        return strdup(utf8);
    while (utf8[n] && (characters < KEY_TEXT_MAX || (utf8[n] & 0xc0) == 0x80)) {
        characters += (utf8[n] & 0xc0) != 0x80;
        n++;
    }
    return strndup(utf8, n);
}

/* A string or nothing; false: no memory. */
static bool take_text(const json_t *attributes, const char *tag, char **ret)
{
    const char *text = first_string(attributes, tag);

    *ret = text ? cut(text) : NULL;
    return !text || *ret;
}

/* A PN as it stands in DICOM: alphabetic=ideographic=phonetic, without empty groups at the end. */
static bool take_name(const json_t *attributes, const char *tag, char **ret, char **ret_folded)
{
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
    const json_t *value = first_value(attributes, tag);
    const char *text[3];
    char *joined, *end;
    size_t n = 0;

    *ret = *ret_folded = NULL;
    for (size_t i = 0; i < 3; i++) {
        text[i] = json_string_value(json_object_get(value, groups[i]));
        if (!text[i])
            text[i] = "";
        n += strlen(text[i]) + 1;
    }
    if (n == 3) /* three empty ones */
        return true;
    joined = end = malloc(n);
    if (!joined)
        return false;
    for (size_t i = 0; i < 3; i++)
        end = stpcpy(i > 0 ? stpcpy(end, "=") : end, text[i]);
    while (end > joined && end[-1] == '=')
        *--end = '\0';
    *ret = cut(joined);
    free(joined);
    *ret_folded = *ret ? fold_name(*ret) : NULL;
    return *ret && *ret_folded;
}

/* The last @n digits of @value, and @then. */
static char *put_digits(char *to, int value, int n, char then)
{
    for (int i = n - 1; i >= 0; i--, value /= 10)
        to[i] = (char)('0' + value % 10);
    to[n] = then;
    return to + n + 1;
}

/* A partial date has no day to compare with. */
static void take_date(const json_t *attributes, const char *tag, char ret[16])
{
    const char *text = first_string(attributes, tag);
    struct date date;

    ret[0] = '\0';
    if (!text || date_parse(text, &date) < 0 || date.year <= 0 || date.month <= 0 || date.day <= 0)
        return;
    ret = put_digits(ret, date.year, 4, '-');
    ret = put_digits(ret, date.month, 2, '-');
    (void)put_digits(ret, date.day, 2, '\0');
}

static void take_time(const json_t *attributes, const char *tag, char ret[24])
{
    const char *text = first_string(attributes, tag);
    struct daytime time;

    ret[0] = '\0';
    if (!text || daytime_parse(text, &time) < 0)
        return;
    ret = put_digits(ret, time.hour, 2, ':');
    ret = put_digits(ret, time.minute < 0 ? 0 : time.minute, 2, ':');
    ret = put_digits(ret, time.second < 0 ? 0 : time.second, 2, time.fraction[0] ? '.' : '\0');
    if (time.fraction[0])
        (void)snprintf(ret, 7, "%s", time.fraction);
}

bool keys_integer(const json_t *attributes, const char *tag, int *ret)
{
    const char *text = first_string(attributes, tag);
    char *end;
    long long n;

    if (!text)
        return false;
    errno = 0;
    n = strtoll(text, &end, 10);
    if (errno != 0 || end == text || end[strspn(end, " ")] || n < INT_MIN || n > INT_MAX)
        return false;
    *ret = (int)n;
    return true;
}

static void take_integer(const json_t *attributes, const char *tag, char ret[16])
{
    int n;

    ret[0] = '\0';
    if (keys_integer(attributes, tag, &n))
        (void)snprintf(ret, 16, "%d", n);
}

static const char *accession_of_items(const json_t *attributes, const char *sequence)
{
    const json_t *items = json_object_get(json_object_get(attributes, sequence), "Value");

    for (size_t i = 0; i < json_array_size(items); i++) {
        const char *text = first_string(json_array_get(items, i), "00080050");

        if (text)
            return text;
    }
    return NULL;
}

/* Accession Number (0008,0050): at the top, else in Request Attributes (0040,0275), where series
 * of several orders carry it, else in Referenced Request (0040,A370) of a report. */
static bool take_accession_number(const struct instance *i, char **ret)
{
    const char *text = first_string(i->attributes[LEVEL_STUDY], "00080050");

    for (int level = 0; !text && level < LEVEL_COUNT; level++)
        text = accession_of_items(i->attributes[level], "00400275");
    for (int level = 0; !text && level < LEVEL_COUNT; level++)
        text = accession_of_items(i->attributes[level], "0040A370");
    *ret = text ? cut(text) : NULL;
    return !text || *ret;
}

static bool take_folded(const char *text, char **ret)
{
    *ret = text ? fold_text(text) : NULL;
    return !text || *ret;
}

/* Issuer of Patient ID (0010,0021), a name known here, else Universal Entity ID (0040,0032) of its
 * Qualifiers Sequence (0010,0024), known everywhere (PS3.3 section C.7.1.1, table 10-18). */
static bool take_issuer(const json_t *a, char **ret)
{
    const json_t *qualifiers = first_value(a, "00100024");

    if (first_string(a, "00100021"))
        return take_text(a, "00100021", ret);
    return take_text(qualifiers, "00400032", ret);
}

static bool take_patient(const json_t *a, struct keys *k)
{
    take_date(a, "00100030", k->patient_birth_date);
    return take_text(a, "00100020", &k->patient_id) && take_issuer(a, &k->issuer_of_patient_id) &&
           take_text(a, "00100040", &k->patient_sex) &&
           take_name(a, "00100010", &k->patient_name, &k->patient_name_folded);
}

static bool take_study(const json_t *a, struct keys *k)
{
    take_date(a, "00080020", k->study_date);
    take_time(a, "00080030", k->study_time);
    return take_text(a, "00200010", &k->study_id) &&
           take_text(a, "00081030", &k->study_description) &&
           take_folded(k->study_description, &k->study_description_folded) &&
           take_name(a, "00080090", &k->referring_physician_name,
                     &k->referring_physician_name_folded);
}

static bool take_series(const json_t *a, struct keys *k)
{
    take_integer(a, "00200011", k->series_number);
    take_date(a, "00080021", k->series_date);
    take_time(a, "00080031", k->series_time);
    return take_text(a, "00080060", &k->modality) &&
           take_text(a, "0008103E", &k->series_description) &&
           take_text(a, "00180015", &k->body_part_examined);
}

int keys_take(const struct instance *i, struct keys *ret)
{
    memset(ret, 0, sizeof *ret);
    take_integer(i->attributes[LEVEL_INSTANCE], "00200013", ret->instance_number);
    return take_patient(i->attributes[LEVEL_PATIENT], ret) &&
                   take_study(i->attributes[LEVEL_STUDY], ret) &&
                   take_series(i->attributes[LEVEL_SERIES], ret) &&
                   take_accession_number(i, &ret->accession_number) &&
                   take_text(i->attributes[LEVEL_INSTANCE], "01000410", &ret->sop_instance_status)
               ? 0
               : -ENOMEM;
}

void keys_done(struct keys *k)
{
    char *const texts[] = {k->issuer_of_patient_id,
                           k->patient_id,
                           k->patient_name,
                           k->patient_name_folded,
                           k->patient_sex,
                           k->accession_number,
                           k->study_id,
                           k->study_description,
                           k->study_description_folded,
                           k->referring_physician_name,
                           k->referring_physician_name_folded,
                           k->modality,
                           k->series_description,
                           k->body_part_examined,
                           k->sop_instance_status};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    memset(k, 0, sizeof *k);
}
