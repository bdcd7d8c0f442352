/* Pieces of FHIR JSON. What would be empty is not made: FHIR knows no empty string, array or
 * object and no null. Keys keep the order in which they are set. Every json_t parameter called
 * @value is taken over (a reference is consumed), also when nothing comes of it. */
#ifndef ISTHMUS_FHIR_NODE_H
#define ISTHMUS_FHIR_NODE_H

#include <jansson.h>
#include <stdbool.h>

static inline void cleanup_json(json_t **node)
{
    json_decref(*node);
}
#define _cleanup_json_ __attribute__((cleanup(cleanup_json)))

/* NULL, "", [] and {} are empty. */
bool node_is_empty(const json_t *value);

/* Set @key unless @value is empty. */
void node_set(json_t *object, const char *key, json_t *value);
void node_set_text(json_t *object, const char *key, const char *text);
/* Negative: absent. */
void node_set_count(json_t *object, const char *key, long long n);
/* Append unless @value is empty; node_push_new: nor equal to one that is there. Returns whether
 * it was appended. */
bool node_push(json_t *array, json_t *value);
bool node_push_new(json_t *array, json_t *value);

/* A string, or NULL for NULL and "". */
json_t *node_text(const char *text);
/* [value], or NULL when it is empty. */
json_t *node_array(json_t *value);
/* {system, code, display}; each may be NULL. */
json_t *node_coding(const char *system, const char *code, const char *display);
/* {coding: [value], text}; each may be NULL. */
json_t *node_concept(json_t *value, const char *text);
/* {reference, type, identifier, display}; all but @type may be NULL. */
json_t *node_reference(const char *reference, const char *type, json_t *value, const char *display);
/* {resourceType, id}; @id may be NULL. */
json_t *node_resource(const char *type, const char *id);

/* The text at @key, or NULL. Lives as long as @object. */
const char *node_get_text(const json_t *object, const char *key);

#endif
