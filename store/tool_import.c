#include "store/tool_import.h"
#include "store/base/cleanup.h"
#include "store/index_batch.h"
#include "store/tool.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOBS 4

/* Files whose row is to be put, or that are to be tried once more. */
struct name {
    struct name *next;
    char path[];
};

struct names {
    struct name *first, **end;
};

struct import {
    const struct tool *tool;
    struct store *store;
    struct crew *crew;
    struct index_batch *batch;
    struct names sealed, again;
    struct progress progress;
    double done_bytes;
    uint64_t files, bytes, counts[IMPORT_REFUSED + 1];
    json_t *problems;                   /* for --json */
    char database[IMPORT_DATABASE_MAX]; /* what it said to a process that could not go on */
    int error;                          /* of import_settle() */

    /* The group that is made up: paths with their NUL. */
    char group[IMPORT_GROUP_NAMES + PATH_MAX];
    size_t group_used;
    unsigned group_files;
    off_t group_bytes;
};

static const char *const words[] = {"stored",   "duplicate", "conflict",
                                    "repaired", "skipped",   "refused"};

static void report(struct import *m, const char *path, enum import_result result, const char *why)
{
    m->counts[result]++;
    if (result == IMPORT_STORED || result == IMPORT_DUPLICATE)
        return;
    if (result == IMPORT_CONFLICT)
        why = "another instance has its UID; it is kept aside, see 'isthmus conflicts list'";
    if (result == IMPORT_REPAIRED)
        why = "its file in the store was gone or damaged, and is good again";
    if (m->problems) {
        (void)json_array_append_new(m->problems, json_pack("{s:s,s:s,s:s}", "file", path, "result",
                                                           words[result], "why", why));
        return;
    }
    progress_end(&m->progress);
    (void)printf("%s: %s: %s\n", path, words[result], why);
}

static int add_name(struct names *names, const char *path)
{
    size_t n = strlen(path) + 1;
    struct name *name = malloc(sizeof *name + n);

    if (!name)
        return -ENOMEM;
    name->next = NULL;
    memcpy(name->path, path, n);
    *names->end = name;
    names->end = &name->next;
    return 0;
}

/* The first one, the caller's to free; NULL: there is none. */
static struct name *take_name(struct names *names)
{
    struct name *name = names->first;

    if (name && !(names->first = name->next))
        names->end = &names->first;
    return name;
}

/* From the batch, in the order in which the rows were added. */
static void take_result(void *context, uint64_t blob, enum index_result result, int error)
{
    struct import *m = context;
    _cleanup_free_ struct name *name = take_name(&m->sealed);
    struct import_outcome o = {.why = ""};
    int r = import_settle(m->store, m->tool->db, blob, result, error, &o);

    if (r == 0)
        report(m, name->path, o.result, o.why);
    else
        m->error = r;
}

static int take_file(struct import *m, const char *path, const struct import_found *f,
                     const char *row)
{
    int r;

    m->files++;
    m->bytes += f->size_bytes;
    if (f->outcome.result != IMPORT_SEALED) {
        report(m, path, f->outcome.result, f->outcome.why);
        return 0;
    }
    r = add_name(&m->sealed, path);
    return r < 0 ? r : index_batch_add(m->batch, f->blob, row, f->row_bytes);
}

/* The process died over one of several files: each is tried alone, after all others. */
static int take_death(struct import *m, const char *task, size_t n)
{
    int r = 0;

    if (strlen(task) + 1 == n) {
        m->files++;
        report(m, task, IMPORT_REFUSED, "the process that read it died");
        return 0;
    }
    for (const char *path = task; r == 0 && path < task + n; path += strlen(path) + 1)
        r = add_name(&m->again, path);
    return r;
}

static int take_files(struct import *m, const char *path, const char *found, size_t n,
                      const char *row, const char *end)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++) {
        struct import_found f;

        memcpy(&f, found + i * sizeof f, sizeof f);
        if (f.row_bytes > (size_t)(end - row))
            return -EBADMSG;
        r = take_file(m, path, &f, row);
        row += f.row_bytes;
        path += strlen(path) + 1;
    }
    progress_draw(&m->progress, (double)m->bytes);
    return r < 0 ? r : m->error;
}

