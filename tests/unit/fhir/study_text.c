#include "tests/unit/fhir/study_text.h"
#include "store/attributes.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* PN attributes of the mapping. */
static bool is_name(const char *tag)
{
    static const char *const names[] = {"00100010", "00080090", "00081050", "00081060", "00081070"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], tag) == 0)
            return true;
    return false;
}

static json_t *name_value(const char *text)
{
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
    json_t *name = json_object();

    for (int i = 0; i < 3; i++) {
        size_t n = strcspn(text, "=");

        if (n > 0)
            json_object_set_new(name, groups[i], json_stringn(text, n));
        text += n;
        text += *text == '=';
    }
    return name;
}

static json_t *data_set(const json_t *brief);

static json_t *one_value(const char *tag, const json_t *brief)
{
    if (json_is_object(brief))
        return data_set(brief);
    if (json_is_string(brief) && is_name(tag))
        return name_value(json_string_value(brief));
    return json_deep_copy(brief);
}

static json_t *data_set(const json_t *brief)
{
    json_t *whole = json_object(), *value, *v;
    const char *tag;
    size_t i;

    json_object_foreach ((json_t *)(uintptr_t)brief, tag, value) {
        json_t *values = json_array(), *element = json_object();

        if (json_is_array(value))
            json_array_foreach (value, i, v)
                json_array_append_new(values, one_value(tag, v));
        else
            json_array_append_new(values, one_value(tag, value));
        json_object_set_new(element, "Value", values);
        json_object_set_new(whole, tag, element);
    }
    return whole;
}

static const char *value_of(const json_t *document, const char *tag)
{
    const json_t *values = json_object_get(json_object_get(document, tag), "Value");

    return json_string_value(json_array_get(values, 0));
}

static char *copy_of(const char *text)
{
    return text ? strdup(text) : NULL;
}

static long long number_or_last(const char *text)
{
    return text ? atoll(text) : (1LL << 40);
}

static int compare(const char *number_tag, const json_t *a, const char *uid_a, const json_t *b,
                   const char *uid_b)
{
    long long x = number_or_last(value_of(a, number_tag));
    long long y = number_or_last(value_of(b, number_tag));

    return x != y ? (x > y) - (x < y) : strcmp(uid_a, uid_b);
}

static int compare_instances(const void *a, const void *b)
{
    const struct study_instance *x = a, *y = b;

    return compare("00200013", x->attributes[LEVEL_INSTANCE], x->sop_instance_uid,
                   y->attributes[LEVEL_INSTANCE], y->sop_instance_uid);
}

/* The number that the index keeps of a series is the first one received; here the smallest of
 * what its instances say, so that the order of the text has no part in it. */
static long long series_number(const struct study_series *s)
{
    long long least = number_or_last(NULL);

    for (size_t i = 0; i < s->n_instances; i++) {
        long long n =
            number_or_last(value_of(s->instances[i].attributes[LEVEL_SERIES], "00200011"));

        least = n < least ? n : least;
    }
    return least;
}

static int compare_series(const void *a, const void *b)
{
    const struct study_series *x = a, *y = b;
    long long m = series_number(x), n = series_number(y);

    return m != n ? (m > n) - (m < n) : strcmp(x->series_instance_uid, y->series_instance_uid);
}

static struct study_series *series_for(struct study *s, const char *uid)
{
    for (size_t i = 0; i < s->n_series; i++)
        if (strcmp(s->series[i].series_instance_uid, uid) == 0)
            return &s->series[i];
    s->series = realloc(s->series, (s->n_series + 1) * sizeof *s->series);
    s->series[s->n_series] = (struct study_series){.series_instance_uid = copy_of(uid)};
    return &s->series[s->n_series++];
}

static enum level level_of(const char *tag)
{
    const struct attribute *a = attribute_find((uint32_t)strtoul(tag, NULL, 16));

    return a ? a->level : LEVEL_INSTANCE;
}

/* The document of each level, shared with instances that have the same one, as the index does. */
static void share_documents(struct study *s, json_t *whole, const json_t **ret)
{
    json_t *own[LEVEL_COUNT], *value, *there;
    const char *tag;
    size_t i;

    for (int level = 0; level < LEVEL_COUNT; level++)
        own[level] = json_object();
    json_object_foreach (whole, tag, value)
        json_object_set(own[level_of(tag)], tag, value);
    for (int level = 0; level < LEVEL_COUNT; level++) {
        ret[level] = NULL;
        json_array_foreach (s->documents, i, there)
            if (json_equal(there, own[level]))
                ret[level] = there;
        if (!ret[level]) {
            json_array_append(s->documents, own[level]);
            ret[level] = own[level];
        }
        json_decref(own[level]);
    }
}

