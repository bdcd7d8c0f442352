#include "store/tool_import.h"
#include "store/base/cleanup.h"
#include "store/crew.h"
#include "store/import.h"
#include "store/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define JOBS 4

/* What a process of the crew says about one file. */
struct answer {
    int error; /* 0 or negative errno: no use going on */
    uint64_t size_bytes;
    struct import_outcome outcome;
    char database[80]; /* what it said */
};

struct import {
    const struct tool *tool;
    struct crew *crew;
    struct progress progress;
    double done_bytes;
    uint64_t files, bytes, counts[IMPORT_REFUSED + 1];
    json_t *problems;   /* for --json */
    struct answer last; /* of the file that ended the work */

    /* In a process of the crew. */
    struct store *store;
    struct db *db;
};

/* --- in the crew --------------------------------------------------------------------------- */

static int open_both(struct import *m)
{
    const struct conf *conf = m->tool->conf;
    int r = 0;

    if (!m->store)
        r = store_open(conf_string(conf, "store", "root"),
                       (uint64_t)conf_int(conf, "store", "reserve_mib") << 20, &m->store);
    if (r == 0 && !m->db)
        r = db_new_conf(conf, "isthmus import", &m->db);
    return r;
}

static int import_path(struct import *m, const char *path, struct answer *a)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        a->outcome.result = IMPORT_REFUSED;
        (void)snprintf(a->outcome.why, sizeof a->outcome.why, "it cannot be opened: %s",
                       strerrordesc_np(errno));
        return 0;
    }
    a->size_bytes = (uint64_t)st.st_size;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return import_file(m->store, m->db, fd, &a->outcome);
}

static int work(void *context, const void *task, size_t n, void **ret, size_t *ret_n)
{
    struct import *m = context;
    struct answer *a = calloc(1, sizeof *a);

    (void)n;
    if (!a)
        return -ENOMEM;
    a->error = open_both(m);
    if (a->error == 0)
        a->error = import_path(m, task, a);
    if (a->error < 0 && m->db)
        (void)snprintf(a->database, sizeof a->database, "%s", db_problem(m->db));
    *ret = a;
    *ret_n = sizeof *a;
    return 0;
}

/* --- in the caller ------------------------------------------------------------------------- */

static const char *const words[] = {"stored",   "duplicate", "conflict",
                                    "repaired", "skipped",   "refused"};

static int report(struct import *m, const char *path, enum import_result result, const char *why)
{
    m->counts[result]++;
    if (result == IMPORT_STORED || result == IMPORT_DUPLICATE)
        return 0;
    if (result == IMPORT_CONFLICT)
        why = "another instance has its UID; it is kept aside, see 'isthmus conflicts list'";
    if (result == IMPORT_REPAIRED)
        why = "its file in the store was gone or damaged, and is good again";
    if (m->problems)
        return json_array_append_new(m->problems, json_pack("{s:s,s:s,s:s}", "file", path, "result",
                                                            words[result], "why", why));
    progress_end(&m->progress);
    (void)printf("%s: %s: %s\n", path, words[result], why);
    return 0;
}

static int take_answer(void *context, const void *task, size_t n, const void *bytes, size_t size)
{
    struct import *m = context;
    struct answer a = {.error = 0};

    (void)n;
    if (bytes && size == sizeof a) {
        memcpy(&a, bytes, sizeof a);
    } else {
        a.outcome.result = IMPORT_REFUSED;
        (void)strcpy(a.outcome.why, "the process that read it died");
    }
    if (a.error < 0) {
        m->last = a;
        return a.error;
    }
    m->files++;
    m->bytes += a.size_bytes;
    (void)report(m, task, a.outcome.result, a.outcome.why);
    progress_draw(&m->progress, (double)m->bytes);
    return 0;
}

static int give(void *context, const char *path, off_t size_bytes)
{
    struct import *m = context;

    (void)size_bytes;
    return crew_give(m->crew, path, strlen(path) + 1);
}

static int take_other(void *context, const char *path, const char *why, int lost)
{
    (void)report(context, path, lost ? IMPORT_REFUSED : IMPORT_SKIPPED, why);
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
        return tool_fail(m->tool, TOOL_CANNOT, "the database says %s; %s", m->last.database, again);
    if (r == -ENOSPC)
        return tool_fail(m->tool, TOOL_CANNOT, "the store is full but for its reserve; %s",
                         "make room and run the same command again");
    return tool_fail(m->tool, TOOL_CANNOT, "the store cannot be used: %s; %s", strerrordesc_np(-r),
                     again);
}

static int import(struct import *m, char **paths, unsigned jobs)
{
    const struct import_walk counting = {&m->done_bytes, count_file, count_other};
    const struct import_walk giving = {m, give, take_other};
    int code, r = 0;

    progress_start(&m->progress, "import", 0);
    if (m->progress.visible)
        r = import_walk(paths, &counting);
    progress_start(&m->progress, "import", m->done_bytes);
    if (r == 0)
        r = crew_new(jobs, work, take_answer, m, &m->crew);
    if (r == 0)
        r = import_walk(paths, &giving);
    if (r == 0)
        r = crew_finish(m->crew);
    crew_free(m->crew);
    progress_end(&m->progress);
    code = print_result(m);
    if (r < 0)
        return fail(m, r);
    return code == TOOL_FINE && m->counts[IMPORT_REFUSED] > 0 ? TOOL_WRONG : code;
}

/* What is made here belongs to whoever runs this, and the listener has to go on with it. */
static int check_rights(const struct tool *t)
{
    struct store *s;
    PGresult *rows;
    bool may;
    int code = tool_open_store_for_writing(t, &s);

    if (code != TOOL_FINE)
        return code;
    store_free(s);
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
        code = check_rights(t);
    if (code != TOOL_FINE)
        return code;
    m.problems = t->json ? json_array() : NULL;
    code = import(&m, argv + optind, (unsigned)jobs);
    json_decref(m.problems);
    return code;
}

const struct tool_command tool_import = {
    "import", "[--jobs N] [--json] FILE|DIRECTORY…", "Store DICOM files as if they had been sent",
    "  --jobs N  store N files at a time, 1 to 64 (default 4)\n"
    "  --json    the result as one JSON object\n"
    "\n"
    "Directories with all below them; a file called DICOMDIR stands for the files it lists. Run "
    "it\n"
    "as the user of the listener: sudo -u isthmus-scp isthmus import …\n"
    "Run again it passes over what is there already, so it goes on where it was stopped. Other\n"
    "bytes under a known UID are kept aside as a conflict. What is no DICOM file is skipped. Exit\n"
    "status 1 when a file was refused.\n",
    run};