static int take_answer(void *context, const void *task, size_t n, const void *bytes, size_t size)
{
    struct import *m = context;
    const char *found = (const char *)bytes + sizeof(struct import_answer), *row;
    struct import_answer a;

    if (!bytes || size < sizeof a)
        return take_death(m, task, n);
    memcpy(&a, bytes, sizeof a);
    if (a.error < 0) {
        memcpy(m->database, a.database, sizeof m->database);
        return a.error;
    }
    row = found + a.files * sizeof(struct import_found);
    if (a.files != import_count(task, n) || row > (const char *)bytes + size)
        return -EBADMSG;
    return take_files(m, task, found, a.files, row, (const char *)bytes + size);
}

static int give_group(struct import *m)
{
    int r = m->group_files > 0 ? crew_give(m->crew, m->group, m->group_used) : 0;

    m->group_used = 0;
    m->group_files = 0;
    m->group_bytes = 0;
    return r;
}

static int give(void *context, const char *path, off_t size_bytes)
{
    struct import *m = context;
    size_t n = strlen(path) + 1;
    int r = 0;

    if (n > PATH_MAX) {
        report(m, path, IMPORT_REFUSED, "its path is too long");
        return 0;
    }
    if (m->group_used + n > IMPORT_GROUP_NAMES || m->group_bytes + size_bytes > IMPORT_GROUP_BYTES)
        r = give_group(m);
    memcpy(m->group + m->group_used, path, n);
    m->group_used += n;
    m->group_bytes += size_bytes;
    return r == 0 && ++m->group_files == IMPORT_GROUP_FILES ? give_group(m) : r;
}

static int give_again(struct import *m)
{
    struct name *name;
    int r = 0;

    while (r == 0 && (name = take_name(&m->again))) {
        r = crew_give(m->crew, name->path, strlen(name->path) + 1);
        free(name);
    }
    return r == 0 ? crew_finish(m->crew) : r;
}

static int take_other(void *context, const char *path, const char *why, int lost)
{
    report(context, path, lost ? IMPORT_REFUSED : IMPORT_SKIPPED, why);
    return 0;
}

static int count_file(void *context, const char *path, off_t size_bytes)
{
    (void)path;
    *(double *)context += (double)size_bytes;
    return 0;
}

static int count_other(void *context, const char *path, const char *why, int lost)
{
    (void)context;
    (void)path;
    (void)why;
    (void)lost;
    return 0;
}

static int print_result(const struct import *m)
{
    const uint64_t *n = m->counts;
    char size[TOOL_SIZE_MAX];
    json_t *result;

    if (!m->problems) {
        tool_size((double)m->bytes, size);
        (void)printf("%" PRIu64 " files, %s: %" PRIu64 " stored, %" PRIu64
                     " were there already, %" PRIu64 " repaired, %" PRIu64
                     " kept aside as conflicts, %" PRIu64 " skipped, %" PRIu64 " refused\n",
                     m->files, size, n[IMPORT_STORED], n[IMPORT_DUPLICATE], n[IMPORT_REPAIRED],
                     n[IMPORT_CONFLICT], n[IMPORT_SKIPPED], n[IMPORT_REFUSED]);
        return TOOL_FINE;
    }
    result = json_pack("{s:I,s:I}", "files", (json_int_t)m->files, "bytes", (json_int_t)m->bytes);
    for (int i = 0; i <= IMPORT_REFUSED; i++)
        (void)json_object_set_new(result, words[i], json_integer((json_int_t)n[i]));
    (void)json_object_set(result, "problems", m->problems);
    return tool_print_json(m->tool, result);
}

static int fail(const struct import *m, int r)
{
    const char *again = "run the same command again: what is there already is soon passed over";

    if (r == -EAGAIN)
        return tool_fail(m->tool, TOOL_CANNOT, "the database says %s; %s",
                         *m->database ? m->database : db_problem(m->tool->db), again);
    if (r == -ENOSPC)
        return tool_fail(m->tool, TOOL_CANNOT, "the store is full but for its reserve; %s",
                         "make room and run the same command again");
    return tool_fail(m->tool, TOOL_CANNOT, "the store cannot be used: %s; %s", strerrordesc_np(-r),
                     again);
}

