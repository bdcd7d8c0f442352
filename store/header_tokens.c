/* Tokens → struct instance: the documents of the levels, in order of tag. */
#include "store/header_tokens.h"
#include "store/attributes.h"
#include "store/base/cleanup.h"
#include "store/base/uid.h"
#include "store/charset.h"
#include "store/header.h"
#include "store/header_recall.h"
#include "store/header_values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The data set, or an item, being built. */
struct place {
    json_t *object;         /* of an item */
    json_t *items;          /* of the sequence that is open in it */
    uint32_t sequence;      /* its tag */
    uint32_t last_tag;      /* of the attributes put so far */
    bool unsorted;          /* they were not in order */
    struct charset charset; /* own or inherited */
};

struct builder {
    struct instance *instance;
    struct recall *recall; /* or NULL */
    struct values values;
    unsigned depth;
    struct place places[HEADER_DEPTH_MAX + 1];
};

/* --- Order --------------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A copy of @object with its keys in order; NULL: no memory. */
static json_t *sorted(json_t *object)
{
    size_t n = json_object_size(object), i = 0;
    const char **keys = calloc(n + 1, sizeof *keys);
    json_t *copy = keys ? json_object() : NULL;

    for (void *at = json_object_iter(object); copy && at; at = json_object_iter_next(object, at))
        keys[i++] = json_object_iter_key(at);
    if (copy)
        qsort(keys, n, sizeof *keys, compare_keys);
    for (i = 0; copy && i < n; i++)
        if (json_object_set_nocheck(copy, keys[i], json_object_get(object, keys[i])) < 0) {
            json_decref(copy);
            copy = NULL;
        }
    free(keys);
    return copy;
}

static int sort(json_t **object)
{
    json_t *copy = sorted(*object);

    if (!copy)
        return -ENOMEM;
    json_decref(*object);
    *object = copy;
    return 0;
}

/* --- Attributes ---------------------------------------------------------------------------- */

/* @value (taken over) with its VR; NULL: no memory. */
static json_t *attribute_of(uint16_t vr, json_t *value)
{
    char name[] = {(char)(vr >> 8), (char)(vr & 0xFF), '\0'};
    json_t *attribute = json_object();

    if (json_object_set_new_nocheck(attribute, "vr", json_string_nocheck(name)) < 0 ||
        json_object_set_nocheck(attribute, "Value", value) < 0) {
        json_decref(attribute);
        attribute = NULL;
    }
    json_decref(value);
    return attribute;
}

/* Put @attribute (taken over; NULL: no memory) as @tag; the first of several stays. */
static int put(struct builder *b, uint32_t tag, json_t *attribute)
{
    struct place *place = &b->places[b->depth];
    const struct attribute *a = b->depth == 0 ? attribute_find(tag) : NULL;
    json_t *object = a ? b->instance->attributes[a->level] : place->object;
    char key[ATTRIBUTE_KEY_SIZE];

    attribute_key(tag, key);
    if (place->last_tag >= tag && json_object_get(object, key)) {
        b->instance->flags |= INSTANCE_VALUE_INVALID;
        json_decref(attribute);
        return 0;
    }
    place->unsorted |= place->last_tag > tag;
    place->last_tag = tag;
    return json_object_set_new_nocheck(object, key, attribute) < 0 ? -ENOMEM : 0;
}

static char **uid_of(struct instance *i, uint32_t tag)
{
    switch (tag) {
    case TAG_SOP_CLASS_UID:
        return &i->sop_class_uid;
    case TAG_SOP_INSTANCE_UID:
        return &i->sop_instance_uid;
    case TAG_STUDY_INSTANCE_UID:
        return &i->study_instance_uid;
    case TAG_SERIES_INSTANCE_UID:
        return &i->series_instance_uid;
    default:
        return NULL;
    }
}

/* One of the four UIDs: the first value of the first occurrence. @value is taken over. */
static int put_uid(struct builder *b, char **uid, json_t *value)
{
    const char *text = json_string_value(json_array_get(value, 0));
    int r = 0;

    if (*uid) {
        b->instance->flags |= INSTANCE_VALUE_INVALID;
    } else if (!text) {
        b->instance->flags |= INSTANCE_UID_INVALID;
    } else {
        if (!uid_valid(text) || json_array_size(value) > 1)
            b->instance->flags |= INSTANCE_UID_INVALID;
        *uid = strdup(text);
        r = *uid ? 0 : -ENOMEM;
    }
    json_decref(value);
    return r;
}

/* Read the value, or recall what became of it the last time. */
static int put_value(struct builder *b, const struct token *t, const uint8_t *bytes)
{
    struct recalled *slot = b->depth == 0 ? recall_slot(b->recall, t) : NULL;
    unsigned *all = b->values.flags, flags = 0;
    size_t left = b->values.left;
    json_t *value = NULL, *attribute;
    int r;

    if (slot && recall_is(slot, t, bytes) && slot->values <= left) {
        *all |= slot->flags;
        b->values.left -= slot->values;
        return put(b, t->tag, json_incref(slot->attribute));
    }
    b->values.flags = &flags;
    r = value_read(&b->values, t, bytes, &value);
    b->values.flags = all;
    *all |= flags;
    if (r < 0 || !value)
        return r;
    attribute = attribute_of(t->vr, value);
    if (slot && attribute)
        recall_set(slot, t, bytes, attribute, flags, left - b->values.left);
    return put(b, t->tag, attribute);
}

