#include "store/instance.h"

#include <stdlib.h>
#include <string.h>

/* Neither study nor series: an object without patient (palette, hanging protocol …). */
enum instance_lack instance_lack(const struct instance *i)
{
    const char *uids[] = {i->sop_class_uid, i->sop_instance_uid, i->study_instance_uid,
                          i->series_instance_uid};

    for (size_t k = 0; k < sizeof uids / sizeof *uids; k++)
        if (uids[k] && strlen(uids[k]) > INSTANCE_UID_MAX)
            return INSTANCE_UID_TOO_LONG;
    if (!i->sop_instance_uid)
        return INSTANCE_NO_SOP_INSTANCE_UID;
    if (!i->sop_class_uid)
        return INSTANCE_NO_SOP_CLASS_UID;
    if (!i->study_instance_uid && i->series_instance_uid)
        return INSTANCE_NO_STUDY_UID;
    if (i->study_instance_uid && !i->series_instance_uid)
        return INSTANCE_NO_SERIES_UID;
    return INSTANCE_COMPLETE;
}

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
