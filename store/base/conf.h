/* The configuration file (libconfuse syntax), read once and then constant.
 *
 * Each folder owns the table of its sections: name, type, range, default as text. A program
 * passes the tables it knows; other sections of `conf_section_names` belong to other programs and
 * are skipped. One file is read at a time. An unknown section or option, a wrong type or a value
 * out of range is refused with "file:line: what, what is allowed". */
#ifndef ISTHMUS_STORE_BASE_CONF_H
#define ISTHMUS_STORE_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>

enum conf_type {
    CONF_STRING, /* text; min..max bound its length in bytes when max > 0 */
    CONF_INT,    /* decimal integer in min..max */
    CONF_BOOL,   /* true or false */
    CONF_CHOICE, /* one of choices */
    CONF_LIST,   /* {"a", "b"} of strings; min..max bound each length when max > 0 */
};

struct conf_option {
    const char *name;
    enum conf_type type;
    const char *fallback; /* the default as written in the file: "30", "R5", "true", {"any"};
                             NULL: no default, conf_string() gives NULL */
    long long min, max;
    const char *const *choices; /* CONF_CHOICE, and CONF_LIST unless NULL: NULL-terminated */
    const char *unit;           /* "seconds", "bytes" or NULL */
    const char *help;           /* one sentence */
};

struct conf_section {
    const char *name;
    bool titled;                       /* target "main" { … }: any number of them */
    bool partial;                      /* other options of it are for other programs */
    const struct conf_option *options; /* ends with a NULL name */
};

struct conf;

/* The sections of all programs, NULL-terminated: what is here but not in a program's own
 * tables is skipped by it. */
extern const char *const conf_section_names[];

/* Sections that every program reads: database {…}, store {…}, log {…}. */
extern const struct conf_section conf_database, conf_store, conf_log;

/* Read @path; @sections is NULL-terminated. On success @ret owns everything. On error
 * @ret_message is a malloc'ed sentence for the user (caller frees) and the result is -ENOENT,
 * -EINVAL (content) or another negative errno of open(2). */
int conf_load(const char *path, const struct conf_section *const *sections, struct conf **ret,
              char **ret_message);
struct conf *conf_free(struct conf *c);

/* Values of an untitled section. Unknown names are a programming error (abort). Strings and
 * lists live as long as @c. */
const char *conf_string(const struct conf *c, const char *section, const char *option);
long long conf_int(const struct conf *c, const char *section, const char *option);
bool conf_bool(const struct conf *c, const char *section, const char *option);
size_t conf_list(const struct conf *c, const char *section, const char *option,
                 const char *const **ret_values);

/* Titled sections: how many there are, their titles, and their values by index. */
size_t conf_titled_count(const struct conf *c, const char *section);
const char *conf_title(const struct conf *c, const char *section, size_t index);
const char *conf_titled_string(const struct conf *c, const char *section, size_t index,
                               const char *option);
long long conf_titled_int(const struct conf *c, const char *section, size_t index,
                          const char *option);
bool conf_titled_bool(const struct conf *c, const char *section, size_t index, const char *option);
size_t conf_titled_list(const struct conf *c, const char *section, size_t index, const char *option,
                        const char *const **ret_values);

/* Print the effective value of every option of @sections to standard output ("--check -v"). */
void conf_print(const struct conf *c, const struct conf_section *const *sections);

/* Print @sections as etc/isthmus.conf has them: every option commented out at its default, with
 * its meaning, unit and range ("--options"). */
void conf_print_options(const struct conf_section *const *sections);

#endif
