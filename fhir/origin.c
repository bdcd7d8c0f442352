#include "fhir/origin.h"
#include "fhir/coding.h"
#include "fhir/memory.h"
#include "fhir/uri.h"

#include <stdlib.h>
#include <string.h>

/* The key of "key=@value". malloc'ed or NULL. */
static char *key_of(const struct map *map, const char *value)
{
    for (size_t i = 0; i < map->n; i++) {
        const char *entry = map->entries[i], *end = strchr(entry, '=');

        if (end && strcmp(end + 1, value) == 0)
            return memory_text(entry, (size_t)(end - entry));
    }
    return NULL;
}

static int digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* What the template has in place of "{@name}". malloc'ed or NULL. */
static char *value_in_template(const char *template, const char *name, const char *uri)
{
    char *mark = memory_print("{%s}", name), *value = NULL, *to;
    const char *at = template ? strstr(template, mark) : NULL, *tail = at ? at + strlen(mark) : "";
    size_t n = at ? (size_t)(at - template) : 0, n_tail = strlen(tail), n_uri = strlen(uri);

    free(mark);
    if (!at || n_uri <= n + n_tail || strncmp(uri, template, n) != 0 ||
        strcmp(uri + n_uri - n_tail, tail) != 0)
        return NULL;
    value = to = memory_text(uri + n, n_uri - n - n_tail);
    for (const char *from = value; *from; from++) {
        bool encoded = from[0] == '%' && digit(from[1]) >= 0 && digit(from[2]) >= 0;

        *to++ = (char)(encoded ? digit(from[1]) * 16 + digit(from[2]) : *from);
        from += encoded ? 2 : 0;
    }
    *to = '\0';
    return value;
}

static struct origin universal(const char *id, const char *type)
{
    return (struct origin){.universal = memory_print("%s", id), .type = type};
}

struct origin origin_of_system(const struct mapping *m, enum kind kind, const char *system)
{
    struct origin o = {0};
    char *key;

    if (!system || (m->systems[kind] && strcmp(system, m->systems[kind]) == 0))
        return o;
    key = key_of(&m->issuers, system);
    if (key && uri_is_oid(key))
        return (struct origin){.universal = key, .type = "ISO"};
    o.local = key ? key : value_in_template(m->issuer_template, "local", system);
    if (o.local)
        return o;
    if (strncmp(system, "urn:oid:", 8) == 0)
        return universal(system + 8, "ISO");
    if (strncmp(system, "urn:uuid:", 9) == 0)
        return universal(system + 9, "UUID");
    return strncmp(system, "dns:", 4) == 0 ? universal(system + 4, "DNS")
                                           : universal(system, "URI");
}

void origin_done(struct origin *o)
{
    free(o->local);
    free(o->universal);
    *o = (struct origin){0};
}

char *origin_designator(const struct mapping *m, const char *system)
{
    char *designator = key_of(&m->code_systems, system);
    const char *known = designator ? NULL : coding_designator(system);

    if (known)
        return memory_print("%s", known);
    return designator ? designator : value_in_template(m->code_template, "designator", system);
}
