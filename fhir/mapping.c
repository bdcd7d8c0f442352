#include "fhir/mapping.h"

#include <string.h>

const char *map_get(const struct map *m, const char *key)
{
    size_t n = strlen(key);

    for (size_t i = 0; i < m->n; i++)
        if (strncasecmp(m->entries[i], key, n) == 0 && m->entries[i][n] == '=')
            return m->entries[i] + n + 1;
    return NULL;
}

const char *mapping_zone(const struct mapping *m, const char *sender)
{
    const char *zone = sender ? map_get(&m->zones, sender) : NULL;

    return zone ? zone : m->zone;
}
