#include "store/base/cleanup.h"
#include "store/crew.h"
#include "store/index_batch.h"
#include "store/index_row.h"
#include "store/reread.h"
#include "store/tool_blobs.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define JOBS 2

/* What a process of the crew answers begins with; a row or a reason comes behind it. */
enum found { FOUND_ROW, FOUND_WAITING, FOUND_UNFINISHED, FOUND_PROBLEM };

enum count {
    COUNT_INDEXED,
    COUNT_CONFLICTS,
    COUNT_DUPLICATES,
    COUNT_UNFINISHED,
    COUNT_WAITING,
    COUNT_REFUSED
};

struct reindex {
    const struct tool *tool;
    struct store *store;
    struct crew *crew;
    struct progress progress;
    bool delete_unneeded;
    uint64_t files, counts[COUNT_REFUSED + 1];
    json_t *problems; /* for --json */

    struct blobs known; /* the files that have a row */
    struct index_batch *batch;
};

/* --- in the crew --------------------------------------------------------------------------- */

static int answer(enum found found, const void *bytes, size_t n, void **ret, size_t *ret_n)
{
    char *all = malloc(n + 1);

    if (!all)
        return -ENOMEM;
    *all = (char)found;
    memcpy(all + 1, bytes, n);
    *ret = all;
    *ret_n = n + 1;
    return 0;
}

static int answer_problem(const char *why, void **ret, size_t *ret_n)
{
    return answer(FOUND_PROBLEM, why, strlen(why) + 1, ret, ret_n);
}

static int answer_row(const struct instance *i, void **ret, size_t *ret_n)
{
    _cleanup_free_ char *block = NULL;
    size_t n;
    int r = index_row_pack_instance(i, &block, &n);

    return r < 0 ? r : answer(FOUND_ROW, block, n, ret, ret_n);
}

/* A file with a second name, in incoming/, is the listener's to index. */
static int work(void *context, const void *task, size_t n, void **ret, size_t *ret_n)
{
    const struct reindex *x = context;
    _cleanup_(instance_done) struct instance i = {0};
    _cleanup_close_ int fd = -1;
    struct reread about = {.problem = NULL};
    struct stat st;
    int r;

    memcpy(&i.blob_id, task, n);
    r = store_read(x->store, i.blob_id, &fd);
    if (r == 0 && fstat(fd, &st) == 0 && st.st_nlink > 1)
        return answer(FOUND_WAITING, "", 0, ret, ret_n);
    if (r == 0)
        r = instance_reread_sealed(fd, &i, &about);
    if (r == -EILSEQ)
        r = 0; /* its row is as it was, so verify names it as before */
    if (r == -ENODATA && about.sealed)
        return answer(FOUND_UNFINISHED, "", 0, ret, ret_n);
    if (r == -ENODATA)
        about.problem = "it has no seal of ours; 'isthmus import' takes what is from elsewhere";
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        return answer_problem(about.problem ? about.problem : strerrordesc_np(-r), ret, ret_n);
    if (instance_lack(&i) != INSTANCE_COMPLETE)
        return answer_problem("one of its UIDs is missing or too long", ret, ret_n);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    return answer_row(&i, ret, ret_n);
}

/* --- in the caller ------------------------------------------------------------------------- */

static void report(struct reindex *x, uint64_t blob, enum count count, const char *why)
{
    char path[STORE_PATH_MAX];

    x->counts[count]++;
    if (!why)
        return;
    store_path(blob, path);
    if (x->problems) {
        (void)json_array_append_new(x->problems,
                                    json_pack("{s:s,s:s}", "file", path, "problem", why));
        return;
    }
    progress_end(&x->progress);
    (void)printf("%s: %s\n", path, why);
}

/* A file of the same bytes has a row. That file is read again before anybody relies on it. */
static void settle_duplicate(struct reindex *x, uint64_t blob)
{
    enum index_result result = INDEX_STORED;
    uint64_t old = 0;
    int r = index_keep_file(x->tool->db, x->store, blob, &result, &old);

    if (r == 0 && result == INDEX_DUPLICATE && x->delete_unneeded)
        r = store_delete(x->store, blob);
    if (r < 0)
        report(x, blob, COUNT_REFUSED, strerrordesc_np(-r));
    else if (result != INDEX_DUPLICATE)
        report(x, blob, COUNT_INDEXED, "it takes the place of a file that is gone or damaged");
    else
        report(x, blob, COUNT_DUPLICATES,
               x->delete_unneeded ? NULL
                                  : "another file has the same bytes; this one is not needed, "
                                    "--delete-unneeded deletes it");
}