static int build_value(struct builder *b, const struct token *t, const uint8_t *bytes)
{
    struct place *place = &b->places[b->depth];
    char **uid = b->depth == 0 ? uid_of(b->instance, t->tag) : NULL;
    json_t *value = NULL;
    int r;

    if (t->tag == TAG_SPECIFIC_CHARACTER_SET) {
        charset_parse((const char *)bytes, t->length, &place->charset);
        if (place->charset.unknown)
            b->instance->flags |= INSTANCE_CHARSET_UNKNOWN;
        return 0;
    }
    b->values.charset = &place->charset;
    b->values.checked = b->depth == 0;
    if (!uid)
        return put_value(b, t, bytes);
    if (b->values.left == 0)
        b->values.left = 1;
    r = value_read(&b->values, t, bytes, &value);
    return r < 0 || !value ? r : put_uid(b, uid, value);
}

/* --- Sequences ----------------------------------------------------------------------------- */

static int open_sequence(struct builder *b, uint32_t tag)
{
    struct place *place = &b->places[b->depth];

    place->sequence = tag;
    place->items = json_array();
    return place->items ? 0 : -ENOMEM;
}

static int open_item(struct builder *b)
{
    b->places[b->depth + 1] =
        (struct place){.object = json_object(), .charset = b->places[b->depth].charset};
    b->depth++;
    return b->places[b->depth].object ? 0 : -ENOMEM;
}

static int close_item(struct builder *b)
{
    struct place *place = &b->places[b->depth];

    if (place->unsorted && sort(&place->object) < 0)
        return -ENOMEM;
    b->depth--;
    return json_array_append_new(b->places[b->depth].items, TAKE_PTR(place->object));
}

/* Empty items keep the positions of the others; a sequence of nothing else is absent. */
static int close_sequence(struct builder *b)
{
    struct place *place = &b->places[b->depth];
    json_t *items = TAKE_PTR(place->items), *item;
    size_t i;

    json_array_foreach (items, i, item)
        if (json_object_size(item) > 0)
            return put(b, place->sequence, attribute_of(VR('S', 'Q'), items));
    json_decref(items);
    return 0;
}

/* --- The whole ----------------------------------------------------------------------------- */

static int build_token(struct builder *b, const struct token *t, const uint8_t *bytes)
{
    switch (t->kind) {
    case TOKEN_SEQUENCE:
        return open_sequence(b, t->tag);
    case TOKEN_ITEM:
        return open_item(b);
    case TOKEN_ITEM_END:
        return close_item(b);
    case TOKEN_SEQUENCE_END:
        return close_sequence(b);
    default:
        return build_value(b, t, bytes);
    }
}

/* The first (0008,0005) of the top level rules, wherever it stands. */
static void find_charset(struct builder *b, const struct tokens *tokens)
{
    unsigned depth = 0;
    struct token t;

    for (size_t at = 0; at < tokens->used; at += sizeof t + t.length) {
        memcpy(&t, tokens->bytes + at, sizeof t);
        depth += t.kind == TOKEN_SEQUENCE;
        depth -= t.kind == TOKEN_SEQUENCE_END;
        if (depth == 0 && t.tag == TAG_SPECIFIC_CHARACTER_SET) {
            (void)build_value(b, &t, tokens->bytes + at + sizeof t);
            return;
        }
    }
}

/* Its terms, for answers that cannot be in the character set of who asks. */
static int keep_charset(struct builder *b, const struct token *t, const uint8_t *bytes)
{
    json_t *value = NULL;
    int r;

    b->values.charset = &b->places[0].charset;
    r = value_read(&b->values, t, bytes, &value);
    return r < 0 || !value ? r : put(b, t->tag, attribute_of(VR('C', 'S'), value));
}

static int build(struct builder *b, const struct tokens *tokens)
{
    struct token t;
    int r = 0;

    for (size_t at = 0; at < tokens->used && r == 0; at += sizeof t + t.length) {
        memcpy(&t, tokens->bytes + at, sizeof t);
        if (b->depth == 0 && t.tag == TAG_SPECIFIC_CHARACTER_SET)
            r = keep_charset(b, &t, tokens->bytes + at + sizeof t);
        else
            r = build_token(b, &t, tokens->bytes + at + sizeof t);
    }
    while (r == 0 && (b->depth > 0 || b->places[0].items))
        r = b->places[b->depth].items ? close_sequence(b) : close_item(b);
    for (int level = 0; r == 0 && level < LEVEL_COUNT && b->places[0].unsorted; level++)
        r = sort(&b->instance->attributes[level]);
    return r < 0 ? -ENOMEM : 0;
}

int tokens_to_instance(const struct tokens *tokens, struct recall *recall, struct instance *ret)
{
    struct builder b = {.instance = ret,
                        .recall = recall,
                        .values = {.left = HEADER_VALUES_MAX, .flags = &ret->flags}};
    int r = 0;

    for (int level = 0; level < LEVEL_COUNT; level++)
        if (!(ret->attributes[level] = json_object()))
            r = -ENOMEM;
    if (r == 0) {
        find_charset(&b, tokens);
        recall_charset(recall, &b.places[0].charset);
        r = build(&b, tokens);
    }
    for (unsigned i = 0; i <= HEADER_DEPTH_MAX; i++) {
        json_decref(b.places[i].object);
        json_decref(b.places[i].items);
    }
    values_done(&b.values);
    return r;
}
