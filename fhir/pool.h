/* FHIR resources at hand while orders are read: found by reference, and by what refers to what. */
#ifndef ISTHMUS_FHIR_POOL_H
#define ISTHMUS_FHIR_POOL_H

#include <jansson.h>
#include <stdbool.h>

struct pool;

/* Where to ask for a resource that is not there: "Patient/9" → a new reference, or NULL. */
typedef json_t *pool_fetch(void *context, const char *reference);

/* @base_url (without slash at the end; NULL: not known) is that of relative references. @fetch may
 * be NULL. */
struct pool *pool_new(const char *base_url, pool_fetch *fetch, void *context);
struct pool *pool_free(struct pool *p);

/* Keep @resource (borrowed) under Type/id and under @full_url (may be NULL). Of two with
 * the same name the one that was updated later stays, else the later one here. What is no resource
 * is left out. */
void pool_add(struct pool *p, const char *full_url, json_t *resource);
/* A Bundle's entries, an array's elements, or one resource. */
void pool_add_all(struct pool *p, json_t *root);

/* The resource that @reference (a Reference) of @from means, contained ones too; borrowed; NULL:
 * not there. */
const json_t *pool_find(const struct pool *p, const json_t *from, const json_t *reference);

/* Whether the resource @name ("Patient/9") is there. */
bool pool_has(const struct pool *p, const char *name);

/* The resources of @type that refer to @resource as an order or patient; an array or NULL. */
const json_t *pool_referring(const struct pool *p, const json_t *resource, const char *type);

/* Every ServiceRequest, by name. */
const json_t *pool_requests(const struct pool *p);
/* The fullUrl under which @resource came, or NULL. */
const char *pool_full_url(const struct pool *p, const json_t *resource);

#endif
