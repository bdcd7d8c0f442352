#include "fhir/withdrawal.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "store/base/cleanup.h"

#include <stdbool.h>
#include <string.h>

/* Where @entry writes a resource that we may delete again; NULL: it does not. */
static const char *address_of(const json_t *entry)
{
    static const char *const types[] = {"Observation", "Provenance"};
    const json_t *request = json_object_get(entry, "request");
    const char *type = node_get_text(json_object_get(entry, "resource"), "resourceType");

    if (!type || strcmp(node_get_text(request, "method"), "PUT") != 0)
        return NULL;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i]) == 0)
            return node_get_text(request, "url");
    return NULL;
}

char *withdrawal_list(const json_t *bundle)
{
    char *list = memory_text("", 0);
    const json_t *entry;
    size_t i;

    json_array_foreach (json_object_get(bundle, "entry"), i, entry) {
        _cleanup_free_ char *shorter = list;
        const char *address = address_of(entry);

        list =
            memory_print("%s%s%s", shorter, address && *shorter ? " " : "", address ? address : "");
    }
    return list;
}

/* A resource may stand in a transaction once. */
static bool mentions(const json_t *bundle, const char *address)
{
    const json_t *entry;
    size_t i;

    json_array_foreach (json_object_get(bundle, "entry"), i, entry) {
        if (strcmp(node_get_text(json_object_get(entry, "request"), "url"), address) == 0)
            return true;
    }
    return false;
}

size_t withdrawal_add(json_t *bundle, const char *before)
{
    size_t added = 0, n;

    for (before += strspn(before, " "); *before; before += n + strspn(before + n, " ")) {
        n = strcspn(before, " ");
        _cleanup_free_ char *address = memory_text(before, n);
        if (mentions(bundle, address))
            continue;
        (void)node_push(json_object_get(bundle, "entry"),
                        json_pack("{s:{s:s, s:s}}", "request", "method", "DELETE", "url", address));
        added++;
    }
    return added;
}
