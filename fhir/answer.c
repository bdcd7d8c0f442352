#include "fhir/answer.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int status;
    enum verdict verdict;
    const char *reason;
} table[] = {
    {400, VERDICT_NEVER, "the server refuses the content"},
    {401, VERDICT_REFUSED, "the server does not accept our credentials"},
    {403, VERDICT_REFUSED, "the server does not allow this to us"},
    {404, VERDICT_NEVER, "the server does not know this address"},
    {405, VERDICT_REFUSED, "the server takes no such requests; try identity = search"},
    {408, VERDICT_LATER, "the server waited too long"},
    {409, VERDICT_SOON, "conflict with another writer"},
    {410, VERDICT_NEVER, "the resource was deleted on the server"},
    {412, VERDICT_SOON, "a condition did not hold"},
    {413, VERDICT_SMALLER, "too large for the server"},
    {422, VERDICT_NEVER, "the server refuses the content"},
    {425, VERDICT_LATER, "too early"},
    {429, VERDICT_WAIT, "too many requests"},
    {500, VERDICT_LATER, "the server failed"},
    {501, VERDICT_NEVER, "not supported by the server"},
    {502, VERDICT_WAIT, "bad gateway"},
    {503, VERDICT_WAIT, "the server is not available"},
    {504, VERDICT_LATER, "the gateway waited too long"},
    {505, VERDICT_NEVER, "not supported by the server"},
};

static enum verdict verdict_of_status(int status, const char **ret_reason)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].status == status) {
            *ret_reason = table[i].reason;
            return table[i].verdict;
        }
    if (status >= 200 && status < 300) {
        *ret_reason = "accepted";
        return VERDICT_DONE;
    }
    if (status >= 300 && status < 400) {
        *ret_reason = "the server redirects; configure its final address";
        return VERDICT_REFUSED;
    }
    *ret_reason = "not supported by the server";
    return status >= 500 ? VERDICT_LATER : VERDICT_NEVER;
}

void answer_make(struct answer *ret, enum verdict verdict, const char *format, ...)
{
    va_list ap;

    *ret = (struct answer){.verdict = verdict};
    va_start(ap, format);
    if (vasprintf(&ret->reason, format, ap) < 0)
        abort();
    va_end(ap);
}

/* The number says one thing, the OperationOutcome may say it better. (Not of 413: waiting makes
 * nothing smaller.) */
static void judge(int status, const json_t *resource, struct answer *ret)
{
    const char *reason;
    enum verdict verdict = verdict_of_status(status, &reason);
    struct outcome outcome;

    outcome_read(resource, &outcome);
    if (verdict > VERDICT_SMALLER && outcome.temporary && status != 400 && status != 422)
        verdict = VERDICT_LATER;
    if (status == 412 && outcome.multiple) {
        verdict = VERDICT_NEVER;
        reason = "several resources on the server match; they must be merged there";
    }
    answer_make(ret, verdict, "HTTP %d, %s%s%s%s", status, reason, outcome.codes ? " (" : "",
                outcome.codes ? outcome.codes : "", outcome.codes ? ")" : "");
    ret->words = outcome.words;
    outcome.words = NULL;
    outcome_done(&outcome);
}

/* A server that processed the transaction as a batch answers 200 and hides failures inside. */
static void judge_entries(const json_t *bundle, struct answer *worst)
{
    const json_t *entry;
    size_t i;

    json_array_foreach (json_object_get(bundle, "entry"), i, entry) {
        const json_t *response = json_object_get(entry, "response");
        const char *status = node_get_text(response, "status");
        struct answer one;

        if (!status || atoi(status) < 100)
            continue;
        judge(atoi(status), json_object_get(response, "outcome"), &one);
        if (one.verdict > worst->verdict) {
            struct answer milder = *worst;

            *worst = one;
            one = milder;
        }
        answer_done(&one);
    }
}

void answer_of(const struct reply *reply, struct answer *ret)
{
    json_t *body = NULL;
    const char *type;

    if (reply->status == 0) {
        answer_make(ret, reply->sent ? VERDICT_LATER : VERDICT_WAIT, "%s", reply->trouble);
        return;
    }
    if (reply->body)
        body = json_loads(reply->body, 0, NULL);
    judge(reply->status, body, ret);
    type = node_get_text(body, "resourceType");
    if (ret->verdict == VERDICT_DONE && type && strcmp(type, "Bundle") == 0)
        judge_entries(body, ret);
    ret->status = reply->status;
    ret->retry_after_s = reply->retry_after_s;
    json_decref(body);
}

void answer_of_validation(const struct reply *reply, struct answer *ret)
{
    json_t *body = reply->status != 0 && reply->body ? json_loads(reply->body, 0, NULL) : NULL;
    struct outcome outcome;

    outcome_read(body, &outcome);
    json_decref(body);
    if (outcome.errors && !outcome.temporary) {
        answer_make(ret, VERDICT_NEVER, "the server finds errors in what it would be sent");
        ret->words = outcome.words;
        outcome.words = NULL;
    } else {
        answer_of(reply, ret);
        if (ret->verdict == VERDICT_DONE) {
            answer_done(ret);
            answer_make(ret, VERDICT_DONE, "no errors");
        }
    }
    outcome_done(&outcome);
}

void answer_done(struct answer *a)
{
    free(a->reason);
    free(a->words);
    *a = (struct answer){0};
}
