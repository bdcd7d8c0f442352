#include "store/tool_verify.h"
#include "store/base/cleanup.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Its row may have been committed after the rows were read, or be about to be: then it still
 * has its name in incoming/. */
static int check_stray(struct verify *v, uint64_t blob)
{
    char text[24];
    const char *const values[] = {text};
    _cleanup_close_ int fd = -1;
    struct stat st;
    PGresult *rows;
    int code, n;

    if (store_read(v->store, blob, &fd) < 0 || fstat(fd, &st) < 0 || st.st_nlink > 1)
        return TOOL_FINE;
    (void)snprintf(text, sizeof text, "%" PRIu64, blob);
    code = tool_query(v->tool,
                      "select from isthmus.instance where blob = $1 union all "
                      "select from isthmus.conflict where blob = $1",
                      1, values, &rows);
    if (code != TOOL_FINE)
        return code;
    n = PQntuples(rows);
    PQclear(rows);
    if (n == 0)
        verify_report(v, blob, "no row names this file", NULL);
    return TOOL_FINE;
}

struct strays {
    struct verify *verify;
    struct blobs named;
};

static int visit(void *context, uint64_t blob)
{
    struct strays *s = context;

    return blobs_have(&s->named, blob) ? 0 : check_stray(s->verify, blob);
}

static int verify_files(struct verify *v)
{
    struct strays s = {.verify = v};
    int r = 0, code = blobs_load(v->tool, &s.named);

    if (code == TOOL_FINE)
        r = store_walk(v->store, visit, &s);
    blobs_done(&s.named);
    if (r < 0)
        return tool_fail(v->tool, TOOL_CANNOT, "the files cannot be listed: %s",
                         strerrordesc_np(-r));
    return code == TOOL_FINE ? r : code;
}

/* Of the files that are left. */
static int total_bytes(const struct verify *v, double *ret)
{
    const char *const values[] = {v->last_instance, v->last_conflict};
    PGresult *rows;
    int code = tool_query(v->tool,
                          "select coalesce(sum(size_bytes), 0) from ("
                          "select size_bytes from isthmus.instance where instance_key > $1 "
                          "union all "
                          "select size_bytes from isthmus.conflict where conflict_key > $2) a",
                          2, values, &rows);

    if (code != TOOL_FINE)
        return code;
    *ret = strtod(PQgetvalue(rows, 0, 0), NULL);
    PQclear(rows);
    return TOOL_FINE;
}

static int print_result(struct verify *v)
{
    char size[TOOL_SIZE_MAX];
    uint64_t bytes = v->bytes_before + atomic_load(&v->bytes);
    int code = TOOL_FINE;

    tool_size((double)bytes, size);
    if (v->problems)
        code = tool_print_json(v->tool, json_pack("{s:I,s:I,s:I,s:I,s:I,s:O}", "checked",
                                                  (json_int_t)v->rows, "bytes", (json_int_t)bytes,
                                                  "wrong", (json_int_t)v->wrong, "unavailable_now",
                                                  (json_int_t)v->gone, "available_again",
                                                  (json_int_t)v->back, "problems", v->problems));
    else
        (void)printf("%" PRIu64 " files compared with their rows, %s read, %" PRIu64 " wrong; "
                     "instances unavailable from now on: %" PRIu64 ", available again: %" PRIu64
                     "\n",
                     v->rows, size, v->wrong, v->gone, v->back);
    return code == TOOL_FINE && v->wrong > 0 ? TOOL_WRONG : code;
}

static int verify(struct verify *v, bool restart)
{
    double total = 0;
    int code = tool_check_schema(v->tool);

    if (code == TOOL_FINE)
        code = tool_open_store(v->tool, &v->store);
    if (code == TOOL_FINE)
        code = verify_begin(v, restart);
    if (code == TOOL_FINE && isatty(STDERR_FILENO))
        code = total_bytes(v, &total);
    if (code != TOOL_FINE)
        return code;
    if (v->rows > 0 && isatty(STDERR_FILENO))
        (void)fprintf(stderr,
                      "isthmus verify: goes on behind the %" PRIu64 " files compared before it "
                      "was stopped; --restart begins anew\n",
                      v->rows);
    progress_start(&v->progress, "verify", total);
    code = verify_rows(v);
    if (code == TOOL_FINE)
        code = verify_files(v);
    progress_end(&v->progress);
    if (code == TOOL_FINE)
        code = verify_end(v);
    return code == TOOL_FINE ? print_result(v) : code;
}

static int run(struct tool *t, int argc, char **argv)
{
    static const struct option options[] = {{"rate", required_argument, NULL, 'r'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {"restart", no_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    double rate = 0, jobs = 2;
    struct verify v = {.tool = t};
    bool restart = false;
    int option, code;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == '?')
            return TOOL_USAGE;
        restart = restart || option == 's';
        if (option == 'r' && !tool_number(optarg, 0.001, 1e9, &rate))
            return tool_usage(t, "--rate is %s, allowed is a number of MB/s above 0", optarg);
        if (option == 'j' && !tool_number(optarg, 1, 64, &jobs))
            return tool_usage(t, "--jobs is %s, allowed is 1 to 64", optarg);
    }
    if (optind < argc)
        return tool_usage(t, "takes no argument");
    v.jobs = (int)jobs;
    v.bytes_per_s = rate * 1e6;
    v.problems = t->json ? json_array() : NULL;
    code = verify(&v, restart);
    json_decref(v.problems);
    store_free(v.store);
    return code;
}

const struct tool_command tool_verify = {
    "verify", "[--rate MB/S] [--jobs N] [--restart] [--json]", "Compare every row with its file",
    "  --rate MB/S  read no faster (default: as fast as it goes)\n"
    "  --jobs N     compare N files at a time, 1 to 64 (default 2)\n"
    "  --restart    begin anew (default: go on where the last run was stopped)\n"
    "  --json       the result as one JSON object\n"
    "\n"
    "Each file must be there and hold the data set that was received: its size, its digest and\n"
    "the UIDs of its file meta. Files that no row names are reported too. Exit status 1 when\n"
    "something is wrong. No file is changed; an instance whose file is missing or damaged is\n"
    "UNAVAILABLE in queries and in FHIR from then on, until its file is good or it is sent "
    "again.\n",
    run};
