#include "fhir/dataset.h"

static const json_t *values_of(const struct dataset *d, const char *tag)
{
    for (int level = 0; level < LEVEL_COUNT; level++) {
        const json_t *element = json_object_get(d->documents[level], tag);
        const json_t *values = json_object_get(element, "Value");

        if (json_array_size(values) > 0)
            return values;
    }
    return NULL;
}

struct dataset dataset_of(const struct study_instance *instance)
{
    struct dataset d = {.sender = instance->calling_ae_title};

    for (int level = 0; level < LEVEL_COUNT; level++)
        d.documents[level] = instance->attributes[level];
    return d;
}

size_t dataset_count(const struct dataset *d, const char *tag)
{
    return json_array_size(values_of(d, tag));
}

const char *dataset_value(const struct dataset *d, const char *tag, size_t i)
{
    const char *text = json_string_value(json_array_get(values_of(d, tag), i));

    return text && *text ? text : NULL;
}

const char *dataset_text(const struct dataset *d, const char *tag)
{
    const json_t *values = values_of(d, tag), *value;
    size_t i;

    json_array_foreach (values, i, value) {
        if (json_string_length(value) > 0)
            return json_string_value(value);
    }
    return NULL;
}

const json_t *dataset_name(const struct dataset *d, const char *tag, size_t i)
{
    const json_t *name = json_array_get(values_of(d, tag), i);

    return json_object_size(name) > 0 ? name : NULL;
}

struct dataset dataset_item(const struct dataset *d, const char *tag, size_t i)
{
    const json_t *item = json_array_get(values_of(d, tag), i);

    return (struct dataset){
        .documents = {json_is_object(item) ? item : NULL},
        .top = dataset_top(d),
        .sender = d->sender,
    };
}

const struct dataset *dataset_top(const struct dataset *d)
{
    return d->top ? d->top : d;
}

bool dataset_has(const struct dataset *d, const char *tag)
{
    const json_t *values = values_of(d, tag), *value;
    size_t i;

    json_array_foreach (values, i, value) {
        if (json_string_length(value) > 0 || json_object_size(value) > 0)
            return true;
    }
    return false;
}
