#include "fhir/parcel.h"
#include "fhir/bundle.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/withdrawal.h"
#include "store/base/cleanup.h"
#include "store/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* '<' before the name: a larger form was refused, so it is not tried again. */
static enum form form_of(const struct outbox_item *item, const struct mapping *m,
                         const struct study *study, bool *ret_forced)
{
    enum form form = bundle_form(m, study);

    *ret_forced = false;
    for (enum form f = FORM_SERIES; f <= FORM_STUDY; f++)
        if (item->form[0] == '<' && strcmp(item->form + 1, bundle_form_name(f)) == 0 && f >= form) {
            form = f;
            *ret_forced = true;
        }
    return form;
}

/* The digest is of the Bundle without what is deleted along: that is deleted once. */
static int begin(struct db *db, const struct target *target, const struct outbox_item *item,
                 const struct parcel *p, json_t *bundle, char **text)
{
    _cleanup_free_ char *before = NULL;
    int r;

    if (target->kind->knows || item->form[0] == '\0')
        return 0;
    r = outbox_begin(db, item, p->own, &before);
    if (r < 0)
        return r;
    if (target->deletes && withdrawal_add(bundle, before) > 0) {
        free(*text);
        *text = bundle_text(bundle, false);
    }
    return 0;
}

static int send_form(struct db *db, struct target *target, const struct outbox_item *item,
                     const struct study *study, enum form form, struct parcel *ret,
                     struct answer *ret_answer)
{
    _cleanup_json_ json_t *bundle = NULL;
    _cleanup_free_ char *text = NULL;
    char id[BUNDLE_ID];
    int r;

    *ret = (struct parcel){.sent = false};
    if (bundle_build(&target->mapping, study, form, &bundle) < 0) {
        answer_make(ret_answer, VERDICT_NEVER, "the Study Instance UID is not a UID");
        return 0;
    }
    text = bundle_text(bundle, false);
    digest_of(text, target->settings->description, ret->digest);
    ret->own = withdrawal_list(bundle);
    if (!target->kind->knows && strcmp(ret->digest, item->digest) == 0) {
        answer_make(ret_answer, VERDICT_DONE, "unchanged");
        return 0;
    }
    r = begin(db, target, item, ret, bundle, &text);
    if (r < 0) {
        parcel_done(ret);
        return r;
    }
    bundle_study_id(study, id);
    target->kind->send(target, id, bundle, text, ret_answer);
    ret->sent = true;
    return 0;
}

int parcel_send(struct db *db, struct target *target, const struct outbox_item *item,
                const struct study *study, struct parcel *ret, struct answer *ret_answer)
{
    bool forced;
    enum form form = form_of(item, &target->mapping, study, &forced);
    int r;

    for (;; form++, forced = true) {
        r = send_form(db, target, item, study, form, ret, ret_answer);
        if (r < 0 || ret_answer->verdict != VERDICT_SMALLER || form == FORM_STUDY)
            break;
        log_info("study %lld is too large as %s", (long long)item->study_key,
                 bundle_form_name(form));
        answer_done(ret_answer);
        parcel_done(ret);
    }
    if (r >= 0)
        (void)snprintf(ret->form, sizeof ret->form, "%s%s", forced ? "<" : "",
                       bundle_form_name(form));
    return r;
}

void parcel_done(struct parcel *p)
{
    free(p->own);
    *p = (struct parcel){.sent = false};
}