static int compare_uids(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void take_sources(struct study_instance *i, const json_t *sources)
{
    const json_t *uid;
    size_t n;

    i->sources = calloc(json_array_size(sources) + 1, sizeof *i->sources);
    json_array_foreach (sources, n, uid)
        i->sources[i->n_sources++] = copy_of(json_string_value(uid));
    qsort(i->sources, i->n_sources, sizeof *i->sources, compare_uids);
}

static void add_instance(struct study *s, const json_t *brief)
{
    static const char *const not_attributes[] = {"unusable", "away",   "authorized",
                                                 "rejected", "sender", "sources"};
    json_t *own = json_deep_copy(brief), *whole;
    struct study_instance instance = {
        .usable = !json_is_true(json_object_get(brief, "unusable")),
        .available = !json_is_true(json_object_get(brief, "away")),
        .authorized = json_is_true(json_object_get(brief, "authorized")),
        .rejected = (unsigned)json_integer_value(json_object_get(brief, "rejected")),
        .calling_ae_title = copy_of(json_string_value(json_object_get(brief, "sender"))),
        .received_at = "2026-01-01T00:00:00Z",
    };
    struct study_series *series;

    for (size_t i = 0; i < sizeof not_attributes / sizeof *not_attributes; i++)
        json_object_del(own, not_attributes[i]);
    take_sources(&instance, json_object_get(brief, "sources"));
    whole = data_set(own);
    json_decref(own);
    share_documents(s, whole, instance.attributes);
    instance.sop_instance_uid = copy_of(value_of(whole, "00080018"));
    instance.sop_class_uid = copy_of(value_of(whole, "00080016"));
    instance.sop_instance_status = copy_of(value_of(whole, "01000410"));
    if (!s->study_instance_uid)
        s->study_instance_uid = copy_of(value_of(whole, "0020000D"));
    series = series_for(s, value_of(whole, "0020000E"));
    series->instances =
        realloc(series->instances, (series->n_instances + 1) * sizeof *series->instances);
    series->instances[series->n_instances++] = instance;
    json_decref(whole);
}

struct study *study_from_json(const json_t *data_sets)
{
    struct study *s = calloc(1, sizeof *s);
    const json_t *brief;
    size_t i;

    s->documents = json_array();
    json_array_foreach (data_sets, i, brief)
        add_instance(s, brief);
    for (i = 0; i < s->n_series; i++)
        qsort(s->series[i].instances, s->series[i].n_instances, sizeof *s->series[i].instances,
              compare_instances);
    qsort(s->series, s->n_series, sizeof *s->series, compare_series);
    return s;
}

const json_t *study_add_document(struct study *s, const json_t *brief)
{
    json_t *document = data_set(brief);

    json_array_append_new(s->documents, document);
    return document;
}

struct study *study_from_text(const char *text)
{
    json_error_t error;
    json_t *data_sets = json_loads(text, 0, &error);
    struct study *s;

    cr_assert(data_sets, "the test's study: line %d: %s", error.line, error.text);
    s = study_from_json(data_sets);
    json_decref(data_sets);
    return s;
}

void study_text_free(struct study *s)
{
    for (size_t i = 0; i < s->n_series; i++) {
        for (size_t j = 0; j < s->series[i].n_instances; j++) {
            free(s->series[i].instances[j].sop_instance_uid);
            free(s->series[i].instances[j].sop_class_uid);
            free(s->series[i].instances[j].calling_ae_title);
            for (size_t k = 0; k < s->series[i].instances[j].n_sources; k++)
                free(s->series[i].instances[j].sources[k]);
            free(s->series[i].instances[j].sources);
            free(s->series[i].instances[j].sop_instance_status);
        }
        free(s->series[i].instances);
        free(s->series[i].series_instance_uid);
    }
    free(s->series);
    free(s->study_instance_uid);
    json_decref(s->documents);
    free(s);
}

struct mapping mapping_for_tests(enum release release)
{
    static const char *const connections[] = {"dicom-wado-rs"};

    return (struct mapping){
        .release = release,
        .full_limit = 2000,
        .systems = {[KIND_PATIENT] = "http://hospital.example/mrn",
                    [KIND_ACCESSION] = "http://hospital.example/accession"},
        .publisher_system = "http://hospital.example/isthmus",
        .patient_type = "MR",
        .request_status = "unknown",
        .ethnicity = true,
        .dicomweb_url = "https://pacs.hospital.example/dicomweb",
        .dicomweb_connections = connections,
        .n_dicomweb_connections = 1,
    };
}

const json_t *bundle_resource(const json_t *bundle, const char *type)
{
    const json_t *entry;
    size_t i;

    json_array_foreach (json_object_get(bundle, "entry"), i, entry) {
        const json_t *resource = json_object_get(entry, "resource");
        const char *is = json_string_value(json_object_get(resource, "resourceType"));

        if (is && strcmp(is, type) == 0)
            return resource;
    }
    return NULL;
}

void assert_json(const json_t *is, const char *expected, const char *what)
{
    json_error_t error;
    json_t *should = json_loads(expected, JSON_DECODE_ANY, &error);
    char *one, *other;

    cr_assert(should, "%s: what the test expects is no JSON: %s", what, error.text);
    one = is ? json_dumps(is, JSON_ENCODE_ANY | JSON_INDENT(1) | JSON_REAL_PRECISION(15))
             : strdup("null");
    other = json_dumps(should, JSON_ENCODE_ANY | JSON_INDENT(1) | JSON_REAL_PRECISION(15));
    cr_assert_str_eq(one, other, "%s\nis:\n%s\nshould be:\n%s", what, one, other);
    free(one);
    free(other);
    json_decref(should);
}
