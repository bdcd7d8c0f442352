#include "store/base/cleanup.h"
#include "store/order_file.h"
#include "store/tool_worklist.h"
#include "store/worklist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define BATCH 250                  /* orders in one transaction */
#define FILE_MAX ((size_t)1 << 30) /* bytes of one file */
#define PIPE_BYTES (1 << 20)       /* what isthmus-fhir reads ahead: more than a batch of orders */

struct import {
    const struct tool *t;
    struct worklist_options options;
    FILE *orders; /* that wait to be put: the text of an array without its end … */
    char *text;   /* … which is here after fclose() … */
    size_t text_bytes;
    json_t *labels; /* … and where each came from: "o.json: ServiceRequest/1" */
    FILE *fhir;     /* paths of FHIR files, each with a NUL behind it */
    size_t n_fhir;
    double fhir_bytes, other_bytes;
    json_int_t created, updated, unchanged, ignored, refused;
    json_t *faults; /* with --json */
    struct progress progress;
    int code; /* other than TOOL_FINE: give up */
};

/* One sentence on what is wrong with the order or file @label. */
static void add_fault(struct import *im, const char *label, const char *fault)
{
    if (im->t->json) {
        (void)json_array_append_new(im->faults,
                                    json_pack("{s:s, s:s}", "order", label, "fault", fault));
        return;
    }
    progress_end(&im->progress);
    (void)fprintf(stderr, "%s: %s\n", label, fault);
}

static void count_result(struct import *im, const json_t *result, const char *label)
{
    const char *what = json_string_value(json_object_get(result, "result"));
    const struct {
        const char *what;
        json_int_t *count;
    } counts[] = {{"created", &im->created},
                  {"updated", &im->updated},
                  {"unchanged", &im->unchanged},
                  {"ignored", &im->ignored},
                  {"refused", &im->refused}};
    const json_t *fault;
    size_t i;

    for (i = 0; i < sizeof counts / sizeof *counts; i++)
        if (what && strcmp(what, counts[i].what) == 0)
            ++*counts[i].count;
    json_array_foreach (json_object_get(result, "faults"), i, fault)
        add_fault(im, label, json_string_value(fault));
}

static void flush_orders(struct import *im)
{
    json_t *results = NULL, *result;
    size_t i;

    if (!im->orders || im->code != TOOL_FINE)
        return;
    if (putc(']', im->orders) == EOF || fclose(im->orders) != 0)
        im->code = tool_fail(im->t, TOOL_CANNOT, "no memory");
    else if (worklist_put_text(im->t->db, im->text, &im->options, &results) < 0)
        im->code = tool_fail(im->t, TOOL_CANNOT, "the database says %s", db_problem(im->t->db));
    im->orders = NULL;
    free(im->text);
    im->text = NULL;
    json_array_foreach (results, i, result)
        count_result(im, result, json_string_value(json_array_get(im->labels, i)));
    json_decref(results);
    (void)json_array_clear(im->labels);
}

/* @order is a JSON text. */
static void add_order(struct import *im, const char *label, const char *order)
{
    bool first = !im->orders;

    if (first)
        im->orders = open_memstream(&im->text, &im->text_bytes);
    if (!im->orders || fprintf(im->orders, "%c%s", first ? '[' : ',', order) < 0 ||
        json_array_append_new(im->labels, json_string(label)) < 0)
        im->code = tool_fail(im->t, TOOL_CANNOT, "no memory");
    else if (json_array_size(im->labels) >= BATCH)
        flush_orders(im);
}

/* --- files --- */

static void add_orders(struct import *im, const char *path, json_t *orders)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    size_t n = json_array_size(orders);

    for (size_t i = 0; i < n && im->code == TOOL_FINE; i++) {
        _cleanup_free_ char *order = json_dumps(
            json_array_get(orders, i), JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
        char label[NAME_MAX + 32];

        (void)snprintf(label, sizeof label, n == 1 ? "%s" : "%s: order %zu", name, i + 1);
        if (order)
            add_order(im, label, order);
        else
            im->code = tool_fail(im->t, TOOL_CANNOT, "no memory");
    }
}

