#include "fhir/coverage.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "store/base/cleanup.h"

#include <stdbool.h>
#include <string.h>

#define ATTRIBUTES_MAX 5

/* @r4 only where it differs. "[x]" keeps what holds the text "x": a code, a type, a URL. */
static const struct path {
    const char *r5, *r4;
    const char *attributes[ATTRIBUTES_MAX];
} paths[COVERAGE_PATHS] = {
    {"ImagingStudy.basedOn", NULL, {"00321064", "00080050", "00080051"}},
    {"ImagingStudy.description", NULL, {"00081030"}},
    {"ImagingStudy.identifier", NULL, {"0020000D", "00200010"}},
    {"ImagingStudy.location", NULL, {"00081040", "00400243"}},
    {"ImagingStudy.modality", NULL, {"00080061"}},
    {"ImagingStudy.numberOfInstances", NULL, {NULL}},
    {"ImagingStudy.numberOfSeries", NULL, {NULL}},
    {"ImagingStudy.procedure", "ImagingStudy.procedureCode", {"00081032"}},
    {"ImagingStudy.reason", "ImagingStudy.reasonCode", {"00401002"}},
    {"ImagingStudy.referrer", NULL, {"00080090", "00080096"}},
    {"ImagingStudy.series.bodySite", NULL, {"00180015"}},
    {"ImagingStudy.series.description", NULL, {"0008103E"}},
    {"ImagingStudy.series.instance.number", NULL, {"00200013"}},
    {"ImagingStudy.series.instance.sopClass", NULL, {"00080016"}},
    {"ImagingStudy.series.instance.title",
     NULL,
     {"00420010", "0040A043", "00080104", "00700080", "00080008"}},
    {"ImagingStudy.series.instance.uid", NULL, {"00080018"}},
    {"ImagingStudy.series.laterality", NULL, {"00200060"}},
    {"ImagingStudy.series.modality", NULL, {"00080060"}},
    {"ImagingStudy.series.number", NULL, {"00200011"}},
    {"ImagingStudy.series.numberOfInstances", NULL, {NULL}},
    {"ImagingStudy.series.performer", NULL, {"00081050", "00081052", "00081070", "00081072"}},
    {"ImagingStudy.series.specimen", NULL, {"00400551", "00400562"}},
    {"ImagingStudy.series.started", NULL, {"00080021", "00080031"}},
    {"ImagingStudy.series.uid", NULL, {"0020000E"}},
    {"ImagingStudy.started", NULL, {"00080020", "00080030"}},
    {"Observation[29463-7]", NULL, {"00101030"}},
    {"Observation[8302-2]", NULL, {"00101020"}},
    {"Patient.address", NULL, {"00101040"}},
    {"Patient.birthDate", NULL, {"00100030"}},
    {"Observation[30525-0]", NULL, {"00101010"}},
    {"Patient._birthDate", NULL, {"00100032"}},
    {"Patient.extension[http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity]",
     NULL,
     {"00102160"}},
    {"Patient.gender", NULL, {"00100040"}},
    {"Patient.identifier", NULL, {"00100020"}},
    {"Patient.name", NULL, {"00100010"}},
    {"Patient.telecom", NULL, {"00102154"}},
    {"ServiceRequest.identifier[Requested Procedure ID]", NULL, {"00401001"}},
    {"ServiceRequest.identifier[FILL]", NULL, {"00402017"}},
    {"ServiceRequest.identifier[PLAC]", NULL, {"00402016"}},
};

static const char *path_text(const struct path *p, enum release release)
{
    return release == RELEASE_R4 && p->r4 ? p->r4 : p->r5;
}

/* --- Does the Bundle fill a path? --- */

/* Is @text one of the strings in @value, at any depth? */
static bool holds(const json_t *value, const char *text)
{
    const char *key;
    json_t *part;
    size_t i;

    if (json_is_string(value))
        return strcmp(json_string_value(value), text) == 0;
    json_array_foreach (value, i, part)
        if (holds(part, text))
            return true;
    json_object_foreach ((json_t *)value, key, part)
        if (holds(part, text))
            return true;
    return false;
}

/* @path begins behind the element that is @value: "", "[code]…" or ".name…". */
static bool fills(const json_t *value, const char *path)
{
    json_t *part;
    size_t i, n;

    if (json_is_array(value)) {
        json_array_foreach (value, i, part)
            if (fills(part, path))
                return true;
        return false;
    }
    if (*path == '[') {
        n = strcspn(path, "]");
        _cleanup_free_ char *text = memory_text(path + 1, n - 1);
        return holds(value, text) && fills(value, path + n + 1);
    }
    if (*path == '\0')
        return value != NULL;
    n = strcspn(path + 1, ".[");
    _cleanup_free_ char *name = memory_text(path + 1, n);
    const json_t *next = json_object_get(value, name);
    return next && fills(next, path + 1 + n);
}

/* Resources may stand in the Bundle or be contained in one of it. */
static bool any_fills(const json_t *resources, const char *key, const char *path)
{
    size_t i, n = strcspn(path, ".[");
    const json_t *entry;

    json_array_foreach (resources, i, entry) {
        const json_t *resource = key ? json_object_get(entry, key) : entry;
        const char *type = node_get_text(resource, "resourceType");

        if (type && strlen(type) == n && strncmp(type, path, n) == 0 && fills(resource, path + n))
            return true;
        if (any_fills(json_object_get(resource, "contained"), NULL, path))
            return true;
    }
    return false;
}

