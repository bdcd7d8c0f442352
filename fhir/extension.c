#include "fhir/extension.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "store/base/cleanup.h"

#include <string.h>

static json_t *extension_new(const struct mapping *m, const char *name, const char *code)
{
    _cleanup_free_ char *url = memory_print("%s/%s", m->extension_base, name);
    json_t *extension = json_object();

    node_set_text(extension, "url", url);
    node_set_text(extension, "valueCode", code);
    return extension;
}

json_t *extension_availability(const struct mapping *m, bool away)
{
    if (!m->extension_base || !away)
        return NULL;
    return node_array(extension_new(m, "instance-availability", "UNAVAILABLE"));
}

/* The four of PS3.3 C.12.1; another text is none that the value set knows. */
static const char *status_of(const char *text)
{
    static const char *const statuses[] = {"NS", "OR", "AO", "AC"};

    for (size_t i = 0; text && i < sizeof statuses / sizeof *statuses; i++)
        if (strcmp(statuses[i], text) == 0)
            return statuses[i];
    return text ? NULL : "NS";
}

json_t *extension_of_instance(const struct mapping *m, const struct study_instance *instance)
{
    const char *status = status_of(instance->sop_instance_status);
    json_t *extensions;

    if (!m->extension_base)
        return NULL;
    extensions = json_array();
    if (status)
        (void)node_push(extensions, extension_new(m, "sop-instance-status", status));
    if (!instance->available)
        (void)node_push(extensions, extension_new(m, "instance-availability", "UNAVAILABLE"));
    return extensions;
}
