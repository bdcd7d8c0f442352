/* The administrator's tool: what its commands share. Results go to standard output, problems and
 * progress to standard error; progress and alignment only when a person looks. */
#ifndef ISTHMUS_STORE_TOOL_H
#define ISTHMUS_STORE_TOOL_H

#include "store/base/conf.h"
#include "store/blob.h"
#include "store/db.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum tool_exit {
    TOOL_FINE = 0,
    TOOL_WRONG = 1,  /* the command worked and found something wrong */
    TOOL_USAGE = 2,  /* called the wrong way */
    TOOL_CANNOT = 3, /* the database is away, a file cannot be read … */
};

struct tool {
    const struct conf *conf;
    const char *config_path;
    const struct tool_command *command;
    struct db *db;
    bool json; /* --json */
};

struct tool_command {
    const char *name;
    const char *arguments; /* "STUDY [--target NAME]" */
    const char *summary;   /* one line */
    const char *help;      /* the options, a line each */
    int (*run)(struct tool *t, int argc, char **argv);
};

extern const struct tool_command tool_migrate, tool_status, tool_import, tool_reindex, tool_verify,
    tool_publish, tool_conflicts, tool_reconcile, tool_provenance, tool_access, tool_worklist;

/* Say what is wrong on standard error, with the name of the command in front; returns @code. */
int tool_fail(const struct tool *t, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for a call that makes no sense, with a word on --help. Returns TOOL_USAGE. */
int tool_usage(const struct tool *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Query for a command: TOOL_FINE, or TOOL_CANNOT after saying why. */
int tool_query(const struct tool *t, const char *sql, int n, const char *const *values,
               PGresult **ret);
/* The schema is the one this program knows: TOOL_FINE, or TOOL_CANNOT after saying why. */
int tool_check_schema(const struct tool *t);
/* Become isthmus-fhir, which stands beside us, with @arguments (NULL-terminated, its name first).
 * Returns only on failure, after saying why. */
int tool_exec_fhir(const struct tool *t, const char *const *arguments);
int tool_open_store(const struct tool *t, struct store **ret);
/* Only for the user that the store belongs to: what others make in it the listener could not use.
 */
int tool_open_store_for_writing(const struct tool *t, struct store **ret);
/* Who decides: the user of the operating system, and who became this one by sudo. */
void tool_user(char *buffer, size_t size);
/* The number that an option has, when it is within @min and @max. */
bool tool_number(const char *text, double min, double max, double *ret);

/* The study that a person names by Study Instance UID or accession number. TOOL_FINE, TOOL_USAGE
 * (several have the accession number), TOOL_WRONG (none), TOOL_CANNOT; says why. */
int tool_find_study(const struct tool *t, const char *name, long long *ret_key);

/* Print @value as one JSON text and free it; NULL counts as no memory. */
int tool_print_json(const struct tool *t, json_t *value);
/* Rows as a table with the names of the columns, or with --json as an array of objects. */
int tool_print_rows(const struct tool *t, const PGresult *rows);
json_t *tool_rows_to_json(const PGresult *rows);

/* "1.5 GiB" */
#define TOOL_SIZE_MAX 16
void tool_size(double bytes, char buffer[TOOL_SIZE_MAX]);

/* A bar on standard error with the time that is left, drawn a few times a second; nothing at all
 * when standard error is not a terminal. */
struct progress {
    const char *what;
    const char *unit; /* NULL: bytes */
    double total, done;
    double started_s, drawn_s;
    bool visible;
};
void progress_start(struct progress *p, const char *what, double total);
void progress_draw(struct progress *p, double done);
void progress_end(struct progress *p); /* wipes it */
double tool_clock_s(void);

#endif
