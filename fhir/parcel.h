/* One study on its way to one target: which form of its Bundle goes, whether it goes at all, and
 * what is deleted along with it. */
#ifndef ISTHMUS_FHIR_PARCEL_H
#define ISTHMUS_FHIR_PARCEL_H

#include "fhir/digest.h"
#include "fhir/target.h"
#include "store/outbox.h"
#include "store/study.h"

struct parcel {
    bool sent; /* false: the target has exactly this */
    char digest[DIGEST_TEXT];
    char form[sizeof((struct outbox_item *)0)->form]; /* as in outbox.h */
    char *own;                                        /* see withdrawal.h */
};

/* Build @study and send it to @target unless that has it, in smaller forms while it is too large.
 * @ret and @ret_answer are set on success; on an error of the database nothing is known. */
int parcel_send(struct db *db, struct target *target, const struct outbox_item *item,
                const struct study *study, struct parcel *ret, struct answer *ret_answer);
void parcel_done(struct parcel *p);

#endif