static int import_all(struct import *m, char **paths, unsigned jobs)
{
    const struct import_walk giving = {m, give, take_other};
    int put, r = index_batch_new(m->tool->db, take_result, m, &m->batch);

    if (r == 0)
        r = import_crew(m->tool->conf, m->store, jobs, take_answer, m, &m->crew);
    if (r == 0)
        r = import_walk(paths, &giving);
    if (r == 0)
        r = give_group(m);
    if (r == 0)
        r = crew_finish(m->crew);
    if (r == 0)
        r = give_again(m);
    put =
        m->batch ? index_batch_flush(m->batch) : 0; /* what is safe is stored, whatever was next */
    return r < 0 ? r : put < 0 ? put : m->error;
}

static void forget(struct import *m)
{
    struct name *name;

    while ((name = take_name(&m->sealed)) || (name = take_name(&m->again)))
        free(name);
    index_batch_free(m->batch);
    crew_free(m->crew);
}

static int import(struct import *m, char **paths, unsigned jobs)
{
    const struct import_walk counting = {&m->done_bytes, count_file, count_other};
    int code, r = 0;

    m->sealed.end = &m->sealed.first;
    m->again.end = &m->again.first;
    progress_start(&m->progress, "import", 0);
    if (m->progress.visible)
        r = import_walk(paths, &counting);
    progress_start(&m->progress, "import", m->done_bytes);
    if (r == 0)
        r = import_all(m, paths, jobs);
    forget(m);
    progress_end(&m->progress);
    code = print_result(m);
    if (r < 0)
        return fail(m, r);
    return code == TOOL_FINE && m->counts[IMPORT_REFUSED] > 0 ? TOOL_WRONG : code;
}

/* What is made here belongs to whoever runs this, and the listener has to go on with it. */
static int check_rights(const struct tool *t, struct store **ret)
{
    PGresult *rows;
    bool may;
    int code = tool_open_store_for_writing(t, ret);

    if (code != TOOL_FINE)
        return code;
    code =
        tool_query(t, "select has_table_privilege('isthmus.instance', 'insert')", 0, NULL, &rows);
    if (code != TOOL_FINE)
        return code;
    may = *PQgetvalue(rows, 0, 0) == 't';
    PQclear(rows);
    return may ? TOOL_FINE
               : tool_fail(t, TOOL_CANNOT,
                           "this role of the database may not store instances: "
                           "run this as the user of the listener");
}

static int run(struct tool *t, int argc, char **argv)
{
    static const struct option options[] = {{"jobs", required_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    struct import m = {.tool = t};
    double jobs = JOBS;
    int option, code;

    while ((option = getopt_long(argc, argv, "j:", options, NULL)) != -1) {
        if (option == '?')
            return TOOL_USAGE;
        if (!tool_number(optarg, 1, CREW_MAX, &jobs))
            return tool_usage(t, "--jobs is %s, allowed is 1 to %d", optarg, CREW_MAX);
    }
    if (optind == argc)
        return tool_usage(t, "say which files or directories");
    code = tool_check_schema(t);
    if (code == TOOL_FINE)
        code = check_rights(t, &m.store);
    if (code == TOOL_FINE) {
        m.problems = t->json ? json_array() : NULL;
        code = import(&m, argv + optind, (unsigned)jobs);
        json_decref(m.problems);
    }
    store_free(m.store);
    return code;
}

const struct tool_command tool_import = {
    "import", "[--jobs N] [--json] FILE|DIRECTORY…", "Store DICOM files as if they had been sent",
    "  --jobs N  read and write with N processes, 1 to 64 (default 4)\n"
    "  --json    the result as one JSON object\n"
    "\n"
    "Directories with all below them; a file called DICOMDIR stands for the files it lists. Run "
    "it\n"
    "as the user of the listener: sudo -u isthmus-scp isthmus import …\n"
    "Run again it passes over what is there already, so it goes on where it was stopped. Other\n"
    "bytes under a known UID are kept aside as a conflict. What is no DICOM file is skipped. Exit\n"
    "status 1 when a file was refused.\n",
    run};
