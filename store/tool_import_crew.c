#include "store/import.h"
#include "store/base/cleanup.h"
#include "store/tool_import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What each process of the crew has. */
static struct {
    const struct conf *conf;
    struct store *store;
    struct db *db; /* made in the process */
} own;

struct group {
    struct import_file files[IMPORT_GROUP_FILES];
    struct import_found found[IMPORT_GROUP_FILES];
    size_t n;
};

uint32_t import_count(const char *paths, size_t n)
{
    uint32_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += paths[i] == '\0';
    return count;
}

static void open_file(const char *path, struct import_file *f, uint64_t *ret_bytes)
{
    struct stat st;

    f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (f->fd >= 0 && fstat(f->fd, &st) == 0) {
        *ret_bytes = (uint64_t)st.st_size;
        (void)posix_fadvise(f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
        return;
    }
    f->outcome.result = IMPORT_REFUSED;
    (void)snprintf(f->outcome.why, sizeof f->outcome.why, "it cannot be opened: %s",
                   strerrordesc_np(errno));
    cleanup_close(&f->fd);
    f->fd = -1;
}

static void group_open(struct group *g, const char *paths, size_t n)
{
    for (const char *p = paths; p < paths + n && g->n < IMPORT_GROUP_FILES; p += strlen(p) + 1) {
        open_file(p, &g->files[g->n], &g->found[g->n].size_bytes);
        g->n++;
    }
}

static void group_done(struct group *g)
{
    for (size_t i = 0; i < g->n; i++) {
        cleanup_close(&g->files[i].fd);
        free(g->files[i].row);
    }
}

static int group_answer(struct group *g, const struct import_answer *a, void **ret, size_t *ret_n)
{
    size_t size = sizeof *a + g->n * sizeof *g->found;
    char *p;

    for (size_t i = 0; i < g->n; i++) {
        g->found[i].outcome = g->files[i].outcome;
        g->found[i].blob = g->files[i].blob;
        g->found[i].row_bytes = g->files[i].row ? g->files[i].row_bytes : 0;
        size += g->found[i].row_bytes;
    }
    *ret = p = malloc(size);
    *ret_n = size;
    if (!p)
        return -ENOMEM;
    p = mempcpy(p, a, sizeof *a);
    p = mempcpy(p, g->found, g->n * sizeof *g->found);
    for (size_t i = 0; i < g->n; i++)
        if (g->files[i].row)
            p = mempcpy(p, g->files[i].row, g->files[i].row_bytes);
    return 0;
}

static int work(void *context, const void *task, size_t n, void **ret, size_t *ret_n)
{
    _cleanup_(group_done) struct group g = {.n = 0};
    struct import_answer a = {.error = 0};

    (void)context;
    group_open(&g, task, n);
    a.files = (uint32_t)g.n;
    if (!own.db)
        a.error = db_new_conf(own.conf, "isthmus import", &own.db);
    if (a.error == 0)
        a.error = import_store(own.store, own.db, g.files, g.n);
    if (a.error < 0 && own.db)
        (void)snprintf(a.database, sizeof a.database, "%s", db_problem(own.db));
    return group_answer(&g, &a, ret, ret_n);
}

int import_crew(const struct conf *conf, struct store *s, unsigned jobs, crew_answer *answer,
                void *context, struct crew **ret)
{
    own.conf = conf;
    own.store = s;
    return crew_new(jobs, work, answer, context, ret);
}
