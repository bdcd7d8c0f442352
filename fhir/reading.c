#include "fhir/reading.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/origin.h"
#include "store/base/cleanup.h"
#include "store/vr.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void reading_fault(struct reading *r, const char *format, ...)
{
    char text[200];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    (void)node_push_new(r->faults, json_string(text));
}

const char *read_text(struct reading *r, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);

    if (!value || json_is_null(value))
        return NULL;
    if (!text)
        reading_fault(r, "%s is not a text", key);
    else if (json_string_length(value) != strlen(text))
        reading_fault(r, "%s holds a NUL character", key);
    else
        return *text ? text : NULL;
    return NULL;
}

const json_t *read_object(struct reading *r, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (!value || json_is_object(value))
        return value;
    reading_fault(r, "%s is not an object", key);
    return NULL;
}

const json_t *read_array(struct reading *r, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (!value || json_is_array(value))
        return value;
    reading_fault(r, "%s is not an array", key);
    return NULL;
}

const json_t *read_element(struct reading *r, const json_t *array, size_t i)
{
    const json_t *value = json_array_get(array, i);

    if (!value || json_is_object(value))
        return value;
    reading_fault(r, "an element of an array is not an object");
    return NULL;
}

const json_t *read_reference(struct reading *r, const json_t *from, const char *key)
{
    return pool_find(r->pool, from, read_object(r, from, key));
}

bool is_resource(const json_t *resource, const char *type)
{
    const char *text = node_get_text(resource, "resourceType");

    return text && strcmp(text, type) == 0;
}

const char *concept_text(struct reading *r, const json_t *concept)
{
    const char *text = read_text(r, concept, "text");
    const json_t *codings = read_array(r, concept, "coding");

    for (size_t i = 0; !text && i < json_array_size(codings); i++)
        text = read_text(r, read_element(r, codings, i), "display");
    return text;
}

/* --- values --- */

static size_t longest(const char *vr)
{
    switch (VR_OF(vr)) {
    case VR('S', 'H'):
    case VR('C', 'S'):
    case VR('A', 'E'):
        return 16;
    case VR('L', 'T'):
    case VR('U', 'T'):
        return 10240;
    case VR('S', 'T'):
    case VR('U', 'C'):
    case VR('U', 'R'):
        return 1024;
    default:
        return 64;
    }
}

static bool has_lines(const char *vr)
{
    return VR_OF(vr) == VR('L', 'T') || VR_OF(vr) == VR('S', 'T') || VR_OF(vr) == VR('U', 'T');
}

/* Without characters that a value cannot hold, and @max characters long at most. malloc'ed. */
static char *fit(const char *text, size_t max, bool lines, const char *forbidden)
{
    char *fitted = memory_text(text, strlen(text)), *to = fitted;
    size_t characters = 0;

    for (const char *from = text; *from; from++) {
        bool control = (unsigned char)*from < ' ' || *from == 0x7f;

        if ((*from & 0xc0) != 0x80 && ++characters > max)
            break;
        *to++ = (control && !(lines && strchr("\t\n\r", *from))) || strchr(forbidden, *from)
                    ? ' '
                    : *from;
    }
    while (to > fitted && to[-1] == ' ')
        to--;
    *to = '\0';
    return fitted;
}

static void push_value(json_t *attributes, const char *tag, const char *vr, json_t *value)
{
    json_t *element = json_object_get(attributes, tag);

    if (node_is_empty(value)) {
        json_decref(value);
        return;
    }
    if (!element) {
        element = json_pack("{s:s, s:[]}", "vr", vr, "Value");
        (void)json_object_set_new(attributes, tag, element);
    }
    (void)node_push_new(json_object_get(element, "Value"), value);
}

void push_text(json_t *attributes, const char *tag, const char *vr, const char *text)
{
    _cleanup_free_ char *fitted =
        text ? fit(text, longest(vr), has_lines(vr), has_lines(vr) ? "" : "\\") : NULL;

    if (fitted)
        push_value(attributes, tag, vr, json_string(fitted));
}

void put_text(json_t *attributes, const char *tag, const char *vr, const char *text)
{
    if (!json_object_get(attributes, tag))
        push_text(attributes, tag, vr, text);
}

void put_identifier(json_t *attributes, const char *tag, const char *vr, const char *text)
{
    if (text && !json_object_get(attributes, tag))
        push_value(attributes, tag, vr, json_string(text));
}

void push_item(json_t *attributes, const char *tag, json_t *item)
{
    push_value(attributes, tag, "SQ", item);
}

static json_t *code_item(struct reading *r, const json_t *coding, const char *text)
{
    const char *code = read_text(r, coding, "code"), *system = read_text(r, coding, "system");
    const char *display = read_text(r, coding, "display");
    _cleanup_free_ char *designator = system ? origin_designator(&r->rules->mapping, system) : NULL;
    json_t *item = json_object();

    if (!code)
        return item;
    if (strlen(code) <= 16)
        put_text(item, "00080100", "SH", code);
    else
        put_text(item, "00080119", "UC", code);
    put_text(item, "00080102", "SH", designator ? designator : "99FHIR");
    if (!designator && system)
        put_text(item, "0008010E", "UR", system);
    put_text(item, "00080104", "LO", display ? display : text ? text : code);
    return item;
}

void push_codes(struct reading *r, json_t *attributes, const char *tag, const json_t *concept)
{
    const json_t *codings = read_array(r, concept, "coding");

    for (size_t i = 0; i < json_array_size(codings); i++)
        push_item(attributes, tag,
                  code_item(r, read_element(r, codings, i), read_text(r, concept, "text")));
}

