/* A FHIR server (mapping 9.1): metadata and Endpoints when it is begun with, then one
 * transaction for each study. */
#include "fhir/bundle.h"
#include "fhir/capability.h"
#include "fhir/client.h"
#include "fhir/endpoint.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/target.h"
#include "store/base/cleanup.h"

#include <string.h>

#define RACE_TRIALS 5

struct target_http {
    struct target target;
    struct client *client;
    bool validates; /* whole Bundles */
};

/* What keeps us from a server at its start is nothing that a study could change. */
static void judge_start(struct answer *ret)
{
    if (ret->verdict == VERDICT_SOON || ret->verdict == VERDICT_LATER)
        ret->verdict = VERDICT_WAIT;
    else if (ret->verdict != VERDICT_DONE && ret->verdict != VERDICT_WAIT)
        ret->verdict = VERDICT_REFUSED;
}

static void http_check(struct target *target, struct answer *ret)
{
    struct target_http *t = (struct target_http *)target;
    _cleanup_json_ json_t *statement = NULL;
    _cleanup_free_ char *message = NULL;
    struct reply reply;

    client_send(t->client, "GET", "metadata", NULL, &reply);
    answer_of(&reply, ret);
    judge_start(ret);
    if (ret->verdict != VERDICT_DONE)
        return;
    if (reply.body)
        statement = json_loads(reply.body, 0, NULL);
    if (capability_check(statement, &t->target.settings->mapping,
                         t->target.settings->release_from_server, &t->target.mapping.release,
                         &message) < 0) {
        answer_done(ret);
        answer_make(ret, VERDICT_REFUSED, "%s", message);
        return;
    }
    t->target.deletes = capability_deletes(statement, &t->target.mapping);
    t->validates = capability_validates(statement, "Bundle");
    client_set_release(t->client, t->target.mapping.release);
}

/* Another sender of this target may be writing the same one; then this one is tried again. */
static void put_endpoint(struct target_http *t, const char *url, const char *text,
                         struct answer *ret)
{
    for (int trials = RACE_TRIALS;; trials--) {
        struct reply reply;

        client_send(t->client, "PUT", url, text, &reply);
        answer_of(&reply, ret);
        if (ret->verdict != VERDICT_SOON || trials == 1) {
            judge_start(ret);
            return;
        }
        answer_done(ret);
    }
}

/* Endpoints are written once, not with every study: all transactions would compete for them. */
static void http_begin(struct target *target, struct answer *ret)
{
    struct target_http *t = (struct target_http *)target;
    const struct mapping *m = &t->target.mapping;

    answer_make(ret, VERDICT_DONE, "nothing to write");
    for (size_t i = 0; i < endpoint_count(m) && !m->self_contained; i++) {
        _cleanup_free_ char *url = NULL, *text = NULL;
        _cleanup_json_ json_t *endpoint = endpoint_resource(m, i, &url);

        text = bundle_text(endpoint, false);
        answer_done(ret);
        put_endpoint(t, url, text, ret);
        if (ret->verdict != VERDICT_DONE)
            return;
    }
}

static void post(struct target_http *t, const char *text, struct answer *ret)
{
    struct reply reply;

    client_send(t->client, "POST", "", text, &reply);
    answer_of(&reply, ret);
}

/* The server does not know an Endpoint that it knew when we began. Some say so by a number that
 * else means a race. */
static bool misses_endpoint(const struct target_http *t, const struct answer *a)
{
    bool refused =
        a->verdict == VERDICT_NEVER || a->verdict == VERDICT_SOON || a->verdict == VERDICT_LATER;

    return refused && a->words && strstr(a->words, "Endpoint") &&
           endpoint_count(&t->target.mapping) > 0 && !t->target.mapping.self_contained;
}

static void http_send(struct target *target, const char *id, const json_t *bundle, const char *text,
                      struct answer *ret)
{
    struct target_http *t = (struct target_http *)target;

    (void)id, (void)bundle;
    post(t, text, ret);
    if (!misses_endpoint(t, ret))
        return;
    answer_done(ret);
    http_begin(target, ret);
    if (ret->verdict == VERDICT_DONE) {
        answer_done(ret);
        post(t, text, ret);
    }
}

static void http_validate(struct target *target, const json_t *bundle, struct answer *ret)
{
    struct target_http *t = (struct target_http *)target;
    _cleanup_free_ char *text = bundle_text(bundle, false);
    struct reply reply;

    if (!t->validates) {
        answer_make(ret, VERDICT_DONE, "it does not validate Bundles ($validate)");
        return;
    }
    client_send(t->client, "POST", "Bundle/$validate", text, &reply);
    answer_of_validation(&reply, ret);
}

static void http_free(struct target *target)
{
    struct target_http *t = (struct target_http *)target;

    (void)client_free(t->client);
    free(t);
}

int target_http_new(const struct settings *s, struct target **ret, char **ret_message)
{
    static const struct target_kind kind = {http_check,    http_begin, http_send,
                                            http_validate, http_free,  .knows = false};
    struct target_http *t;
    struct client *client;
    int r = client_new(&s->delivery, s->mapping.release, &client, ret_message);

    if (r < 0)
        return r;
    t = memory_new(sizeof *t);
    *t = (struct target_http){
        .target = {.kind = &kind, .settings = s, .mapping = s->mapping},
        .client = client,
    };
    *ret = &t->target;
    return 0;
}
