#include "fhir/order_files.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/service_order.h"
#include "fhir/settings.h"
#include "store/base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX ((size_t)1 << 30)

struct order_reader {
    struct order_rules rules;
    struct pool *pool;
    int code;
};

static void print_line(struct order_reader *r, json_t *line)
{
    if (json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15)) < 0 || putchar('\n') < 0)
        r->code = 3;
    json_decref(line);
}

/* The order is text for who reads this: it is behind a tab, which JSON has only as \t. */
static void print_found(struct order_reader *r, const char *name, const json_t *order, double done)
{
    json_t *head = json_pack("{s:s, s:f}", "name", name, "done", done);

    if (json_dumpf(head, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15)) < 0 || putchar('\t') < 0 ||
        json_dumpf(order, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15)) < 0 || putchar('\n') < 0)
        r->code = 3;
    json_decref(head);
}

static void print_fault(struct order_reader *r, const char *name, const char *fault, bool first,
                        double done)
{
    print_line(r, json_pack("{s:s, s:s, s:b, s:f}", "name", name, "fault", fault, "first", first,
                            "done", done));
}

/* The whole of @path; malloc'ed, with a NUL behind it. */
static char *read_whole(const char *path, size_t *ret_n)
{
    _cleanup_fclose_ FILE *f = fopen(path, "re");
    char *bytes = NULL;
    size_t n = 0, room = 65536, got = 1;

    while (f && got > 0 && n < FILE_MAX) {
        bytes = memory_resize(bytes, room + 1);
        got = fread(bytes + n, 1, room - n, f);
        n += got;
        room = n == room ? 2 * room : room;
    }
    if (!f || ferror(f)) {
        free(bytes);
        return NULL;
    }
    bytes[n] = '\0';
    *ret_n = n;
    return bytes;
}

/* A resource to a line; the number of the first line that is none, or 0. */
static size_t add_lines(struct pool *pool, char *text)
{
    size_t number = 0;

    for (char *line; (line = strsep(&text, "\n"));) {
        json_t *resource;

        number++;
        if (line[strspn(line, " \t\r")] == '\0')
            continue;
        resource = json_loads(line, JSON_ALLOW_NUL, NULL);
        if (!resource)
            return number;
        pool_add_all(pool, resource);
        json_decref(resource);
    }
    return 0;
}

static void add_file(struct order_reader *r, const char *path)
{
    size_t n = 0, wrong;
    _cleanup_free_ char *bytes = read_whole(path, &n);
    size_t skip = n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    json_error_t error;
    json_t *root;

    if (!bytes) {
        (void)fprintf(stderr, "isthmus-fhir: %s: %s\n", path, strerror(errno));
        r->code = 3;
        return;
    }
    root = json_loadb(bytes + skip, n - skip, JSON_ALLOW_NUL, &error);
    if (root) {
        pool_add_all(r->pool, root);
        json_decref(root);
        return;
    }
    wrong = add_lines(r->pool, bytes + skip);
    if (wrong > 0) {
        char fault[120];

        (void)snprintf(fault, sizeof fault, "it is not JSON in UTF-8 from line %d on",
                       error.line > (int)wrong ? error.line : (int)wrong);
        print_fault(r, path, fault, true, 0);
    }
}

static void print_order(struct order_reader *r, const char *name, const json_t *request,
                        double done)
{
    json_t *result = NULL;
    const json_t *fault;
    size_t i;

    switch (service_order_read(&r->rules, r->pool, request, NULL, &result)) {
    case 0:
        print_found(r, name, result, done);
        break;
    case -EBADMSG:
        json_array_foreach (result, i, fault)
            print_fault(r, name, json_string_value(fault), i == 0, done);
        break;
    default:
        break;
    }
    json_decref(result);
}

int order_files_read(const struct conf *c)
{
    struct order_reader r = {.pool = pool_new(NULL, NULL, NULL)};
    _cleanup_free_ char *path = NULL;
    size_t room = 0, n = 0;
    const json_t *request;
    const char *name;

    settings_orders(c, &r.rules);
    while (getdelim(&path, &room, '\0', stdin) > 0)
        add_file(&r, path);
    json_object_foreach ((json_t *)pool_requests(r.pool), name, request) {
        n++;
        print_order(&r, name, request, (double)n / (double)json_object_size(pool_requests(r.pool)));
    }
    r.pool = pool_free(r.pool);
    return fflush(stdout) == 0 ? r.code : 3;
}
