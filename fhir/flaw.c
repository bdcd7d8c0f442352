#include "fhir/flaw.h"
#include "fhir/dataset.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/number.h"
#include "fhir/observation.h"
#include "store/base/cleanup.h"
#include "store/base/datetime.h"

#include <string.h>

static bool is_date(const char *text)
{
    struct date date;

    return date_parse(text, &date) == 0;
}

static bool is_time(const char *text)
{
    struct daytime time;

    return daytime_parse(text, &time) == 0;
}

static bool is_offset(const char *text)
{
    return offset_parse(text) != OFFSET_UNKNOWN;
}

static bool is_unsigned(const char *text)
{
    return number_unsigned(text) >= 0;
}

static bool is_weight(const char *text)
{
    _cleanup_json_ json_t *value = number_decimal(text, 0, OBSERVATION_WEIGHT_LIMIT_KG);

    return value != NULL;
}

static bool is_size(const char *text)
{
    _cleanup_json_ json_t *value = number_decimal(text, 2, OBSERVATION_SIZE_LIMIT_CM);

    return value != NULL;
}

static bool is_age(const char *text)
{
    char unit;

    return number_age(text, &unit) > 0;
}

static bool is_side(const char *text)
{
    return strchr("RLBUrlbu", text[0]) && text[1] == '\0';
}

#define DATE is_date, "is not a date"
#define TIME is_time, "is not a time"
#define UNSIGNED is_unsigned, "is not an unsigned integer"
#define SIDE is_side, "is not R, L, B or U"

static const struct flaw {
    const char *tag;
    bool (*usable)(const char *text); /* NULL: there should not be several values */
    const char *reason;
} table[FLAW_COUNT] = {
    {InstanceCreationDate, DATE},
    {InstanceCreationTime, TIME},
    {StudyDate, DATE},
    {SeriesDate, DATE},
    {AcquisitionDate, DATE},
    {ContentDate, DATE},
    {StudyTime, TIME},
    {SeriesTime, TIME},
    {AcquisitionTime, TIME},
    {ContentTime, TIME},
    {TimezoneOffsetFromUTC, is_offset, "is not an offset from UTC"},
    {PatientID, NULL, "has several values"},
    {PatientBirthDate, DATE},
    {PatientBirthTime, TIME},
    {PatientAge, is_age, "is not an age above 0"},
    {PatientSize, is_size, "is not a number of metres above 0 and below 3"},
    {PatientWeight, is_weight, "is not a number of kilograms above 0 and below 1000"},
    {SeriesNumber, UNSIGNED},
    {InstanceNumber, UNSIGNED},
    {Laterality, SIDE},
};

void flaws_add(struct flaws *f, const struct study *study)
{
    const json_t *document;
    size_t k;

    json_array_foreach (study->documents, k, document) {
        const struct dataset d = {.documents = {document}};

        for (size_t i = 0; i < FLAW_COUNT; i++) {
            const char *text = dataset_text(&d, table[i].tag);

            if (text)
                f->n[i] +=
                    table[i].usable ? !table[i].usable(text) : dataset_count(&d, table[i].tag) > 1;
        }
    }
}

const char *flaw_tag(size_t i)
{
    return table[i].tag;
}

const char *flaw_reason(size_t i)
{
    return table[i].reason;
}

char *flaws_text(const struct flaws *f)
{
    char *text = NULL;

    for (size_t i = 0; i < FLAW_COUNT; i++) {
        const char *tag = table[i].tag;
        _cleanup_free_ char *before = NULL;

        if (f->n[i] == 0)
            continue;
        before = text;
        text = memory_print("%s%s(%.4s,%s) %s: %u", before ? before : "", before ? ", " : "", tag,
                            tag + 4, table[i].reason, f->n[i]);
    }
    return text;
}