/* Power was lost before all of it was on the disk, so no sender was told that it is stored. */
static void settle_unfinished(struct reindex *x, uint64_t blob)
{
    int r = x->delete_unneeded ? store_delete(x->store, blob) : 0;

    if (r < 0)
        report(x, blob, COUNT_REFUSED, strerrordesc_np(-r));
    else
        report(x, blob, COUNT_UNFINISHED,
               x->delete_unneeded ? NULL
                                  : "it was not received whole, as its sender knows; "
                                    "--delete-unneeded deletes it");
}

static void take_result(void *context, uint64_t blob, enum index_result result, int error)
{
    struct reindex *x = context;
    char why[120];

    if (error < 0) {
        (void)snprintf(why, sizeof why, "the index refuses it (%s)", db_problem(x->tool->db));
        report(x, blob, COUNT_REFUSED, why);
    } else if (result == INDEX_DUPLICATE || result == INDEX_REJECTED) {
        settle_duplicate(x, blob);
    } else {
        report(x, blob, result == INDEX_CONFLICT ? COUNT_CONFLICTS : COUNT_INDEXED, NULL);
    }
}

static int take_row(struct reindex *x, uint64_t blob, const char *block, size_t n)
{
    int r = index_batch_add(x->batch, blob, block, n);

    if (r == -EBADMSG)
        report(x, blob, COUNT_REFUSED, "the process that read it made nonsense of it");
    return r == -EBADMSG ? 0 : r;
}

static int take_answer(void *context, const void *task, size_t n, const void *bytes, size_t size)
{
    struct reindex *x = context;
    const char *p = bytes;
    uint64_t blob = 0;

    memcpy(&blob, task, n);
    progress_draw(&x->progress, (double)++x->files);
    if (!p || size == 0)
        report(x, blob, COUNT_REFUSED, "the process that read it died");
    else if (*p == FOUND_ROW)
        return take_row(x, blob, p + 1, size - 1);
    else if (*p == FOUND_UNFINISHED)
        settle_unfinished(x, blob);
    else
        report(x, blob, *p == FOUND_WAITING ? COUNT_WAITING : COUNT_REFUSED,
               *p == FOUND_WAITING ? NULL : p + 1);
    return 0;
}

static int count(void *context, uint64_t blob)
{
    struct reindex *x = context;

    x->progress.total += blobs_have(&x->known, blob) ? 0 : 1;
    return 0;
}

static int give(void *context, uint64_t blob)
{
    struct reindex *x = context;

    return blobs_have(&x->known, blob) ? 0 : crew_give(x->crew, &blob, sizeof blob);
}

static int print_result(const struct reindex *x)
{
    static const char *const names[] = {"indexed",    "conflicts", "duplicates",
                                        "unfinished", "waiting",   "refused"};
    const uint64_t *n = x->counts;
    json_t *result;

    if (!x->problems) {
        (void)printf("%" PRIu64 " files without a row: %" PRIu64 " indexed, %" PRIu64
                     " kept aside as conflicts, %" PRIu64 " not needed, %" PRIu64
                     " not received whole, %" PRIu64 " left to the listener, %" PRIu64 " refused\n",
                     x->files, n[COUNT_INDEXED], n[COUNT_CONFLICTS], n[COUNT_DUPLICATES],
                     n[COUNT_UNFINISHED], n[COUNT_WAITING], n[COUNT_REFUSED]);
        return TOOL_FINE;
    }
    result = json_pack("{s:I,s:I}", "files", (json_int_t)x->files, "known", (json_int_t)x->known.n);
    for (int i = 0; i <= COUNT_REFUSED; i++)
        (void)json_object_set_new(result, names[i], json_integer((json_int_t)n[i]));
    (void)json_object_set(result, "problems", x->problems);
    return tool_print_json(x->tool, result);
}

static int fail(const struct reindex *x, int r)
{
    if (r == -EAGAIN)
        return tool_fail(x->tool, TOOL_CANNOT, "the database says %s; run it again, it goes on",
                         db_problem(x->tool->db));
    return tool_fail(x->tool, TOOL_CANNOT, "the files cannot be gone through: %s; run it again",
                     strerrordesc_np(-r));
}

