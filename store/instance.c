#include "store/instance.h"

#include <stdlib.h>
#include <string.h>

void instance_done(struct instance *i)
{
    free(i->sop_class_uid);
    free(i->sop_instance_uid);
    free(i->study_instance_uid);
    free(i->series_instance_uid);
    free(i->transfer_syntax_uid);
    free(i->calling_ae_title);
    free(i->references);
    for (int level = 0; level < LEVEL_COUNT; level++)
        json_decref(i->attributes[level]);
    memset(i, 0, sizeof *i);
}
