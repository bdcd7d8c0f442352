#include "fhir/resolve.h"
#include "fhir/memory.h"
#include "store/base/uid.h"
#include "store/rejection.h"

#include <string.h>

static bool is_unauthorised(const struct study_instance *i)
{
    return i->sop_instance_status && strcmp(i->sop_instance_status, "OR") == 0 && !i->authorized;
}

/* Mapping 7.1, 7.3 and 8.1. */
static bool is_visible(const struct mapping *m, const struct study_series *series,
                       const struct study_instance *i)
{
    unsigned hidden = rejection_hidden(m->show_quality_rejected ? REJECTED_QUALITY : 0);

    return i->usable && (i->rejected & (hidden | REJECTION_NOTE)) == 0 &&
           !(m->hide_unauthorised && is_unauthorised(i)) &&
           uid_valid(series->series_instance_uid) && i->sop_instance_uid &&
           uid_valid(i->sop_instance_uid) && i->sop_class_uid && uid_valid(i->sop_class_uid);
}

/* All that are visible, or all (@m is NULL). */
static void collect(struct scope *s, const struct study *study, const struct mapping *m)
{
    for (size_t i = 0; i < study->n_series; i++) {
        const struct study_series *from = &study->series[i];
        struct scope_series *to = &s->series[s->n_series];

        *to = (struct scope_series){.uid = from->series_instance_uid, .first = s->n_instances};
        for (size_t j = 0; j < from->n_instances; j++)
            if (!m || is_visible(m, from, &from->instances[j]))
                s->instances[s->n_instances++] = &from->instances[j];
        to->n = s->n_instances - to->first;
        if (to->n > 0)
            s->n_series++;
    }
}

/* Whether there are instances in the scope beside notes, and all were rejected under @titles. */
static bool all_rejected(const struct scope *s, unsigned titles)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_instances; i++) {
        if (s->instances[i]->rejected & REJECTION_NOTE)
            continue;
        if ((s->instances[i]->rejected & titles) == 0)
            return false;
        n++;
    }
    return n > 0;
}

static void judge(struct scope *s)
{
    size_t away = 0;

    if (s->nothing_visible) {
        s->expired = all_rejected(s, REJECTED_RETENTION);
        s->status = all_rejected(s, REJECTED_SAFETY | REJECTED_WORKLIST) ? "entered-in-error"
                                                                         : "registered";
        return;
    }
    for (size_t i = 0; i < s->n_instances; i++)
        away += !s->instances[i]->available;
    s->away = away > 0;
    s->status = away == s->n_instances ? "unknown" : "available";
}

struct scope *scope_new(const struct mapping *m, const struct study *study)
{
    struct scope *s = memory_new(sizeof *s);
    size_t n = 0;

    for (size_t i = 0; i < study->n_series; i++)
        n += study->series[i].n_instances;
    *s = (struct scope){0};
    s->instances = memory_new(n * sizeof(void *));
    s->series = memory_new(study->n_series * sizeof *s->series);
    collect(s, study, m);
    if (s->n_instances == 0) {
        s->nothing_visible = true;
        collect(s, study, NULL);
    }
    judge(s);
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
