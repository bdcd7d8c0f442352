#include "fhir/fingerprint.h"
#include "fhir/node.h"
#include "fhir/settings.h"
#include "store/base/cleanup.h"

/* The others of a target say when and how Bundles travel. */
static const char *const target_options[] = {
    "url",
    "directory",
    "identity",
    "patient",
    "request",
    "self_contained",
    "instance_level",
    "instance_limit",
    "dicomweb_url",
    "dicomweb_connections",
};

static void add(json_t *all, const struct conf *c, const char *section, size_t index,
                const char *option)
{
    const char *const *values;
    size_t n = conf_titled_list(c, section, index, option, &values);
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(list, json_string(values[i]));
    (void)json_object_set_new(all, option, list);
}

void fingerprint_of(const struct conf *c, size_t i, char ret[DIGEST_TEXT])
{
    _cleanup_json_ json_t *all = json_object();
    _cleanup_free_ char *text = NULL;

    for (const struct conf_option *o = settings_fhir.options; o->name; o++)
        add(all, c, settings_fhir.name, 0, o->name);
    for (size_t o = 0; o < sizeof target_options / sizeof *target_options; o++)
        add(all, c, settings_target.name, i, target_options[o]);
    text = json_dumps(all, JSON_COMPACT);
    digest_of(text, "", ret);
}