static void read_file(struct import *im, const char *path, const void *bytes, size_t n)
{
    enum order_form form = order_form(bytes, n);
    _cleanup_free_ char *problem = NULL;
    json_t *orders = NULL;
    int r;

    if (form == ORDER_FHIR) {
        (void)fwrite(path, strlen(path) + 1, 1, im->fhir);
        im->n_fhir++;
        im->fhir_bytes += (double)n;
        return;
    }
    r = order_file_read(form, bytes, n, &orders, &problem);
    if (r == -EBADMSG) {
        im->refused++;
        add_fault(im, path, problem);
    } else if (r < 0) {
        im->code = tool_fail(im->t, TOOL_CANNOT, "no memory");
    } else {
        add_orders(im, path, orders);
    }
    json_decref(orders);
    im->other_bytes += (double)n;
    progress_draw(&im->progress, im->other_bytes);
}

static void take_file(struct import *im, const char *path)
{
    _cleanup_fclose_ FILE *f = fopen(path, "re");
    struct stat st;
    void *bytes;

    if (!f || fstat(fileno(f), &st) < 0) {
        im->code = tool_fail(im->t, TOOL_CANNOT, "%s: %s", path, strerror(errno));
        return;
    }
    if (!S_ISREG(st.st_mode) || st.st_size == 0 || (size_t)st.st_size > FILE_MAX) {
        im->refused++;
        add_fault(im, path, "it is empty, longer than 1 GiB, or no file");
        return;
    }
    bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fileno(f), 0);
    if (bytes == MAP_FAILED) {
        im->code = tool_fail(im->t, TOOL_CANNOT, "%s: %s", path, strerror(errno));
        return;
    }
    read_file(im, path, bytes, (size_t)st.st_size);
    (void)munmap(bytes, (size_t)st.st_size);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strcmp(entry->d_name, "lockfile") != 0;
}

/* The files of a directory in the order of their names; directories below it are left out. */
static void take_directory(struct import *im, const char *path)
{
    struct dirent **entries = NULL;
    int n = scandir(path, &entries, is_visible, alphasort);

    if (n < 0)
        im->code = tool_fail(im->t, TOOL_CANNOT, "%s: %s", path, strerror(errno));
    for (int i = 0; i < n; i++) {
        char name[PATH_MAX];
        struct stat st;

        (void)snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        if (im->code == TOOL_FINE && (stat(name, &st) < 0 || !S_ISDIR(st.st_mode)))
            take_file(im, name);
        free(entries[i]);
    }
    free((void *)entries);
}

/* Standard input is copied, so that it is a file like others, for the reader of FHIR too. */
static void take_stdin(struct import *im)
{
    int copy = memfd_create("standard input", 0);
    char buffer[65536];
    ssize_t n;

    while (copy >= 0 && (n = read(STDIN_FILENO, buffer, sizeof buffer)) > 0)
        if (write(copy, buffer, (size_t)n) != n) {
            im->code = tool_fail(im->t, TOOL_CANNOT, "standard input: %s", strerror(errno));
            return;
        }
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", copy);
    take_file(im, path);
}

/* --- FHIR: read by isthmus-fhir --- */

/* A line of its answer: {"name", "done"}, a tab and the order, or {"fault", "name", …}. */
static void take_line(struct import *im, const char *line)
{
    const char *order = strchr(line, '\t');
    json_t *answer = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
    const char *name = json_string_value(json_object_get(answer, "name"));
    const char *fault = json_string_value(json_object_get(answer, "fault"));

    if (fault) {
        im->refused += json_is_true(json_object_get(answer, "first"));
        add_fault(im, name ? name : "FHIR", fault);
    } else if (answer && order) {
        add_order(im, name ? name : "FHIR", order + 1);
    } else {
        im->code = tool_fail(im->t, TOOL_CANNOT, "isthmus-fhir said what is not understood");
    }
    progress_draw(&im->progress,
                  im->other_bytes +
                      im->fhir_bytes * json_number_value(json_object_get(answer, "done")));
    json_decref(answer);
}

static _Noreturn void be_reader(const struct import *im, FILE *paths, const int output[2])
{
    const char *const arguments[] = {"isthmus-fhir", "--config", im->t->config_path,
                                     "--read-orders", NULL};

    (void)dup2(fileno(paths), STDIN_FILENO);
    (void)dup2(output[1], STDOUT_FILENO);
    (void)close(output[0]);
    (void)close(output[1]);
    _exit(tool_exec_fhir(im->t, arguments));
}

