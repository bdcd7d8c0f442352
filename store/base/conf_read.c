#include "store/base/conf_read.h"
#include "store/base/cleanup.h"
#include "store/base/conf_text.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX_BYTES ((size_t)1024 * 1024)
#define DYM_DISTANCE 2 /* "did you mean": edits that still count as a slip */

/* libconfuse passes no user pointer to its callbacks; one file is read at a time. */
static struct {
    const char *path;
    const struct conf_section *const *sections;
    char *message; /* the first problem */
} reading;

__attribute__((format(printf, 2, 3))) static void refuse(int line, const char *format, ...)
{
    _cleanup_free_ char *what = NULL;
    va_list ap;

    if (reading.message)
        return;
    va_start(ap, format);
    if (vasprintf(&what, format, ap) < 0)
        what = NULL;
    va_end(ap);
    if (asprintf(&reading.message, "%s:%d: %s", reading.path, line, what ? what : "") < 0)
        reading.message = NULL;
}

static size_t edit_distance(const char *a, const char *b)
{
    size_t row[64], n = strlen(b);

    if (strlen(a) > 60 || n > 60)
        return 60;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            if (best > row[j] + 1)
                best = row[j] + 1;
            if (best > row[j - 1] + 1)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[n];
}

/* The name that @seen was probably meant to be, or NULL. */
static const char *nearest(const char *seen, const char *best, const char *candidate)
{
    size_t distance = edit_distance(seen, candidate);

    if (distance > DYM_DISTANCE || distance >= strlen(candidate))
        return best;
    return best && edit_distance(seen, best) <= distance ? best : candidate;
}

static const struct conf_section *own_section(const char *name)
{
    for (const struct conf_section *const *s = reading.sections; *s; s++)
        if (strcmp((*s)->name, name) == 0)
            return *s;
    return NULL;
}

static void refuse_unknown(const cfg_t *cfg, const char *seen)
{
    const struct conf_section *section = own_section(cfg->name);
    const char *meant = NULL;

    if (section)
        for (const struct conf_option *o = section->options; o->name; o++)
            meant = nearest(seen, meant, o->name);
    else
        for (const char *const *name = conf_section_names; *name; name++)
            meant = nearest(seen, meant, *name);
    refuse(cfg->line, "unknown %s \"%s\"%s%s%s%s%s", section ? "option" : "section", seen,
           section ? " in " : "", section ? section->name : "", meant ? ", did you mean \"" : "",
           meant ? meant : "", meant ? "\"?" : "");
}

/* libconfuse has a problem: translate the one sentence that names an unknown option. */
static void on_error(cfg_t *cfg, const char *format, va_list ap)
{
    static const char unknown[] = "no such option '";
    _cleanup_free_ char *text = NULL;

    if (vasprintf(&text, format, ap) < 0) {
        text = NULL;
        return;
    }
    if (strncmp(text, unknown, sizeof unknown - 1) == 0) {
        text[strlen(text) - 1] = '\0';
        refuse_unknown(cfg, text + sizeof unknown - 1);
    } else {
        refuse(cfg->line, "%s", text);
    }
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
    const struct conf_section *section = own_section(cfg->name);
    _cleanup_free_ char *problem = NULL;
    unsigned n = cfg_opt_size(opt);

    if (!section || n == 0)
        return 0;
    for (const struct conf_option *o = section->options; o->name; o++)
        if (strcmp(o->name, opt->name) == 0)
            problem = conf_refuse(o, cfg_opt_getnstr(opt, n - 1));
    if (!problem)
        return 0;
    refuse(cfg->line, "%s.%s %s", section->name, opt->name, problem);
    return -1;
}

/* Everything is text for libconfuse, so that a refusal can quote what was written. */
static cfg_opt_t *options_of(const struct conf_section *section)
{
    size_t n = section ? conf_option_count(section) : 0;
    cfg_opt_t *options = calloc(n + 1, sizeof *options);

    if (!options)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const struct conf_option *o = &section->options[i];
        int flags = o->fallback ? CFGF_NONE : CFGF_NODEFAULT;
        cfg_opt_t list = CFG_STR_LIST(o->name, (char *)o->fallback, flags);
        cfg_opt_t scalar = CFG_STR(o->name, o->fallback, flags);

        options[i] = o->type == CONF_LIST ? list : scalar;
        options[i].validcb = on_value;
    }
    options[n] = (cfg_opt_t)CFG_END();
    return options;
}

static void free_root(cfg_opt_t *root)
{
    for (size_t i = 0; root && root[i].name; i++)
        free(root[i].subopts);
    free(root);
}

static cfg_opt_t section_option(const char *name, const struct conf_section *own, cfg_opt_t *sub)
{
    cfg_flag_t titled = CFGF_TITLE | CFGF_MULTI | CFGF_NO_TITLE_DUPES;
    cfg_opt_t mine = CFG_SEC(name, sub, own && own->titled ? titled : CFGF_NONE);
    /* Not MULTI: made by cfg_init(), where skip_foreign() can reach it. */
    cfg_opt_t foreign = CFG_SEC(name, sub, conf_section_is_titled(name) ? CFGF_TITLE : CFGF_NONE);

    return own ? mine : foreign;
}

