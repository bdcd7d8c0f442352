/* Which instances speak for a study, and in which order they are asked when they disagree
 * (mapping 4): canonical order, never the order of arrival. Pure. */
#ifndef ISTHMUS_FHIR_RESOLVE_H
#define ISTHMUS_FHIR_RESOLVE_H

#include "fhir/dataset.h"
#include "fhir/mapping.h"

struct scope_series {
    const char *uid;
    size_t first, n; /* of scope.instances */
};

struct scope {
    size_t n_instances;
    const struct study_instance **instances;
    size_t n_series;
    struct scope_series *series;
    bool nothing_visible; /* the instances are asked, but neither listed nor counted */
    bool away;            /* of a visible one the file is not there */
    bool expired;         /* every instance was rejected because its retention expired */
    const char *status;   /* ImagingStudy.status (mapping 7.1) */
};

/* The visible instances of @study; all of them when none is visible. Borrows from @study. */
struct scope *scope_new(const struct mapping *m, const struct study *study);
struct scope *scope_free(struct scope *s);

/* Asks instance after instance for values. An instance that shares its documents with the one
 * before has nothing new to say and is passed over. */
struct asking {
    const struct study_instance *const *instances;
    size_t n, next;
    const json_t *asked[LEVEL_COUNT];
};

struct asking ask_study(const struct scope *s);
struct asking ask_series(const struct scope *s, const struct scope_series *series);

/* The next instance that has a value in one of @tags (NULL-terminated). */
bool ask_next(struct asking *a, const char *const *tags, struct dataset *ret);
#define ASK_NEXT(a, ret, ...) ask_next((a), (const char *const[]){__VA_ARGS__, NULL}, (ret))

#endif
