/* ImagingStudy.series and series.instance (mapping 3, paths 11–24). */
#include "fhir/coding.h"
#include "fhir/extension.h"
#include "fhir/imaging_study.h"
#include "fhir/memory.h"
#include "fhir/number.h"
#include "fhir/practitioner.h"
#include "fhir/release.h"
#include "fhir/specimen.h"
#include "fhir/tables.h"
#include "store/base/cleanup.h"

#include <ctype.h>
#include <string.h>

static json_t *first_modality(const struct build *b, const struct scope_series *series)
{
    return coding_modality(build_first_text(ask_series(b->scope, series), Modality));
}

static long long number_of(const struct build *b, const struct scope_series *series)
{
    struct asking a = ask_series(b->scope, series);
    struct dataset d;

    while (ASK_NEXT(&a, &d, SeriesNumber)) {
        long long number = number_unsigned(dataset_text(&d, SeriesNumber));

        if (number >= 0)
            return number;
    }
    return -1;
}

/* "Left foot", "LEFT_FOOT" and "LEFTFOOT" are one term of the standard. */
static json_t *coding_of_body_part(const char *text)
{
    char term[17];
    size_t n = 0;
    const struct body_part *found;

    for (; *text; text++) {
        if (strchr(" _-", *text))
            continue;
        if (n == sizeof term - 1)
            return NULL;
        term[n++] = (char)toupper((unsigned char)*text);
    }
    term[n] = '\0';
    found = table_body_part(term);
    return found ? node_coding(SYSTEM_SCT, found->code, found->display) : NULL;
}

static json_t *body_site_of(const struct build *b, const struct scope_series *series)
{
    struct asking a = ask_series(b->scope, series);
    const char *text;
    struct dataset d, region;
    json_t *coding;

    if (!ASK_NEXT(&a, &d, BodyPartExamined, AnatomicRegionSequence))
        return NULL;
    text = dataset_text(&d, BodyPartExamined);
    coding = text ? coding_of_body_part(text) : NULL;
    if (!coding) {
        region = dataset_item(&d, AnatomicRegionSequence, 0);
        coding = coding_of(b->mapping, &region);
        if (coding && !node_get_text(coding, "system")) {
            json_decref(coding);
            coding = NULL;
        }
    }
    return release_body_site(b->mapping->release, coding, text);
}

/* The side that all images agree on, when the series does not name one. */
static const char *image_laterality(const struct build *b, const struct scope_series *series)
{
    struct asking a = ask_series(b->scope, series);
    const char *all = NULL;
    struct dataset d;

    while (ASK_NEXT(&a, &d, ImageLaterality)) {
        const char *one = dataset_text(&d, ImageLaterality);

        if (all && strcmp(all, one) != 0)
            return NULL;
        all = one;
    }
    return all;
}

static json_t *laterality_of(const struct build *b, const struct scope_series *series)
{
    const char *letter = build_first_text(ask_series(b->scope, series), Laterality);

    if (!letter)
        letter = image_laterality(b, series);
    return letter ? release_laterality(b->mapping->release, letter) : NULL;
}

/* All values joined with a backslash, as the attribute has them; empty ones at the end are cut. */
static char *image_type(const struct dataset *d)
{
    size_t n = dataset_count(d, ImageType);
    char *text = memory_print("%s", "");

    while (n > 0 && !dataset_value(d, ImageType, n - 1))
        n--;
    for (size_t i = 0; i < n; i++) {
        const char *value = dataset_value(d, ImageType, i);
        char *longer = memory_print("%s%s%s", text, i ? "\\" : "", value ? value : "");

        free(text);
        text = longer;
    }
    return text;
}

static json_t *title_of(const struct dataset *d)
{
    struct dataset concept = dataset_item(d, ConceptNameCodeSequence, 0);
    const char *title = dataset_text(d, DocumentTitle);
    _cleanup_free_ char *text = NULL;

    if (!title)
        title = dataset_text(&concept, CodeMeaning);
    if (!title)
        title = dataset_text(d, ContentLabel);
    text = title ? memory_text(title, strlen(title)) : image_type(d);
    for (char *c = text; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    return node_text(text);
}

static json_t *instance_build(const struct mapping *m, const struct study_instance *instance,
                              json_t *sop_class)
{
    struct dataset d = dataset_of(instance);
    json_t *node = json_object();

    node_set(node, "extension", extension_of_instance(m, instance));
    node_set_text(node, "uid", instance->sop_instance_uid);
    node_set(node, "sopClass", json_incref(sop_class));
    node_set_count(node, "number", number_unsigned(dataset_text(&d, InstanceNumber)));
    node_set(node, "title", title_of(&d));
    return node;
}

/* Neighbours of one class share its Coding: there may be many thousands. */
static json_t *instances_of(const struct build *b, const struct scope_series *series)
{
    json_t *list = json_array(), *sop_class = NULL;
    const char *uid = "";

    for (size_t i = 0; i < series->n; i++) {
        const struct study_instance *instance = b->scope->instances[series->first + i];

        if (strcmp(instance->sop_class_uid, uid) != 0) {
            _cleanup_free_ char *code = memory_print("urn:oid:%s", instance->sop_class_uid);

            uid = instance->sop_class_uid;
            json_decref(sop_class);
            sop_class = node_coding("urn:ietf:rfc:3986", code, NULL);
        }
        (void)node_push(list, instance_build(b->mapping, instance, sop_class));
    }
    json_decref(sop_class);
    return list;
}

json_t *series_build(struct build *b, const struct scope_series *series)
{
    json_t *node = json_object();

    node_set_text(node, "uid", series->uid);
    node_set_count(node, "number", number_of(b, series));
    node_set(node, "modality", release_code(b->mapping->release, first_modality(b, series)));
    node_set_text(node, "description",
                  build_first_text(ask_series(b->scope, series), SeriesDescription));
    node_set_count(node, "numberOfInstances", (long long)series->n);
    node_set(node, "bodySite", body_site_of(b, series));
    node_set(node, "laterality", laterality_of(b, series));
    node_set(node, "specimen", specimen_references(b, series));
    node_set(node, "started",
             build_first_when(b, ask_series(b->scope, series), SeriesDate, SeriesTime));
    node_set(node, "performer", practitioner_performers(b, series));
    if (b->form == FORM_FULL)
        node_set(node, "instance", instances_of(b, series));
    return node;
}
