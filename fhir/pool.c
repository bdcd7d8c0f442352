#include "fhir/pool.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/when.h"
#include "store/base/cleanup.h"

#include <string.h>

struct pool {
    char *base_url;
    pool_fetch *fetch;
    void *context;
    json_t *by_name;   /* "Patient/9" and full URLs */
    json_t *requests;  /* the ServiceRequests among them, by "ServiceRequest/1" */
    json_t *urls;      /* "Patient/9" → full URL */
    json_t *referring; /* "Appointment ServiceRequest/1" → {"Appointment/2": …} */
};

struct pool *pool_new(const char *base_url, pool_fetch *fetch, void *context)
{
    struct pool *p = memory_new(sizeof *p);

    *p = (struct pool){.base_url = base_url ? memory_print("%s", base_url) : NULL,
                       .fetch = fetch,
                       .context = context,
                       .by_name = json_object(),
                       .requests = json_object(),
                       .urls = json_object(),
                       .referring = json_object()};
    return p;
}

struct pool *pool_free(struct pool *p)
{
    if (p) {
        free(p->base_url);
        json_decref(p->by_name);
        json_decref(p->requests);
        json_decref(p->urls);
        json_decref(p->referring);
    }
    free(p);
    return NULL;
}

/* "Patient/9"; NULL: it has no id. malloc'ed. */
static char *name_of(const json_t *resource)
{
    const char *type = node_get_text(resource, "resourceType"), *id = node_get_text(resource, "id");

    return type && id ? memory_print("%s/%s", type, id) : NULL;
}

/* What is after the base URL, or all of it: "http://f/fhir/Patient/9/_history/2" → "Patient/9". */
static char *local_name(const struct pool *p, const char *reference)
{
    size_t n = p->base_url ? strlen(p->base_url) : 0;
    const char *version;

    if (n > 0 && strncmp(reference, p->base_url, n) == 0 && reference[n] == '/')
        reference += n + 1;
    version = strstr(reference, "/_history/");
    return memory_text(reference, version ? (size_t)(version - reference) : strlen(reference));
}

/* Both names of a resource lead to those that refer to it. */
static void note_reference(struct pool *p, const char *name, json_t *resource,
                           const json_t *reference)
{
    const char *text = node_get_text(reference, "reference");
    _cleanup_free_ char *target = text ? local_name(p, text) : NULL, *key = NULL;
    json_t *there;

    if (!target)
        return;
    key = memory_print("%s %s", node_get_text(resource, "resourceType"), target);
    there = json_object_get(p->referring, key);
    if (!there) {
        there = json_object();
        (void)json_object_set_new(p->referring, key, there);
    }
    (void)json_object_set(there, name, resource);
}

static void note_references(struct pool *p, const char *name, json_t *resource)
{
    static const char *const places[] = {"basedOn", "focus", "for", "subject", "patient"};

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const json_t *value = json_object_get(resource, places[i]), *reference;
        size_t n;

        if (json_is_object(value))
            note_reference(p, name, resource, value);
        json_array_foreach (value, n, reference)
            note_reference(p, name, resource, reference);
    }
}

static const char *updated_at(const json_t *resource)
{
    return node_get_text(json_object_get(resource, "meta"), "lastUpdated");
}

/* Whether @a was over before @b, as far as they say. */
static bool is_older(const json_t *a, const json_t *b)
{
    const char *at_a = updated_at(a), *at_b = updated_at(b);
    int64_t a_s, b_s;

    if (!at_a || !at_b || !when_instant(at_a, &a_s) || !when_instant(at_b, &b_s))
        return false;
    return a_s < b_s || (a_s == b_s && strlen(at_a) == strlen(at_b) && strcmp(at_a, at_b) < 0);
}

void pool_add(struct pool *p, const char *full_url, json_t *resource)
{
    const char *type = node_get_text(resource, "resourceType");
    _cleanup_free_ char *named = name_of(resource);
    const char *name = named ? named : full_url;

    if (!type || !name || is_older(resource, json_object_get(p->by_name, name)))
        return;
    (void)json_object_set(p->by_name, name, resource);
    if (full_url) {
        (void)json_object_set(p->by_name, full_url, resource);
        (void)json_object_set_new(p->urls, name, json_string(full_url));
    }
    if (strcmp(type, "ServiceRequest") == 0)
        (void)json_object_set(p->requests, name, resource);
    else
        note_references(p, name, resource);
}

void pool_add_all(struct pool *p, json_t *root)
{
    const char *type = node_get_text(root, "resourceType");
    json_t *element;
    size_t i;

    if (json_is_array(root)) {
        json_array_foreach (root, i, element)
            pool_add(p, NULL, element);
        return;
    }
    if (!type || strcmp(type, "Bundle") != 0) {
        pool_add(p, NULL, root);
        return;
    }
    json_array_foreach (json_object_get(root, "entry"), i, element)
        pool_add(p, node_get_text(element, "fullUrl"), json_object_get(element, "resource"));
}

static const json_t *find_contained(const json_t *from, const char *id)
{
    const json_t *resource;
    size_t i;

    json_array_foreach (json_object_get(from, "contained"), i, resource) {
        const char *text = node_get_text(resource, "id");

        if (text && strcmp(text, id) == 0)
            return resource;
    }
    return NULL;
}

static const json_t *fetch(const struct pool *p, const char *name)
{
    json_t *resource = p->fetch ? p->fetch(p->context, name) : NULL;

    if (!resource)
        return NULL;
    (void)json_object_set_new(p->by_name, name, resource);
    return resource;
}

const json_t *pool_find(const struct pool *p, const json_t *from, const json_t *reference)
{
    const char *text = node_get_text(reference, "reference");
    _cleanup_free_ char *name = NULL;
    const json_t *resource;

    if (!text)
        return NULL;
    if (text[0] == '#')
        return find_contained(from, text + 1);
    resource = json_object_get(p->by_name, text);
    if (resource)
        return resource;
    name = local_name(p, text);
    resource = json_object_get(p->by_name, name);
    return resource || strchr(name, ':') ? resource : fetch(p, name);
}

bool pool_has(const struct pool *p, const char *name)
{
    return json_object_get(p->by_name, name);
}

const json_t *pool_referring(const struct pool *p, const json_t *resource, const char *type)
{
    _cleanup_free_ char *name = name_of(resource), *key = NULL;
    const char *url = pool_full_url(p, resource);
    const json_t *there = NULL;

    if (name) {
        key = memory_print("%s %s", type, name);
        there = json_object_get(p->referring, key);
    }
    if (!there && url) {
        free(key);
        key = memory_print("%s %s", type, url);
        there = json_object_get(p->referring, key);
    }
    return there;
}

const json_t *pool_requests(const struct pool *p)
{
    return p->requests;
}

const char *pool_full_url(const struct pool *p, const json_t *resource)
{
    _cleanup_free_ char *name = name_of(resource);
    const char *key;
    const json_t *value;

    if (name)
        return node_get_text(p->urls, name);
    json_object_foreach ((json_t *)p->by_name, key, value)
        if (value == resource)
            return key;
    return NULL;
}
