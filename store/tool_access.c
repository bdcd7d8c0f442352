#include "store/access.h"
#include "store/base/cleanup.h"
#include "store/tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *tag, *name;
} lines[] = {
    {"00080409", "File Access URI"},
    {"0008040A", "Container File Type"},
    {"0008040E", "Stored Instance Transfer Syntax UID"},
    {"00282112", "Lossy Image Compression Ratio"},
};

static void print_text(const json_t *item)
{
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const json_t *values = json_object_get(json_object_get(item, lines[i].tag), "Value");
        const json_t *value;
        size_t n;

        if (!values)
            continue;
        (void)printf("%s:", lines[i].name);
        json_array_foreach (values, n, value)
            (void)printf("%s%s", n ? "\\" : " ", json_string_value(value));
        (void)putchar('\n');
    }
}

/* Is the file there? Whether it is whole, `isthmus verify` says. */
static int look(const struct tool *t, uint64_t blob)
{
    _cleanup_close_ int fd = -1;
    struct store *store;
    int r, code = tool_open_store(t, &store);

    if (code != TOOL_FINE)
        return code;
    r = store_read(store, blob, &fd);
    store_free(store);
    if (r == -ENOENT)
        return tool_fail(t, TOOL_WRONG,
                         "the file is missing; 'isthmus verify' finds out what else is");
    if (r < 0)
        return tool_fail(t, TOOL_CANNOT, "the file cannot be opened: %s", strerrordesc_np(-r));
    return TOOL_FINE;
}

static int run(struct tool *t, int argc, char **argv)
{
    const char *root = conf_string(t->conf, "store", "root");
    uint64_t blob = 0;
    json_t *item;
    int r, code;

    if (argc != 2)
        return tool_usage(t, "name one instance by its SOP Instance UID");
    code = tool_check_schema(t);
    if (code != TOOL_FINE)
        return code;
    r = access_item(t->db, root, argv[1], &item, &blob);
    if (r == -ENOENT)
        return tool_fail(t, TOOL_WRONG, "no instance with this UID is stored below %s", root);
    if (r < 0)
        return tool_fail(t, TOOL_CANNOT, "the instance cannot be looked up: %s",
                         db_connection(t->db) ? strerrordesc_np(-r) : db_problem(t->db));
    if (t->json) {
        code = tool_print_json(
            t, json_pack("{s:{s:s, s:[o]}}", "0008041A", "vr", "SQ", "Value", item));
    } else {
        print_text(item);
        json_decref(item);
    }
    return code == TOOL_FINE ? look(t, blob) : code;
}

const struct tool_command tool_access = {
    "access", "UID [--json]", "Show how the file of an instance can be read without DICOM",
    "  UID     SOP Instance UID\n"
    "  --json  File Access Sequence (0008,041A) as DICOM JSON\n"
    "\nExit status 1: no such instance, or its file is missing.\n",
    run};
