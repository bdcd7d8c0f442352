/* Every path of the mapping, and the odd values: tests/data/fhir/rows-*.json, in which each row is
 *   "what"      a sentence
 *   "path"      the number of the path in the mapping (1 to 39), if it is one
 *   "in"        attributes of the only instance, over a small base (null: left out)
 *   "instances" or those of several
 *   "settings"  other than those of mapping_for_tests(), see set_one()
 *   "at"        where to look: "Type.key.0.key", the first resource of that type in the Bundle
 *   "R5", "R4"  what must be there, whole (null: nothing); R4 is R5 when it is left out */
#include "fhir/memory.h"
#include "fhir/node.h"
#include "tests/unit/fhir/study_text.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#define PATHS 39

static json_t *load(const char *name)
{
    const char *source = getenv("ISTHMUS_SOURCE");
    char path[512];
    json_error_t error;
    json_t *rows;

    (void)snprintf(path, sizeof path, "%s/tests/data/fhir/%s", source ? source : ".", name);
    rows = json_load_file(path, 0, &error);
    cr_assert(rows, "%s: line %d: %s", path, error.line, error.text);
    return rows;
}

static json_t *over_base(const json_t *attributes)
{
    static const char base[] = "{\"00080016\": \"1.2.840.10008.5.1.4.1.1.2\","
                               "\"00080018\": \"1.2.3.1.1\", \"0020000D\": \"1.2.3\","
                               "\"0020000E\": \"1.2.3.1\", \"00080060\": \"CT\","
                               "\"00100020\": \"P1\"}";
    json_t *whole = json_loads(base, 0, NULL), *value;
    const char *tag;

    json_object_foreach ((json_t *)(uintptr_t)attributes, tag, value) {
        if (json_is_null(value))
            json_object_del(whole, tag);
        else
            json_object_set(whole, tag, value);
    }
    return whole;
}

static struct study *study_of(const json_t *row)
{
    const json_t *instances = json_object_get(row, "instances"), *one;
    json_t *data_sets = json_array();
    struct study *study;
    size_t i;

    if (instances)
        json_array_foreach (instances, i, one)
            json_array_append_new(data_sets, over_base(one));
    else
        json_array_append_new(data_sets, over_base(json_object_get(row, "in")));
    study = study_from_json(data_sets);
    json_decref(data_sets);
    return study;
}

/* Lists of texts for maps; they live until the process ends, as the configuration does. */
static struct map map_of(const json_t *list)
{
    struct map m = {.n = json_array_size(list)};
    const char **entries = memory_new(m.n * sizeof *entries);

    for (size_t i = 0; i < m.n; i++)
        entries[i] = json_string_value(json_array_get(list, i));
    m.entries = entries;
    return m;
}

static enum mode mode_of(const char *text)
{
    static const char *const modes[] = {"create", "existing", "logical", "update"};

    for (int i = 0; i < 4; i++)
        if (strcmp(modes[i], text) == 0)
            return (enum mode)i;
    cr_assert(false, "no mode %s", text);
    return MODE_CREATE;
}

static void set_one(struct mapping *m, const char *key, const json_t *value)
{
    static const char *const kinds[KIND_COUNT] = {
        "patient",  "accession", "placer",   "filler",  "requested_procedure",
        "specimen", "staff",     "study_id", "location"};
    const char *text = json_string_value(value);
    bool on = json_is_true(value);

    for (int kind = 0; kind < KIND_COUNT; kind++)
        if (strcmp(kinds[kind], key) == 0) {
            m->systems[kind] = text;
            return;
        }
    if (strcmp(key, "zone") == 0)
        m->zone = text;
    else if (strcmp(key, "zones") == 0)
        m->zones = map_of(value);
    else if (strcmp(key, "issuers") == 0)
        m->issuers = map_of(value);
    else if (strcmp(key, "code_systems") == 0)
        m->code_systems = map_of(value);
    else if (strcmp(key, "issuer_template") == 0)
        m->issuer_template = text;
    else if (strcmp(key, "code_template") == 0)
        m->code_template = text;
    else if (strcmp(key, "patient_mode") == 0)
        m->patient = mode_of(text);
    else if (strcmp(key, "request_mode") == 0)
        m->request = mode_of(text);
    else if (strcmp(key, "patient_type") == 0)
        m->patient_type = text;
    else if (strcmp(key, "search_identity") == 0)
        m->search_identity = on;
    else if (strcmp(key, "accession_always") == 0)
        m->accession_always = on;
    else if (strcmp(key, "ethnicity") == 0)
        m->ethnicity = on;
    else if (strcmp(key, "roles") == 0)
        m->roles = on;
    else if (strcmp(key, "orphan_observations") == 0)
        m->orphan_observations = on;
    else if (strcmp(key, "self_contained") == 0)
        m->self_contained = on;
    else if (strcmp(key, "dicomweb_url") == 0)
        m->dicomweb_url = text;
    else if (strcmp(key, "connections") == 0) {
        struct map list = map_of(value);

        m->dicomweb_connections = list.entries;
        m->n_dicomweb_connections = list.n;
    } else if (strcmp(key, "full_limit") == 0)
        m->full_limit = (size_t)json_integer_value(value);
    else if (strcmp(key, "show_quality_rejected") == 0)
        m->show_quality_rejected = on;
    else if (strcmp(key, "hide_unauthorised") == 0)
        m->hide_unauthorised = on;
    else if (strcmp(key, "delete_expired") == 0)
        m->delete_expired = on;
    else if (strcmp(key, "extension_base") == 0)
        m->extension_base = text;
    else if (strcmp(key, "profile") == 0)
        m->study_profile = text;
    else if (strcmp(key, "patient_differs") != 0 && strcmp(key, "form") != 0)
        cr_assert(false, "no setting %s", key);
}

