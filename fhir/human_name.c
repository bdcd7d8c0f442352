#include "fhir/human_name.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "store/base/cleanup.h"

#include <string.h>

#define REPRESENTATION "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"

enum { FAMILY, GIVEN, MIDDLE, PREFIX, SUFFIX, N_PARTS };

/* Remove surrounding spaces and what may not remain in a part of a name. */
static char *clean(char *part)
{
    size_t n;

    part += strspn(part, " ");
    for (char *c = part; *c; c++)
        if (*c == '^' || *c == '=')
            *c = ' ';
    n = strlen(part);
    while (n > 0 && part[n - 1] == ' ')
        part[--n] = '\0';
    return part;
}

/* Cut @group at its first four carets; the rest is the suffix. */
static void split(char *group, char *parts[N_PARTS])
{
    static char nothing[1];

    for (int i = 0; i < N_PARTS; i++) {
        char *end = group && i < SUFFIX ? strchr(group, '^') : NULL;

        if (end)
            *end = '\0';
        parts[i] = group ? clean(group) : nothing;
        group = end ? end + 1 : NULL;
    }
}

static json_t *whole(char *const parts[N_PARTS], const int *order, size_t n)
{
    _cleanup_free_ char *text = NULL;
    size_t n_bytes;
    FILE *f = open_memstream(&text, &n_bytes);

    if (!f)
        abort();
    for (size_t i = 0; i < n; i++) {
        const char *part = parts[order[i]];

        if (*part)
            (void)fprintf(f, "%s%s", ftell(f) > 0 ? " " : "", part);
    }
    (void)fclose(f);
    return node_text(text);
}

static json_t *given_names(char *const parts[N_PARTS])
{
    json_t *given = json_array();

    (void)node_push(given, node_text(parts[GIVEN]));
    (void)node_push(given, node_text(parts[MIDDLE]));
    return given;
}

static json_t *representation(const char *code)
{
    json_t *extension = json_object();

    node_set_text(extension, "url", REPRESENTATION);
    node_set_text(extension, "valueCode", code);
    return node_array(extension);
}

static json_t *human_name(const char *group, const char *code, bool named)
{
    static const int western[] = {PREFIX, GIVEN, MIDDLE, FAMILY, SUFFIX};
    static const int eastern[] = {FAMILY, GIVEN, MIDDLE};
    _cleanup_free_ char *copy = memory_text(group, strlen(group));
    char *parts[N_PARTS];
    json_t *name = json_object();

    split(copy, parts);
    if (named)
        node_set(name, "extension", representation(code));
    if (strcmp(code, "ABC") == 0)
        node_set(name, "text", whole(parts, western, N_PARTS));
    else
        node_set(name, "text", whole(parts, eastern, 3));
    node_set_text(name, "family", parts[FAMILY]);
    node_set(name, "given", given_names(parts));
    node_set(name, "prefix", node_array(node_text(parts[PREFIX])));
    node_set(name, "suffix", node_array(node_text(parts[SUFFIX])));
    return name;
}

/* A group of carets and spaces alone names nobody. */
static const char *group_of(const json_t *name, const char *key)
{
    const char *group = node_get_text(name, key);

    return group && group[strspn(group, "^= ")] ? group : NULL;
}

json_t *human_names(const json_t *name)
{
    const char *alphabetic = group_of(name, "Alphabetic");
    const char *ideographic = group_of(name, "Ideographic");
    const char *phonetic = group_of(name, "Phonetic");
    bool named = ideographic || phonetic;
    json_t *names = json_array();

    if (alphabetic)
        (void)node_push(names, human_name(alphabetic, "ABC", named));
    if (ideographic)
        (void)node_push(names, human_name(ideographic, "IDE", named));
    if (phonetic)
        (void)node_push(names, human_name(phonetic, "SYL", named));
    if (json_array_size(names) > 0)
        return names;
    json_decref(names);
    return NULL;
}

const char *human_name_display(const json_t *names)
{
    return node_get_text(json_array_get(names, 0), "text");
}
