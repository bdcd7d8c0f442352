/* isthmus reconcile correct: values that a person gives in the place of those of the images. */
#include "store/base/cleanup.h"
#include "store/base/datetime.h"
#include "store/fold.h"
#include "store/tool_reconcile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* The values as DICOM JSON and as the columns of the patient. */
struct correction {
    json_t *attributes;
    char *text, *folded_name;
    char birth_date[16]; /* YYYY-MM-DD */
};

static void correction_done(struct correction *c)
{
    json_decref(c->attributes);
    free(c->text);
    free(c->folded_name);
}

/* At most @max characters of UTF-8, none of them a control character or a backslash. */
static bool is_value(const char *text, long max)
{
    utf8proc_ssize_t n, length = 0;
    utf8proc_int32_t c;

    for (; *text; text += n, length++) {
        n = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, &c);
        if (n <= 0 || c < ' ' || c == 0x7f || c == '\\')
            return false;
    }
    return length > 0 && length <= max;
}

static int set_value(struct correction *c, const char *tag, const char *vr, json_t *value)
{
    json_t *element = json_pack("{s:s, s:[o]}", "vr", vr, "Value", value);

    return element ? json_object_set_new(c->attributes, tag, element) : -1;
}

/* "Doe^Jane=山田^太郎": each group under its name. */
static json_t *name_groups(const char *name)
{
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
    json_t *value = json_object();

    for (size_t i = 0; value && i < 3; i++) {
        size_t n = strcspn(name, "=");

        if (n > 0 && json_object_set_new(value, groups[i], json_stringn(name, n)) < 0) {
            json_decref(value);
            return NULL;
        }
        name += n + (name[n] == '=');
    }
    return value;
}

static int take_birth_date(const struct tool *t, const char *text, struct correction *c)
{
    struct date date;
    char plain[16];

    if (date_parse(text, &date) < 0 || date.month == 0 || date.day == 0)
        return tool_usage(t, "--birth-date is of the form 19701231, and a day that there was");
    (void)snprintf(plain, sizeof plain, "%04u%02u%02u", (unsigned)date.year % 10000,
                   (unsigned)date.month % 100, (unsigned)date.day % 100);
    (void)snprintf(c->birth_date, sizeof c->birth_date, "%.4s-%.2s-%.2s", plain, plain + 4,
                   plain + 6);
    return set_value(c, "00100030", "DA", json_string(plain)) < 0
               ? tool_fail(t, TOOL_CANNOT, "no memory")
               : TOOL_FINE;
}

static int take_patient(const struct tool *t, const struct decision *d, struct correction *c)
{
    int r = 0, code = TOOL_FINE;

    if (d->patient_id)
        r |= set_value(c, "00100020", "LO", json_string(d->patient_id));
    if (d->patient_issuer)
        r |= set_value(c, "00100021", "LO", json_string(d->patient_issuer));
    if (d->sex)
        r |= set_value(c, "00100040", "CS", json_string(d->sex));
    if (d->patient_name) {
        r |= set_value(c, "00100010", "PN", name_groups(d->patient_name));
        c->folded_name = fold_name(d->patient_name);
        r |= c->folded_name ? 0 : -1;
    }
    if (d->birth_date)
        code = take_birth_date(t, d->birth_date, c);
    c->text = json_dumps(c->attributes, JSON_COMPACT);
    if (code == TOOL_FINE && (r < 0 || !c->text))
        code = tool_fail(t, TOOL_CANNOT, "no memory");
    return code;
}

static int check_values(const struct tool *t, const struct decision *d)
{
    const struct {
        const char *option, *value;
        long max;
    } rows[] = {
        {"--accession", d->accession, 16},
        {"--accession-issuer", d->accession_issuer, 64},
        {"--patient-id", d->patient_id, 64},
        {"--patient-issuer", d->patient_issuer, 64},
        {"--patient-name", d->patient_name, 3 * 64},
    };
    bool any = d->birth_date || d->sex;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].value && !is_value(rows[i].value, rows[i].max))
            return tool_usage(t, "%s is 1 to %ld characters, without backslash", rows[i].option,
                              rows[i].max);
        any = any || rows[i].value;
    }
    if (d->sex && strcmp(d->sex, "M") != 0 && strcmp(d->sex, "F") != 0 && strcmp(d->sex, "O") != 0)
        return tool_usage(t, "--sex is M, F or O");
    if (d->accession_issuer && !d->accession)
        return tool_usage(t, "--accession-issuer goes with --accession");
    if (!any || d->order)
        return tool_usage(t, "correct needs --accession or values of the patient");
    return TOOL_FINE;
}

int reconcile_correct(const struct tool *t, const struct decision *d)
{
    _cleanup_(correction_done) struct correction c = {.attributes = json_object()};
    const char *values[12] = {NULL,          d->accession,      d->accession_issuer,
                              d->patient_id, d->patient_issuer, d->patient_name};
    int code = check_values(t, d);

    if (code == TOOL_FINE)
        code = take_patient(t, d, &c);
    if (code != TOOL_FINE)
        return code;
    values[6] = c.folded_name;
    values[7] = *c.birth_date ? c.birth_date : NULL;
    values[8] = d->sex;
    values[9] = c.text;
    return reconcile_decide(
        t, d, "select isthmus.reconcile_correct($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        12, values);
}