static struct mapping mapping_of(const json_t *row, enum release release)
{
    struct mapping m = mapping_for_tests(release);
    json_t *value;
    const char *key;

    json_object_foreach (json_object_get(row, "settings"), key, value)
        set_one(&m, key, value);
    return m;
}

static const json_t *look(const json_t *bundle, const char *at)
{
    char step[64];
    size_t n = strcspn(at, ".");
    const json_t *node;

    (void)snprintf(step, sizeof step, "%.*s", (int)n, at);
    node = strcmp(step, "Bundle") == 0 ? bundle : bundle_resource(bundle, step);
    while (at[n] == '.') {
        at += n + 1;
        n = strcspn(at, ".");
        (void)snprintf(step, sizeof step, "%.*s", (int)n, at);
        node = json_is_array(node) ? json_array_get(node, (size_t)atoi(step))
                                   : json_object_get(node, step);
    }
    return node;
}

static enum form form_of(const json_t *row)
{
    return (enum form)json_integer_value(json_object_get(json_object_get(row, "settings"), "form"));
}

/* For validators: with ISTHMUS_BUNDLES each Bundle is left there as R5/<n>.json or R4/<n>.json. */
static void leave_for_validators(const json_t *bundle, enum release release)
{
    static int n;
    const char *directory = getenv("ISTHMUS_BUNDLES");
    char path[512];

    if (!directory)
        return;
    (void)snprintf(path, sizeof path, "%s/%s/%d-%d.json", directory, release_name(release),
                   (int)getpid(), n++);
    cr_assert_eq(json_dump_file(bundle, path, JSON_INDENT(1) | JSON_REAL_PRECISION(15)), 0, "%s",
                 path);
}

static void check_row(const json_t *row, enum release release)
{
    const char *what = node_get_text(row, "what"), *at = node_get_text(row, "at");
    const json_t *expected = json_object_get(row, release_name(release));
    struct mapping m = mapping_of(row, release);
    struct study *study = study_of(row);
    json_t *bundle = NULL;
    char *text, name[256];

    if (!expected)
        expected = json_object_get(row, "R5");
    cr_assert(what && at && expected, "a row without what, at or R5: %s", what);
    (void)snprintf(name, sizeof name, "%s, in %s", what, release_name(release));
    study->patient_differs =
        json_is_true(json_object_get(json_object_get(row, "settings"), "patient_differs"));
    cr_assert_eq(bundle_build(&m, study, form_of(row), &bundle), 0, "%s", name);
    leave_for_validators(bundle, release);
    text = json_dumps(expected, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    assert_json(look(bundle, at), text, name);
    free(text);
    free((void *)(uintptr_t)m.zones.entries);
    free((void *)(uintptr_t)m.issuers.entries);
    free((void *)(uintptr_t)m.code_systems.entries);
    if (json_object_get(json_object_get(row, "settings"), "connections"))
        free((void *)(uintptr_t)m.dicomweb_connections);
    json_decref(bundle);
    study_text_free(study);
}

static void check_file(const char *name)
{
    json_t *rows = load(name), *row;
    size_t i;

    json_array_foreach (rows, i, row) {
        check_row(row, RELEASE_R5);
        check_row(row, RELEASE_R4);
    }
    json_decref(rows);
}

Test(mapping, the_39_paths)
{
    check_file("rows-paths.json");
}

Test(mapping, odd_values_of_each_kind)
{
    check_file("rows-odd.json");
}

Test(mapping, identity_modes_and_settings)
{
    check_file("rows-settings.json");
}

Test(mapping, what_instances_are_worth)
{
    check_file("rows-status.json");
}

Test(mapping, instances_that_disagree)
{
    check_file("rows-disagree.json");
}

Test(mapping, provenance_of_converted_studies)
{
    check_file("rows-provenance.json");
}

Test(mapping, every_path_has_a_row_that_fills_it)
{
    json_t *rows = load("rows-paths.json"), *row;
    bool seen[PATHS + 1] = {false};
    size_t i;

    json_array_foreach (rows, i, row) {
        json_int_t path = json_integer_value(json_object_get(row, "path"));

        cr_assert(path >= 0 && path <= PATHS);
        seen[path] |= !json_is_null(json_object_get(row, "R5"));
    }
    for (i = 1; i <= PATHS; i++)
        cr_assert(seen[i], "path %zu has no row", i);
    json_decref(rows);
}
