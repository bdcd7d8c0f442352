/* Where Bundles go: a FHIR server (target_http.c) or a directory (target_dir.c). */
#ifndef ISTHMUS_FHIR_TARGET_H
#define ISTHMUS_FHIR_TARGET_H

#include "fhir/answer.h"
#include "fhir/settings.h"

#include <jansson.h>

struct target;

struct target_kind {
    /* Whether it can be sent to now, and what release it speaks. VERDICT_DONE, _WAIT or
     * _REFUSED. */
    void (*check)(struct target *t, struct answer *ret);
    /* After check: write what has to be there before the first study (NULL: nothing). */
    void (*begin)(struct target *t, struct answer *ret);
    /* Send @bundle, of which @text is the compact form and whose ImagingStudy has @id. */
    void (*send)(struct target *t, const char *id, const json_t *bundle, const char *text,
                 struct answer *ret);
    /* After check: have the server validate @bundle without keeping it (NULL: nobody to ask).
     * VERDICT_DONE, also when it does not validate; VERDICT_NEVER: it finds errors. */
    void (*validate)(struct target *t, const json_t *bundle, struct answer *ret);
    void (*free)(struct target *t);
    bool knows; /* compares with what it has: a digest of what was sent says nothing more */
};

struct target {
    const struct target_kind *kind;
    const struct settings *settings;
    struct mapping mapping; /* with the release found out by check */
    bool deletes;           /* what we wrote can be deleted there; found out by check */
};

/* @s must outlive it. -EINVAL: @ret_message (malloc'ed) says why, for a person. */
int target_new(const struct settings *s, struct target **ret, char **ret_message);
struct target *target_free(struct target *t);

int target_http_new(const struct settings *s, struct target **ret, char **ret_message);
int target_dir_new(const struct settings *s, struct target **ret, char **ret_message);

#endif
