#include "fhir/resolve.h"
#include "fhir/memory.h"
#include "store/base/uid.h"

#include <string.h>

static bool is_usable(const struct study_series *series, const struct study_instance *instance)
{
    return instance->visible && uid_valid(series->series_instance_uid) &&
           instance->sop_instance_uid && uid_valid(instance->sop_instance_uid) &&
           instance->sop_class_uid && uid_valid(instance->sop_class_uid);
}

static void collect(struct scope *s, const struct study *study, bool all)
{
    for (size_t i = 0; i < study->n_series; i++) {
        const struct study_series *from = &study->series[i];
        struct scope_series *to = &s->series[s->n_series];

        *to = (struct scope_series){.uid = from->series_instance_uid, .first = s->n_instances};
        for (size_t j = 0; j < from->n_instances; j++)
            if (all || is_usable(from, &from->instances[j]))
                s->instances[s->n_instances++] = &from->instances[j];
        to->n = s->n_instances - to->first;
        if (to->n > 0)
            s->n_series++;
    }
}

struct scope *scope_new(const struct study *study)
{
    struct scope *s = memory_new(sizeof *s);
    size_t n = 0;

    for (size_t i = 0; i < study->n_series; i++)
        n += study->series[i].n_instances;
    *s = (struct scope){0};
    s->instances = memory_new(n * sizeof(void *));
    s->series = memory_new(study->n_series * sizeof *s->series);
    collect(s, study, false);
    if (s->n_instances == 0) {
        s->nothing_visible = true;
        collect(s, study, true);
    }
    return s;
}

struct scope *scope_free(struct scope *s)
{
    if (s) {
        free(s->instances);
        free(s->series);
    }
    free(s);
    return NULL;
}

struct asking ask_study(const struct scope *s)
{
    return (struct asking){.instances = s->instances, .n = s->n_instances};
}

struct asking ask_series(const struct scope *s, const struct scope_series *series)
{
    return (struct asking){.instances = s->instances + series->first, .n = series->n};
}

static bool has_value(const json_t *document, const char *const *tags)
{
    struct dataset d = {.documents = {document}};

    for (; *tags; tags++)
        if (dataset_has(&d, *tags))
            return true;
    return false;
}

bool ask_next(struct asking *a, const char *const *tags, struct dataset *ret)
{
    while (a->next < a->n) {
        const struct study_instance *instance = a->instances[a->next++];
        bool found = false;

        for (int level = 0; level < LEVEL_COUNT; level++) {
            const json_t *document = instance->attributes[level];

            if (document != a->asked[level])
                found |= has_value(document, tags);
            a->asked[level] = document;
        }
        if (found) {
            *ret = dataset_of(instance);
            return true;
        }
    }
    return false;
}