/* --- Do the images have an attribute? --- */

static bool document_has(const json_t *document, const char *tag)
{
    const char *key;
    json_t *attribute, *item;
    size_t i;

    json_object_foreach ((json_t *)document, key, attribute) {
        if (strcmp(key, tag) == 0)
            return true;
        json_array_foreach (json_object_get(attribute, "Value"), i, item)
            if (json_is_object(item) && document_has(item, tag))
                return true;
    }
    return false;
}

/* The index keeps the UIDs in columns, and Modalities in Study is what the series have. */
static bool study_has(const struct study *study, const char *tag)
{
    static const char *const always[] = {"0020000D", "0020000E", "00080016", "00080018"};

    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (strcmp(tag, always[i]) == 0)
            return study->n_series > 0;
    if (strcmp(tag, "00080061") == 0)
        tag = "00080060";
    for (size_t s = 0; s < study->n_series; s++)
        for (size_t i = 0; i < study->series[s].n_instances; i++)
            for (int level = 0; level < LEVEL_COUNT; level++)
                if (document_has(study->series[s].instances[i].attributes[level], tag))
                    return true;
    return false;
}

/* Call @take for each attribute of the table, in its order; @index counts them. */
static void coverage_each(void (*take)(void *context, const struct path *p, unsigned index,
                                       const char *tag),
                          void *context)
{
    unsigned index = 0;

    for (unsigned p = 0; p < COVERAGE_PATHS; p++)
        for (unsigned a = 0; a < ATTRIBUTES_MAX && paths[p].attributes[a]; a++)
            take(context, &paths[p], index++, paths[p].attributes[a]);
}

struct counting {
    struct coverage *coverage;
    const struct study *study;
};

static void count_attribute(void *context, const struct path *p, unsigned index, const char *tag)
{
    struct counting *c = context;

    (void)p;
    c->coverage->attributes[index] += study_has(c->study, tag);
}

void coverage_add(struct coverage *c, enum release release, const struct study *study,
                  const json_t *bundle)
{
    struct counting counting = {c, study};

    c->studies++;
    flaws_add(&c->flaws, study);
    for (unsigned p = 0; p < COVERAGE_PATHS; p++)
        c->paths[p] +=
            any_fills(json_object_get(bundle, "entry"), "resource", path_text(&paths[p], release));
    coverage_each(count_attribute, &counting);
}

/* --- The report --- */

struct reporting {
    const struct coverage *coverage;
    json_t *attributes; /* of the path at hand, then of all */
    const struct path *path;
    bool present;
};

static void report_attribute(void *context, const struct path *p, unsigned index, const char *tag)
{
    struct reporting *r = context;
    unsigned studies = r->coverage->attributes[index];

    if (r->path && p != r->path)
        return;
    r->present = r->present || studies > 0;
    (void)node_push(r->attributes, json_pack("{s:s, s:i}", "tag", tag, "studies", (int)studies));
}

static const char *flaw_of(const struct coverage *c, const struct path *p)
{
    for (size_t f = 0; f < FLAW_COUNT; f++)
        for (size_t a = 0; a < ATTRIBUTES_MAX && p->attributes[a]; a++)
            if (c->flaws.n[f] > 0 && strcmp(flaw_tag(f), p->attributes[a]) == 0)
                return flaw_reason(f);
    return NULL;
}

static json_t *why_empty(const struct coverage *c, const struct path *p, bool present)
{
    const char *flaw = flaw_of(c, p);

    if (!present)
        return json_string("the images do not have it");
    return flaw ? json_sprintf("the value %s", flaw)
                : json_string("the value is there but cannot be used (see mapping)");
}

static json_t *report_flaws(const struct coverage *c)
{
    json_t *list = json_array();

    for (size_t f = 0; f < FLAW_COUNT; f++)
        if (c->flaws.n[f] > 0)
            (void)node_push(list, json_pack("{s:s, s:s, s:i}", "tag", flaw_tag(f), "reason",
                                            flaw_reason(f), "values", (int)c->flaws.n[f]));
    return list;
}

json_t *coverage_report(const struct coverage *c, enum release release)
{
    json_t *list = json_array();
    int filled = 0, present = 0;

    for (unsigned p = 0; p < COVERAGE_PATHS; p++) {
        struct reporting r = {.coverage = c, .attributes = json_array(), .path = &paths[p]};
        coverage_each(report_attribute, &r);
        json_t *row = json_pack("{s:i, s:s, s:o, s:i}", "number", (int)p + 1, "path",
                                path_text(&paths[p], release), "attributes", r.attributes,
                                "studies", (int)c->paths[p]);
        if (c->paths[p] == 0)
            node_set(row, "why", why_empty(c, &paths[p], r.present));
        filled += c->paths[p] > 0;
        (void)node_push(list, row);
    }
    for (unsigned a = 0; a < COVERAGE_ATTRIBUTES; a++)
        present += c->attributes[a] > 0;
    return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:o, s:o}", "release", release_name(release),
                     "studies", (int)c->studies, "pathsFilled", filled, "paths", COVERAGE_PATHS,
                     "attributesPresent", present, "attributes", COVERAGE_ATTRIBUTES, "rows", list,
                     "flaws", report_flaws(c));
}
