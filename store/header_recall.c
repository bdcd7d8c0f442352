#include "store/header_recall.h"
#include "store/attributes.h"

#include <stdlib.h>
#include <string.h>

struct recall {
    struct charset charset;
    struct recalled slots[]; /* as the rows of attributes.h */
};

struct recall *recall_new(void)
{
    return calloc(1, sizeof(struct recall) + attributes_count * sizeof(struct recalled));
}

static void forget(struct recall *r)
{
    for (size_t i = 0; i < attributes_count; i++) {
        json_decref(r->slots[i].attribute);
        r->slots[i].attribute = NULL;
    }
}

struct recall *recall_free(struct recall *r)
{
    if (r)
        forget(r);
    free(r);
    return NULL;
}

void recall_charset(struct recall *r, const struct charset *c)
{
    if (!r || (c->n_elements == r->charset.n_elements &&
               memcmp(c->elements, r->charset.elements, c->n_elements) == 0))
        return;
    forget(r);
    r->charset = *c;
}

struct recalled *recall_slot(struct recall *r, const struct token *t)
{
    const struct attribute *a = attribute_find(t->tag);

    return r && a && t->length <= RECALL_BYTES ? &r->slots[a - attributes] : NULL;
}

bool recall_is(const struct recalled *slot, const struct token *t, const uint8_t *bytes)
{
    return slot->attribute && memcmp(&slot->token, t, sizeof *t) == 0 &&
           memcmp(slot->bytes, bytes, t->length) == 0;
}

void recall_set(struct recalled *slot, const struct token *t, const uint8_t *bytes,
                json_t *attribute, unsigned flags, size_t values)
{
    json_decref(slot->attribute);
    *slot = (struct recalled){.attribute = json_incref(attribute),
                              .flags = flags,
                              .values = (unsigned)values,
                              .token = *t};
    memcpy(slot->bytes, bytes, t->length);
}