static int reindex(struct reindex *x, unsigned jobs)
{
    int code, r;

    progress_start(&x->progress, "reindex", 0);
    x->progress.unit = "files";
    r = x->progress.visible ? store_walk(x->store, count, x) : 0;
    if (r == 0)
        r = index_batch_new(x->tool->db, take_result, x, &x->batch);
    if (r == 0)
        r = crew_new(jobs, work, take_answer, x, &x->crew);
    if (r == 0)
        r = store_walk(x->store, give, x);
    if (r == 0)
        r = crew_finish(x->crew);
    if (r == 0)
        r = index_batch_flush(x->batch);
    index_batch_free(x->batch);
    crew_free(x->crew);
    progress_end(&x->progress);
    code = print_result(x);
    if (r < 0)
        return fail(x, r);
    return code == TOOL_FINE && x->counts[COUNT_REFUSED] > 0 ? TOOL_WRONG : code;
}

/* Two at once would only be in each other's way. */
static int prepare(const struct tool *t)
{
    PGresult *rows;
    bool may, alone;
    int code = tool_query(t,
                          "select has_table_privilege('isthmus.instance', 'insert'), "
                          "pg_try_advisory_lock(hashtextextended('isthmus reindex', 0))",
                          0, NULL, &rows);

    if (code != TOOL_FINE)
        return code;
    may = *PQgetvalue(rows, 0, 0) == 't';
    alone = *PQgetvalue(rows, 0, 1) == 't';
    PQclear(rows);
    if (!may)
        return tool_fail(t, TOOL_CANNOT,
                         "this role of the database may not store instances: run this as the "
                         "owner of the database or as the user of the listener");
    return alone ? TOOL_FINE : tool_fail(t, TOOL_CANNOT, "it is running already; let it finish");
}

static int run(struct tool *t, int argc, char **argv)
{
    static const struct option options[] = {{"jobs", required_argument, NULL, 'j'},
                                            {"delete-unneeded", no_argument, NULL, 'd'},
                                            {NULL, 0, NULL, 0}};
    struct reindex x = {.tool = t};
    double jobs = JOBS;
    int option, code;

    while ((option = getopt_long(argc, argv, "j:", options, NULL)) != -1) {
        if (option == '?')
            return TOOL_USAGE;
        if (option == 'd')
            x.delete_unneeded = true;
        else if (!tool_number(optarg, 1, CREW_MAX, &jobs))
            return tool_usage(t, "--jobs is %s, allowed is 1 to %d", optarg, CREW_MAX);
    }
    if (optind < argc)
        return tool_usage(t, "takes no argument");
    code = tool_check_schema(t);
    if (code == TOOL_FINE)
        code = prepare(t);
    if (code == TOOL_FINE)
        code = x.delete_unneeded ? tool_open_store_for_writing(t, &x.store)
                                 : tool_open_store(t, &x.store);
    if (code == TOOL_FINE)
        code = blobs_load(t, &x.known);
    if (code == TOOL_FINE) {
        x.problems = t->json ? json_array() : NULL;
        code = reindex(&x, (unsigned)jobs);
        json_decref(x.problems);
    }
    store_free(x.store);
    blobs_done(&x.known);
    return code;
}

const struct tool_command tool_reindex = {
    "reindex", "[--jobs N] [--delete-unneeded] [--json]", "Give every file without a row its row",
    "  --jobs N  read N files at a time, 1 to 64 (default 2)\n"
    "  --delete-unneeded  delete files without a row that repeat one that has a row and is\n"
    "            whole, and those that were not received whole; a loss of power leaves some,\n"
    "            which were never acknowledged\n"
    "  --json    the result as one JSON object\n"
    "\n"
    "Files are taken in the order in which they were received, so on an empty index this makes "
    "the\n"
    "whole of it as it was: which of two files with one UID came first included. For that make a\n"
    "new database, 'isthmus migrate', and stop isthmus-scp while this runs. Rows that are there\n"
    "are not touched; stopped, it goes on when it is run again.\n"
    "Only the database knows orders, decisions about conflicts and what was published: a backup "
    "of\n"
    "it keeps them. After a rebuild every conflict is open again and every study is published\n"
    "again. Exit status 1 when a file was refused.\n",
    run};