static cfg_opt_t *root_options(void)
{
    size_t n = 0;
    cfg_opt_t *root;

    while (conf_section_names[n])
        n++;
    root = calloc(n + 1, sizeof *root);
    for (size_t i = 0; root && i < n; i++) {
        const struct conf_section *own = own_section(conf_section_names[i]);
        cfg_opt_t *sub = options_of(own);

        if (!sub) {
            free_root(root);
            return NULL;
        }
        root[i] = section_option(conf_section_names[i], own, sub);
    }
    return root;
}

/* A section inherits the flags of the root, so those of other programs get theirs here. */
static void skip_foreign(cfg_t *cfg)
{
    for (const char *const *name = conf_section_names; *name; name++) {
        const struct conf_section *own = own_section(*name);

        if (!own || own->partial)
            cfg_getsec(cfg, *name)->flags |= CFGF_IGNORE_UNKNOWN;
    }
}

static int read_text(const char *path, char **ret)
{
    _cleanup_fclose_ FILE *f = fopen(path, "re");
    _cleanup_free_ char *text = NULL;
    struct stat st;
    size_t n;

    if (!f)
        return -errno;
    if (fstat(fileno(f), &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    text = malloc(FILE_MAX_BYTES + 1);
    if (!text)
        return -ENOMEM;
    n = fread(text, 1, FILE_MAX_BYTES + 1, f);
    if (ferror(f))
        return -EIO;
    if (n > FILE_MAX_BYTES)
        return -EFBIG;
    text[n] = '\0';
    if (strlen(text) != n) {
        refuse(1, "this is not a text file");
        return -EINVAL;
    }
    *ret = TAKE_PTR(text);
    return 0;
}

static int copy_value(const struct conf_option *option, cfg_opt_t *from, struct conf_value *to)
{
    unsigned n = cfg_opt_size(from);

    to->strings = calloc(n + 1, sizeof *to->strings);
    if (!to->strings)
        return -ENOMEM;
    for (unsigned i = 0; i < n; i++) {
        const char *text = cfg_opt_getnstr(from, i);

        to->strings[i] = strdup(text);
        if (!to->strings[i])
            return -ENOMEM;
        to->n++;
        if (option->type == CONF_INT)
            to->number = strtoll(text, NULL, 10);
        else if (option->type == CONF_BOOL)
            to->number = strcmp(text, "true") == 0;
    }
    return 0;
}

static int copy_section(const struct conf_section *section, cfg_t *from, struct conf *c)
{
    struct conf_values *grown = reallocarray(c->sections, c->n + 1, sizeof *c->sections);
    struct conf_values *to;

    if (!grown)
        return -ENOMEM;
    c->sections = grown;
    to = &c->sections[c->n++];
    *to = (struct conf_values){.section = section};
    to->values = calloc(conf_option_count(section) + 1, sizeof *to->values);
    if (section->titled)
        to->title = strdup(cfg_title(from));
    if (!to->values || (section->titled && !to->title))
        return -ENOMEM;
    for (size_t o = 0; section->options[o].name; o++) {
        int r = copy_value(&section->options[o], cfg_getopt(from, section->options[o].name),
                           &to->values[o]);

        if (r < 0)
            return r;
    }
    return 0;
}

static int copy_all(cfg_t *cfg, struct conf **ret)
{
    struct conf *c = calloc(1, sizeof *c);
    int r = c ? 0 : -ENOMEM;

    for (const struct conf_section *const *s = reading.sections; r == 0 && *s; s++)
        for (unsigned i = 0; r == 0 && i < cfg_size(cfg, (*s)->name); i++)
            r = copy_section(*s, cfg_getnsec(cfg, (*s)->name, i), c);
    if (r == 0)
        *ret = c;
    else
        conf_free(c);
    return r;
}

static int parse(char *text, struct conf **ret)
{
    cfg_opt_t *root = root_options();
    cfg_t *cfg = root ? cfg_init(root, CFGF_NONE) : NULL;
    int line = 0, r = -ENOMEM;
    const char *problem;

    if (cfg) {
        cfg_set_error_function(cfg, on_error);
        skip_foreign(cfg);
        problem = conf_text_prepare(text, &line);
        if (problem)
            refuse(line, "%s", problem);
        r = problem || cfg_parse_buf(cfg, text) != CFG_SUCCESS ? -EINVAL : copy_all(cfg, ret);
        cfg_free(cfg);
    }
    free_root(root);
    return r;
}

int conf_load(const char *path, const struct conf_section *const *sections, struct conf **ret,
              char **ret_message)
{
    _cleanup_free_ char *text = NULL;
    int r;

    reading.path = path;
    reading.sections = sections;
    reading.message = NULL;
    r = read_text(path, &text);
    if (r == 0)
        r = parse(text, ret);
    if (r < 0 && !reading.message &&
        asprintf(&reading.message, "%s: %s", path, strerrordesc_np(-r)) < 0)
        reading.message = NULL;
    *ret_message = TAKE_PTR(reading.message);
    return r;
}
