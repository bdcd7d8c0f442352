#include "fhir/node.h"

bool node_is_empty(const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_NULL:
        return true;
    case JSON_STRING:
        return json_string_length(value) == 0;
    case JSON_ARRAY:
        return json_array_size(value) == 0;
    case JSON_OBJECT:
        return json_object_size(value) == 0;
    default:
        return false;
    }
}

void node_set(json_t *object, const char *key, json_t *value)
{
    if (node_is_empty(value))
        json_decref(value);
    else
        (void)json_object_set_new(object, key, value);
}

json_t *node_text(const char *text)
{
    return text && *text ? json_string(text) : NULL;
}

void node_set_text(json_t *object, const char *key, const char *text)
{
    node_set(object, key, node_text(text));
}

void node_set_count(json_t *object, const char *key, long long n)
{
    if (n >= 0)
        node_set(object, key, json_integer(n));
}

bool node_push(json_t *array, json_t *value)
{
    if (node_is_empty(value)) {
        json_decref(value);
        return false;
    }
    return json_array_append_new(array, value) == 0;
}

bool node_push_new(json_t *array, json_t *value)
{
    size_t i;
    const json_t *there;

    json_array_foreach (array, i, there) {
        if (json_equal(there, value)) {
            json_decref(value);
            return false;
        }
    }
    return node_push(array, value);
}

json_t *node_array(json_t *value)
{
    json_t *array;

    if (node_is_empty(value)) {
        json_decref(value);
        return NULL;
    }
    array = json_array();
    (void)json_array_append_new(array, value);
    return array;
}

json_t *node_coding(const char *system, const char *code, const char *display)
{
    json_t *coding = json_object();

    node_set_text(coding, "system", system);
    node_set_text(coding, "code", code);
    node_set_text(coding, "display", display);
    return coding;
}

json_t *node_concept(json_t *value, const char *text)
{
    json_t *concept = json_object();

    node_set(concept, "coding", node_array(value));
    node_set_text(concept, "text", text);
    return concept;
}

json_t *node_reference(const char *reference, const char *type, json_t *value, const char *display)
{
    json_t *node = json_object();

    node_set_text(node, "reference", reference);
    node_set_text(node, "type", type);
    node_set(node, "identifier", value);
    node_set_text(node, "display", display);
    return node;
}

json_t *node_resource(const char *type, const char *id)
{
    json_t *resource = json_object();

    node_set_text(resource, "resourceType", type);
    node_set_text(resource, "id", id);
    return resource;
}

const char *node_get_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}
