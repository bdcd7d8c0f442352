#include "store/base/conf_read.h"
#include "store/base/cleanup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define END_OF_OPTIONS                                                                             \
    {                                                                                              \
        NULL, CONF_STRING, NULL, 0, 0, NULL, NULL, NULL                                            \
    }

const char *const conf_section_names[] = {"database", "store",         "log",    "scp",    "fhir",
                                          "worklist", "station_group", "orders", "target", "ae",
                                          NULL};
static const char *const titled_names[] = {"station_group", "target", "ae", NULL};
static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};

static const struct conf_option database_options[] = {
    {"conninfo", CONF_STRING, "dbname=isthmus", 1, 4096, NULL, NULL,
     "How to connect to PostgreSQL: libpq keywords or a postgresql:// URI."},
    {"connect_timeout", CONF_INT, "5", 1, 300, NULL, "seconds",
     "How long to wait for a connection to one host of conninfo."},
    {"statement_timeout", CONF_INT, "60", 0, 3600, NULL, "seconds",
     "How long one statement may run; 0 is for ever."},
    END_OF_OPTIONS,
};

static const struct conf_option store_options[] = {
    {"root", CONF_STRING, "/var/lib/isthmus/store", 1, PATH_MAX / 2, NULL, NULL,
     "The directory that holds the received files."},
    {"reserve_mib", CONF_INT, "1024", 0, 1LL << 40, NULL, "MiB",
     "Free space that is never used: when less is left, images are refused for now."},
    END_OF_OPTIONS,
};

static const struct conf_option log_options[] = {
    {"level", CONF_CHOICE, "info", 0, 0, log_levels, NULL,
     "The least important lines that are written."},
    END_OF_OPTIONS,
};

const struct conf_section conf_database = {.name = "database", .options = database_options};
const struct conf_section conf_store = {.name = "store", .options = store_options};
const struct conf_section conf_log = {.name = "log", .options = log_options};

size_t conf_option_count(const struct conf_section *section)
{
    size_t n = 0;

    while (section->options[n].name)
        n++;
    return n;
}

bool conf_section_is_titled(const char *name)
{
    for (const char *const *titled = titled_names; *titled; titled++)
        if (strcmp(*titled, name) == 0)
            return true;
    return false;
}

struct conf *conf_free(struct conf *c)
{
    if (!c)
        return NULL;
    for (size_t s = 0; s < c->n; s++) {
        struct conf_values *values = &c->sections[s];

        for (size_t o = 0; values->values && values->section->options[o].name; o++) {
            for (size_t i = 0; i < values->values[o].n; i++)
                free(values->values[o].strings[i]);
            free(values->values[o].strings);
        }
        free(values->values);
        free(values->title);
    }
    free(c->sections);
    free(c);
    return NULL;
}

static const struct conf_values *find_section(const struct conf *c, const char *section,
                                              size_t index)
{
    for (size_t s = 0; s < c->n; s++)
        if (strcmp(c->sections[s].section->name, section) == 0 && index-- == 0)
            return &c->sections[s];
    (void)fprintf(stderr, "no section %s in the configuration tables\n", section);
    abort();
}

static const struct conf_value *find_value(const struct conf *c, const char *section, size_t index,
                                           const char *option)
{
    const struct conf_values *values = find_section(c, section, index);

    for (size_t o = 0; values->section->options[o].name; o++)
        if (strcmp(values->section->options[o].name, option) == 0)
            return &values->values[o];
    (void)fprintf(stderr, "no option %s.%s in the configuration tables\n", section, option);
    abort();
}

size_t conf_titled_count(const struct conf *c, const char *section)
{
    size_t count = 0;

    for (size_t s = 0; s < c->n; s++)
        count += strcmp(c->sections[s].section->name, section) == 0;
    return count;
}

const char *conf_title(const struct conf *c, const char *section, size_t index)
{
    return find_section(c, section, index)->title;
}

const char *conf_titled_string(const struct conf *c, const char *section, size_t index,
                               const char *option)
{
    const struct conf_value *value = find_value(c, section, index, option);

    return value->n > 0 ? value->strings[0] : NULL;
}

long long conf_titled_int(const struct conf *c, const char *section, size_t index,
                          const char *option)
{
    return find_value(c, section, index, option)->number;
}

bool conf_titled_bool(const struct conf *c, const char *section, size_t index, const char *option)
{
    return find_value(c, section, index, option)->number != 0;
}

size_t conf_titled_list(const struct conf *c, const char *section, size_t index, const char *option,
                        const char *const **ret_values)
{
    const struct conf_value *value = find_value(c, section, index, option);

    *ret_values = (const char *const *)value->strings;
    return value->n;
}

const char *conf_string(const struct conf *c, const char *section, const char *option)
{
    return conf_titled_string(c, section, 0, option);
}

long long conf_int(const struct conf *c, const char *section, const char *option)
{
    return conf_titled_int(c, section, 0, option);
}

bool conf_bool(const struct conf *c, const char *section, const char *option)
{
    return conf_titled_bool(c, section, 0, option);
}

size_t conf_list(const struct conf *c, const char *section, const char *option,
                 const char *const **ret_values)
{
    return conf_titled_list(c, section, 0, option, ret_values);
}

static void print_quoted(const char *text)
{
    (void)putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            (void)putchar('\\');
        (void)putchar(*text);
    }
    (void)putchar('"');
}

static void print_value(const struct conf_option *option, const struct conf_value *value)
{
    if (value->n == 0 && option->type != CONF_LIST) {
        (void)printf("    # %s is not set\n", option->name);
        return;
    }
    (void)printf("    %s = %s", option->name, option->type == CONF_LIST ? "{" : "");
    for (size_t i = 0; i < value->n; i++) {
        (void)fputs(i > 0 ? ", " : "", stdout);
        if (option->type == CONF_STRING || option->type == CONF_LIST)
            print_quoted(value->strings[i]);
        else
            (void)fputs(value->strings[i], stdout);
    }
    (void)puts(option->type == CONF_LIST ? "}" : "");
}

void conf_print(const struct conf *c, const struct conf_section *const *sections)
{
    for (; *sections; sections++) {
        for (size_t s = 0; s < c->n; s++) {
            const struct conf_values *values = &c->sections[s];

            if (strcmp(values->section->name, (*sections)->name) != 0)
                continue;
            (void)printf("%s ", values->section->name);
            if (values->title)
                print_quoted(values->title);
            (void)puts(values->title ? " {" : "{");
            for (size_t o = 0; values->section->options[o].name; o++)
                print_value(&values->section->options[o], &values->values[o]);
            (void)puts("}");
        }
    }
}