void push_issuer(struct reading *r, json_t *attributes, const char *tag, enum kind kind,
                 const char *system)
{
    struct origin o = origin_of_system(&r->rules->mapping, kind, system);
    json_t *item = json_object();

    put_text(item, "00400031", "UT", o.local);
    put_text(item, "00400032", "UT", o.universal);
    put_text(item, "00400033", "CS", o.type);
    push_item(attributes, tag, item);
    origin_done(&o);
}

/* --- names --- */

#define REPRESENTATION "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"

/* The component group of a PN that a HumanName is for. */
static const char *group_of(struct reading *r, const json_t *name)
{
    const json_t *extensions = read_array(r, name, "extension");

    for (size_t i = 0; i < json_array_size(extensions); i++) {
        const json_t *extension = read_element(r, extensions, i);
        const char *url = read_text(r, extension, "url");
        const char *code = read_text(r, extension, "valueCode");

        if (url && code && strcmp(url, REPRESENTATION) == 0)
            return strcmp(code, "IDE") == 0   ? "Ideographic"
                   : strcmp(code, "SYL") == 0 ? "Phonetic"
                                              : "Alphabetic";
    }
    return "Alphabetic";
}

/* The strings of an array from @first on, with spaces between; malloc'ed. */
static char *join(struct reading *r, const json_t *array, size_t first, size_t last)
{
    char *joined = memory_print("%s", "");

    for (size_t i = first; i < json_array_size(array) && i < last; i++) {
        const char *text = json_string_value(json_array_get(array, i));
        char *longer;

        if (!text)
            reading_fault(r, "a part of a name is not a text");
        longer = memory_print("%s%s%s", joined, *joined && text ? " " : "", text ? text : "");
        free(joined);
        joined = longer;
    }
    return joined;
}

/* family^given^middle^prefix^suffix. malloc'ed. */
static char *pn_of(struct reading *r, const json_t *name)
{
    const json_t *given = read_array(r, name, "given");
    const char *family = read_text(r, name, "family"), *text = read_text(r, name, "text");
    char *parts[5] = {memory_print("%s", family ? family : ""), join(r, given, 0, 1),
                      join(r, given, 1, 9), join(r, read_array(r, name, "prefix"), 0, 9),
                      join(r, read_array(r, name, "suffix"), 0, 9)};
    char *pn;

    if (!family && json_array_size(given) == 0 && text) {
        free(parts[0]);
        parts[0] = memory_print("%s", text);
    }
    for (size_t i = 0; i < 5; i++) {
        char *fitted = fit(parts[i], 64, false, "\\^=");

        free(parts[i]);
        parts[i] = fitted;
    }
    pn = memory_print("%s^%s^%s^%s^%s", parts[0], parts[1], parts[2], parts[3], parts[4]);
    for (size_t i = 0; i < 5; i++)
        free(parts[i]);
    for (size_t n = strlen(pn); n > 0 && pn[n - 1] == '^'; n--)
        pn[n - 1] = '\0';
    return pn;
}

static bool is_past(const char *use)
{
    return use && (strcmp(use, "old") == 0 || strcmp(use, "maiden") == 0 ||
                   strcmp(use, "nickname") == 0 || strcmp(use, "anonymous") == 0);
}

void put_name(struct reading *r, json_t *attributes, const char *tag, const json_t *names,
              const char *display)
{
    json_t *groups = json_object();

    for (int official = 1; official >= 0; official--)
        for (size_t i = 0; i < json_array_size(names); i++) {
            const json_t *name = read_element(r, names, i);
            const char *use = read_text(r, name, "use"), *group = group_of(r, name);
            _cleanup_free_ char *pn = NULL;

            if (is_past(use) || (official && (!use || strcmp(use, "official") != 0)) ||
                json_object_get(groups, group))
                continue;
            pn = pn_of(r, name);
            node_set_text(groups, group, pn);
        }
    if (json_object_size(groups) == 0 && display) {
        _cleanup_free_ char *pn = fit(display, 64, false, "\\^=");
        node_set_text(groups, "Alphabetic", pn);
    }
    if (!json_object_get(attributes, tag))
        push_value(attributes, tag, "PN", groups);
    else
        json_decref(groups);
}

/* --- identifiers --- */

static bool has_type(struct reading *r, const json_t *identifier, const char *code)
{
    const json_t *codings = read_array(r, read_object(r, identifier, "type"), "coding");

    for (size_t i = 0; i < json_array_size(codings); i++) {
        const char *text = read_text(r, read_element(r, codings, i), "code");

        if (text && strcmp(text, code) == 0)
            return true;
    }
    return false;
}

const json_t *find_identifier(struct reading *r, const json_t *identifiers, const char *code,
                              enum kind kind)
{
    const char *wanted = r->rules->mapping.systems[kind];

    for (int by_type = 1; by_type >= 0; by_type--)
        for (size_t i = 0; i < json_array_size(identifiers); i++) {
            const json_t *identifier = read_element(r, identifiers, i);
            const char *system = read_text(r, identifier, "system");
            const char *use = read_text(r, identifier, "use");

            if (!read_text(r, identifier, "value") || (use && strcmp(use, "old") == 0))
                continue;
            if (by_type ? has_type(r, identifier, code)
                        : system && wanted && strcmp(system, wanted) == 0)
                return identifier;
        }
    return NULL;
}
