#include "fhir/search.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "store/base/cleanup.h"

#include <string.h>

#define PAGES_MAX 100000
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

static const char *next_link(const json_t *bundle)
{
    const json_t *link;
    size_t i;

    json_array_foreach (json_object_get(bundle, "link"), i, link) {
        const char *relation = node_get_text(link, "relation");

        if (relation && strcmp(relation, "next") == 0)
            return node_get_text(link, "url");
    }
    return NULL;
}

static json_t *get_page(struct client *c, const char *path, struct answer *ret)
{
    struct reply reply;
    json_t *bundle = NULL;
    const char *type;

    client_send(c, "GET", path, NULL, &reply);
    answer_of(&reply, ret);
    if (ret->verdict != VERDICT_DONE)
        return NULL;
    if (reply.body)
        bundle = json_loads(reply.body, JSON_FLAGS, NULL);
    type = node_get_text(bundle, "resourceType");
    if (type && strcmp(type, "Bundle") == 0)
        return bundle;
    json_decref(bundle);
    answer_done(ret);
    answer_make(ret, VERDICT_LATER, "the server's answer to a search is no Bundle, or too long");
    return NULL;
}

int search_all(struct client *c, const char *base_url, const char *path, search_page *page,
               void *context, struct answer *ret)
{
    _cleanup_free_ char *at = memory_print("%s", path);

    for (int n = 0; n < PAGES_MAX; n++) {
        _cleanup_json_ json_t *bundle = get_page(c, at, ret);
        _cleanup_free_ char *before = NULL;
        const char *link;
        int r;

        if (!bundle)
            return 0;
        r = page(context, bundle);
        link = next_link(bundle);
        if (r < 0 || !link) {
            if (r < 0)
                answer_done(ret);
            return r;
        }
        before = TAKE_PTR(at);
        at = search_next_path(base_url, link);
        answer_done(ret);
        if (!at || strcmp(at, before) == 0) {
            answer_make(ret, VERDICT_REFUSED,
                        at ? "the next page of a search is the same page"
                           : "the next page of a search is at another address than url; the "
                             "server must know its own address");
            return 0;
        }
    }
    answer_make(ret, VERDICT_REFUSED, "a search has no end");
    return 0;
}