static void take_lines(struct import *im, FILE *lines)
{
    _cleanup_free_ char *line = NULL;
    size_t room = 0;

    while (im->code == TOOL_FINE && getline(&line, &room, lines) > 0)
        take_line(im, line);
}

static void take_fhir(struct import *im)
{
    int output[2], status = 0;
    pid_t pid;

    if (im->n_fhir == 0 || im->code != TOOL_FINE)
        return;
    if (fflush(im->fhir) != 0 || fseek(im->fhir, 0, SEEK_SET) != 0 || pipe(output) < 0) {
        im->code = tool_fail(im->t, TOOL_CANNOT, "isthmus-fhir cannot be run: %s", strerror(errno));
        return;
    }
    (void)fcntl(output[1], F_SETPIPE_SZ, PIPE_BYTES); /* with less it only waits more */
    pid = fork();
    if (pid == 0)
        be_reader(im, im->fhir, output);
    (void)close(output[1]);
    _cleanup_fclose_ FILE *lines = fdopen(output[0], "r");
    if (pid > 0 && lines)
        take_lines(im, lines);
    if (im->code != TOOL_FINE && pid > 0)
        (void)kill(pid, SIGTERM);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || (im->code == TOOL_FINE && status != 0))
        im->code = tool_fail(im->t, TOOL_CANNOT, "isthmus-fhir did not read the files to the end");
}

/* --- what became of it --- */

/* Who imports FHIR without any order was given the wrong file. */
static void miss_orders(struct import *im, const char *path)
{
    if (im->n_fhir == 0 || im->code != TOOL_FINE ||
        im->created + im->updated + im->unchanged + im->ignored + im->refused > 0)
        return;
    im->refused++;
    add_fault(im, path, "there is no ServiceRequest in it");
}

static int report(struct import *im)
{
    int code = im->code != TOOL_FINE ? im->code : im->refused > 0 ? TOOL_WRONG : TOOL_FINE;

    if (im->t->json) {
        int printed = tool_print_json(
            im->t, json_pack("{s:I, s:I, s:I, s:I, s:I, s:O}", "created", im->created, "updated",
                             im->updated, "unchanged", im->unchanged, "ignored", im->ignored,
                             "refused", im->refused, "faults", im->faults));
        return printed == TOOL_FINE ? code : printed;
    }
    (void)printf("%lld new, %lld changed, %lld unchanged, %lld over already, %lld refused\n",
                 im->created, im->updated, im->unchanged, im->ignored, im->refused);
    return code;
}

static double size_of(const char *path)
{
    struct dirent **entries = NULL;
    struct stat st;
    double bytes = 0;
    int n;

    if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
        return (double)st.st_size;
    n = scandir(path, &entries, is_visible, NULL);
    for (int i = 0; i < n; i++) {
        char name[PATH_MAX];

        (void)snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        if (stat(name, &st) == 0 && S_ISREG(st.st_mode))
            bytes += (double)st.st_size;
        free(entries[i]);
    }
    free((void *)entries);
    return bytes;
}

static void take_path(struct import *im, const char *path)
{
    struct stat st;

    if (strcmp(path, "-") == 0)
        take_stdin(im);
    else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        take_directory(im, path);
    else
        take_file(im, path);
}

int tool_worklist_import(const struct tool *t, const struct worklist_request *q)
{
    struct import im = {.t = t,
                        .options = worklist_options_of(t->conf),
                        .labels = json_array(),
                        .faults = json_array(),
                        .fhir = tmpfile()};
    int code;

    if (!im.fhir || !im.labels || !im.faults)
        return tool_fail(t, TOOL_CANNOT, "no memory, or no temporary file");
    progress_start(&im.progress, "orders", size_of(q->path));
    take_path(&im, q->path);
    take_fhir(&im);
    flush_orders(&im);
    miss_orders(&im, q->path);
    progress_end(&im.progress);
    code = report(&im);
    (void)fclose(im.fhir);
    if (im.orders)
        (void)fclose(im.orders);
    free(im.text);
    json_decref(im.labels);
    json_decref(im.faults);
    return code;
}
