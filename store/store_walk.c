#include "store/blob_internal.h"
#include "store/base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct walk {
    int (*visit)(void *context, uint64_t id);
    void *context;
};

static bool is_number(const char *name, size_t digits)
{
    return strlen(name) == digits && strspn(name, "0123456789") == digits;
}

static int is_day(const struct dirent *entry)
{
    return is_number(entry->d_name, 8);
}

static int is_hour_minute(const struct dirent *entry)
{
    return is_number(entry->d_name, 4);
}

static int is_object(const struct dirent *entry)
{
    return strlen(entry->d_name) == OBJECT_NAME_MAX - 1 &&
           strspn(entry->d_name, "0123456789abcdef") == 16 &&
           strcmp(entry->d_name + 16, ".dcm") == 0;
}

/* Call @each for every entry of directory @at/@name that @wanted, in byte order. */
static int each_entry(int at, const char *name, int (*wanted)(const struct dirent *),
                      int (*each)(int fd, const char *entry, struct walk *w), struct walk *w)
{
    _cleanup_close_ int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dirent **entries = NULL;
    int n, r = 0;

    if (fd < 0)
        return -errno;
    n = scandirat(fd, ".", &entries, wanted, alphasort);
    if (n < 0)
        return -errno;
    for (int i = 0; i < n; i++) {
        if (r == 0)
            r = each(fd, entries[i]->d_name, w);
        free(entries[i]);
    }
    free(entries);
    return r;
}

static int visit_object(int fd, const char *entry, struct walk *w)
{
    (void)fd;
    return w->visit(w->context, strtoull(entry, NULL, 16));
}

static int visit_minute(int fd, const char *entry, struct walk *w)
{
    return each_entry(fd, entry, is_object, visit_object, w);
}

static int visit_day(int fd, const char *entry, struct walk *w)
{
    return each_entry(fd, entry, is_hour_minute, visit_minute, w);
}

int store_walk(struct store *s, int (*visit)(void *context, uint64_t id), void *context)
{
    struct walk w = {visit, context};

    return each_entry(s->objects_fd, ".", is_day, visit_day, &w);
}
