#include "store/base/cleanup.h"
#include "store/dicomdir.h"
#include "store/tool_import.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct medium {
    const struct import_walk *walk;
    const char *directory; /* of the DICOMDIR, with a slash at its end, or "" */
    bool all;              /* tell about each file, not only about those that are lost */
};

static bool is_dicomdir(const char *path)
{
    const char *name = strrchr(path, '/');

    return strcasecmp(name ? name + 1 : path, "DICOMDIR") == 0;
}

/* As listed, or in the small letters that some systems show a medium with. */
static bool find_listed(const char *directory, const char *name, char **ret, struct stat *st)
{
    _cleanup_free_ char *small = strdup(name);
    char *path = NULL;

    for (char *p = small; p && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    for (int i = 0; small && i < 2; i++) {
        if (asprintf(&path, "%s%s", directory, i == 0 ? name : small) < 0)
            return false;
        if (lstat(path, st) == 0 && S_ISREG(st->st_mode)) {
            *ret = path;
            return true;
        }
        free(path);
    }
    *ret = asprintf(&path, "%s%s", directory, name) < 0 ? NULL : path;
    return false;
}

static int take_listed(void *context, const char *name)
{
    const struct medium *m = context;
    const struct import_walk *w = m->walk;
    _cleanup_free_ char *path = NULL;
    struct stat st;

    if (!name)
        return w->other(w->context, m->directory, "the DICOMDIR names a file elsewhere", true);
    if (!find_listed(m->directory, name, &path, &st))
        return w->other(w->context, path ? path : name,
                        "the DICOMDIR lists this file, but it is not there", true);
    return m->all ? w->file(w->context, path, st.st_size) : 0;
}

static int read_dicomdir(const char *path, struct medium *m)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    void *bytes;
    int r;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_size == 0)
        return -EBADMSG;
    bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    r = dicomdir_read(bytes, (size_t)st.st_size, take_listed, m);
    (void)munmap(bytes, (size_t)st.st_size);
    return r;
}

/* The walk finds the files of a medium by itself; its DICOMDIR tells which of them are lost. */
static int walk_dicomdir(const struct import_walk *w, const char *path, bool all)
{
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *directory = strndup(path, slash ? (size_t)(slash + 1 - path) : 0);
    struct medium m = {w, directory, all};
    int r = directory ? read_dicomdir(path, &m) : -ENOMEM;

    if (r >= 0 || r == -ENOMEM)
        return r;
    return w->other(w->context, path,
                    r == -EBADMSG ? "it cannot be understood as a DICOMDIR" : strerrordesc_np(-r),
                    true);
}

static int take_entry(const struct import_walk *w, const FTSENT *e)
{
    int r;

    switch (e->fts_info) {
    case FTS_F:
        r = is_dicomdir(e->fts_path) ? walk_dicomdir(w, e->fts_path, e->fts_level == 0) : 0;
        return r != 0 ? r : w->file(w->context, e->fts_path, e->fts_statp->st_size);
    case FTS_SL:
    case FTS_SLNONE:
        return w->other(w->context, e->fts_path, "a symbolic link", false);
    case FTS_DEFAULT:
        return w->other(w->context, e->fts_path, "not a regular file", false);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return w->other(w->context, e->fts_path, strerrordesc_np(e->fts_errno), true);
    default:
        return 0;
    }
}

static int compare(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

int import_walk(char *const *paths, const struct import_walk *w)
{
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, compare);
    const FTSENT *entry;
    int r = 0;

    if (!tree)
        return -errno;
    errno = 0;
    while (r == 0 && (entry = fts_read(tree)))
        r = take_entry(w, entry);
    if (r == 0 && errno != 0)
        r = -errno;
    (void)fts_close(tree);
    return r;
}
