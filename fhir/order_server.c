#include "fhir/order_server.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "store/base/cleanup.h"
#include "store/base/log.h"

#include <errno.h>
#include <string.h>

#define KEPT_MAX 2000
#define ETAGS_MAX 8
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

int order_server_open(const struct settings *settings, struct order_server *ret, char **ret_message)
{
    struct order_server s = {.url = settings->url, .delivery = settings->delivery};

    s.delivery.smart_scope = settings->orders_scope;
    if (settings->release_from_server)
        s.delivery.accept_version = false; /* nobody asked it which one it has */
    *ret = s;
    ret->lacking = json_object();
    ret->kept = json_object();
    ret->etags = json_object();
    return client_new(&ret->delivery, settings->mapping.release, &ret->client, ret_message);
}

void order_server_close(struct order_server *s)
{
    (void)client_free(s->client);
    answer_done(&s->failure);
    json_decref(s->lacking);
    json_decref(s->kept);
    json_decref(s->etags);
    *s = (struct order_server){0};
}

bool order_server_rejects(const struct answer *answer)
{
    static const int statuses[] = {400, 403, 404, 405, 414, 422, 501};

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (answer->status == statuses[i])
            return true;
    return false;
}

bool order_server_lacks(const struct order_server *s, const char *what)
{
    return json_object_get(s->lacking, what);
}

void order_server_set_lacking(struct order_server *s, const char *what, const char *reason)
{
    if (!order_server_lacks(s, what))
        log_warning("%s cannot be had from the server (%s); orders are read without", what, reason);
    (void)json_object_set_new(s->lacking, what, json_true());
}

/* --- searches --- */

static void set_failure(struct order_server *s, struct answer *taken)
{
    answer_done(&s->failure);
    s->failure = *taken;
    *taken = (struct answer){0};
    s->failed = true;
}

static void remember_etag(struct order_server *s, const struct search *search)
{
    if (json_object_size(s->etags) >= ETAGS_MAX)
        (void)json_object_clear(s->etags);
    if (search->new_etag)
        (void)json_object_set_new(s->etags, search->path, json_string(search->new_etag));
    else
        (void)json_object_del(s->etags, search->path);
}

static int search_again(struct order_server *s, struct search *search, bool remember,
                        struct answer *ret)
{
    bool known = search->etag != NULL;
    int r;

    (void)json_object_clear(s->kept);
    s->failed = false;
    r = search_all(s->client, s->url, search, ret);
    if (r == -ECONNABORTED && s->failed) {
        *ret = s->failure;
        s->failure = (struct answer){0};
        s->failed = false;
    } else if (r == 0 && ret->verdict != VERDICT_DONE) {
        r = -ECONNABORTED;
    } else if (r == 0) {
        answer_done(ret);
    }
    if (r != 0 && known)
        (void)json_object_del(s->etags, search->path);
    if (r == 0 && remember)
        remember_etag(s, search);
    return r;
}

int order_server_search(struct order_server *s, const char *path, search_page *page, void *context,
                        bool remember, int64_t *ret_began_at_s, struct answer *ret)
{
    struct search search = {.path = path, .page = page, .context = context};
    const char *etag = remember ? node_get_text(s->etags, path) : NULL;
    _cleanup_free_ char *copy = etag ? memory_print("%s", etag) : NULL;
    int r;

    search.etag = copy;
    r = search_again(s, &search, remember, ret);
    free(search.new_etag);
    if (ret_began_at_s)
        *ret_began_at_s = search.began_at_s;
    return r;
}

int order_server_ask(struct order_server *s, const char *what, const char *path, search_page *page,
                     void *context, int pages_max)
{
    struct search search = {.path = path, .page = page, .context = context, .pages_max = pages_max};
    struct answer answer = {0};
    int r = search_all(s->client, s->url, &search, &answer);

    free(search.new_etag);
    if (r == 0 && answer.verdict != VERDICT_DONE && order_server_rejects(&answer)) {
        order_server_set_lacking(s, what, answer.reason);
    } else if (r == 0 && answer.verdict != VERDICT_DONE) {
        set_failure(s, &answer);
        r = -ECONNABORTED;
    }
    answer_done(&answer);
    return r;
}

/* --- one by one --- */

static bool is_plain_reference(const char *text)
{
    const char *slash = strchr(text, '/');
    size_t n = slash ? strlen(slash + 1) : 0;

    return slash > text && n > 0 && n <= 64 && strspn(text, LETTERS) == (size_t)(slash - text) &&
           strspn(slash + 1, LETTERS "0123456789.-") == n;
}

int order_server_probe(struct order_server *s, const char *reference, json_t **ret, int *ret_status)
{
    struct reply reply;
    struct answer answer;

    if (!is_plain_reference(reference))
        return -ENOENT;
    client_get(s->client, reference, NULL, &reply);
    answer_of(&reply, &answer);
    *ret_status = reply.status;
    if (answer.verdict == VERDICT_DONE) {
        answer_done(&answer);
        *ret = reply.body ? json_loads(reply.body, JSON_ALLOW_NUL, NULL) : NULL;
        if (node_get_text(*ret, "resourceType"))
            return 0;
        json_decref(*ret);
        answer_make(&answer, VERDICT_LATER, "the server's answer to a read is no resource");
    } else if (reply.status == 404 || reply.status == 410) {
        answer_done(&answer);
        return -ENOENT;
    }
    set_failure(s, &answer);
    return -ECONNABORTED;
}

static void keep(struct order_server *s, const char *reference, json_t *resource)
{
    if (json_object_size(s->kept) >= KEPT_MAX)
        (void)json_object_clear(s->kept);
    (void)json_object_set_new(s->kept, reference, resource ? json_incref(resource) : json_null());
}

json_t *order_server_fetch(void *server, const char *reference)
{
    struct order_server *s = server;
    json_t *kept = json_object_get(s->kept, reference), *resource = NULL;
    _cleanup_free_ char *type = memory_text(reference, strcspn(reference, "/"));
    int status = 0, r;

    if (kept || s->failed || order_server_lacks(s, type))
        return kept && !json_is_null(kept) ? json_incref(kept) : NULL;
    r = order_server_probe(s, reference, &resource, &status);
    if (r == -ECONNABORTED && status == 403) {
        order_server_set_lacking(s, type, s->failure.reason);
        s->failed = false;
        answer_done(&s->failure);
    } else if (r == -ECONNABORTED) {
        return NULL;
    }
    keep(s, reference, resource);
    return resource;
}
