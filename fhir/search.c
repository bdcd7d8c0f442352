#include "fhir/search.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "store/base/cleanup.h"

#include <string.h>

#define PAGES_MAX 100000
#define TRIALS_MAX 3              /* of a search whose pages are lost in the middle */
#define JSON_FLAGS JSON_ALLOW_NUL /* one text with a NUL costs one order, not the page */

/* The path of "https://host:port/path", from its slash on. */
static const char *path_of(const char *url)
{
    const char *host = strstr(url, "://"), *path = host ? strchr(host + 3, '/') : NULL;

    return path ? path : "";
}

/* What follows @prefix in @text when a path or a query begins there. */
static const char *after(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);

    if (strncmp(text, prefix, n) != 0 || (text[n] != '/' && text[n] != '?'))
        return NULL;
    return text[n] == '/' ? text + n + 1 : text + n;
}

char *search_next_path(const char *base_url, const char *link)
{
    const char *path;

    if (strpbrk(link, " \t\r\n#") || strstr(link, "/../"))
        return NULL;
    if (link[0] == '/' && link[1] != '/')
        path = after(link, path_of(base_url));
    else if (link[0] != '/' && !strstr(link, "://"))
        path = link;
    else
        path = after(link, base_url);
    return path ? memory_print("%s", path) : NULL;
}

static const char *find_link(const json_t *bundle, const char *wanted)
{
    const json_t *link;
    size_t i;

    json_array_foreach (json_object_get(bundle, "link"), i, link) {
        const char *relation = node_get_text(link, "relation");

        if (relation && strcmp(relation, wanted) == 0)
            return node_get_text(link, "url");
    }
    return NULL;
}

static bool is_complaint(const json_t *entry)
{
    const json_t *resource = json_object_get(entry, "resource"), *issue;
    const char *type = node_get_text(resource, "resourceType");
    size_t i;

    if (!type || strcmp(type, "OperationOutcome") != 0)
        return false;
    json_array_foreach (json_object_get(resource, "issue"), i, issue) {
        const char *severity = node_get_text(issue, "severity");

        if (severity && strcmp(severity, "information") != 0)
            return true;
    }
    return false;
}

bool search_ignores(const json_t *bundle, const char *parameter)
{
    const char *self = find_link(bundle, "self");
    const json_t *entry;
    size_t i;

    json_array_foreach (json_object_get(bundle, "entry"), i, entry)
        if (is_complaint(entry))
            return true;
    return self && strchr(self, '=') && !strstr(self, parameter);
}

static json_t *read_bundle(const struct reply *reply, struct answer *ret)
{
    json_t *bundle = NULL;
    const char *type;

    answer_of(reply, ret);
    if (ret->verdict != VERDICT_DONE)
        return NULL;
    if (reply->body)
        bundle = json_loads(reply->body, JSON_FLAGS, NULL);
    type = node_get_text(bundle, "resourceType");
    if (type && strcmp(type, "Bundle") == 0)
        return bundle;
    json_decref(bundle);
    answer_done(ret);
    answer_make(ret, VERDICT_LATER, "the server's answer to a search is no Bundle, or too long");
    return NULL;
}

/* The first page; NULL and VERDICT_DONE: there is nothing new. */
static json_t *get_first(struct client *c, struct search *s, struct answer *ret)
{
    struct reply reply;
    json_t *bundle;

    client_get(c, s->path, s->etag, &reply);
    s->began_at_s = reply.date_s;
    if (s->etag && reply.status == 304) {
        answer_make(ret, VERDICT_DONE, "nothing new");
        s->new_etag = memory_print("%s", s->etag);
        return NULL;
    }
    bundle = read_bundle(&reply, ret);
    if (bundle && reply.etag && !find_link(bundle, "next"))
        s->new_etag = memory_print("%s", reply.etag);
    return bundle;
}

/* A page that follows; @ret_lost: the server does not know it any more. */
static json_t *get_next(struct client *c, const char *path, bool *ret_lost, struct answer *ret)
{
    struct reply reply;

    client_get(c, path, NULL, &reply);
    *ret_lost = reply.status == 400 || reply.status == 404 || reply.status == 410;
    return read_bundle(&reply, ret);
}

/* The path of the page behind @bundle, which came from @at; NULL: it is the last, or @ret says what
 * is wrong with the next. malloc'ed. */
static char *next_page(const char *base_url, const char *at, const json_t *bundle,
                       struct answer *ret)
{
    const char *link = find_link(bundle, "next");
    char *path = link ? search_next_path(base_url, link) : NULL;
    bool same = path && strcmp(path, at) == 0;

    if (!link || (path && !same))
        return path;
    free(path);
    answer_done(ret);
    answer_make(ret, VERDICT_REFUSED,
                same ? "the next page of a search is the same page"
                     : "the next page of a search is at another address than url; the server must "
                       "know its own address");
    return NULL;
}

/* All pages once. As search_all(). */
static int read_pages(struct client *c, const char *base_url, struct search *s, bool *ret_lost,
                      struct answer *ret)
{
    _cleanup_free_ char *at = memory_print("%s", s->path);
    json_t *bundle = get_first(c, s, ret);

    for (int n = 1; bundle; n++) {
        int r = s->page(s->context, bundle);
        char *next = r < 0 || n == s->pages_max ? NULL : next_page(base_url, at, bundle, ret);

        json_decref(bundle);
        bundle = NULL;
        free(at);
        at = next;
        if (r < 0)
            answer_done(ret);
        if (!next)
            return r;
        answer_done(ret);
        if (n == PAGES_MAX)
            answer_make(ret, VERDICT_REFUSED, "a search has no end");
        else
            bundle = get_next(c, at, ret_lost, ret);
    }
    return 0;
}

int search_all(struct client *c, const char *base_url, struct search *s, struct answer *ret)
{
    for (int trials = 1;; trials++) {
        int64_t first_began_at_s = s->began_at_s;
        bool lost = false;
        int r;

        free(TAKE_PTR(s->new_etag));
        r = read_pages(c, base_url, s, &lost, ret);
        if (trials > 1)
            s->began_at_s = first_began_at_s;
        if (r < 0 || !lost)
            return r;
        if (trials == TRIALS_MAX)
            ret->verdict = VERDICT_LATER;
        if (trials == TRIALS_MAX)
            return 0;
        answer_done(ret);
    }
}
