#include "fhir/target.h"

int target_new(const struct settings *s, struct target **ret, char **ret_message)
{
    return s->directory ? target_dir_new(s, ret, ret_message)
                        : target_http_new(s, ret, ret_message);
}

struct target *target_free(struct target *t)
{
    if (t)
        t->kind->free(t);
    return NULL;
}
