#include "store/base/conf.h"

#include <stdio.h>

static void print_choices(const struct conf_option *o)
{
    for (const char *const *c = o->choices; *c; c++)
        (void)printf("%s%s", c == o->choices ? "" : ", ", *c);
}

static void print_range(const struct conf_option *o)
{
    switch (o->type) {
    case CONF_INT:
        (void)printf("%s%s%lld to %lld", o->unit ? o->unit : "", o->unit ? ", " : "", o->min,
                     o->max);
        break;
    case CONF_BOOL:
        (void)printf("true or false");
        break;
    case CONF_CHOICE:
        print_choices(o);
        break;
    case CONF_STRING:
    case CONF_LIST:
        (void)printf("%s", o->type == CONF_LIST ? "list" : "text");
        if (o->choices) {
            (void)printf(" of ");
            print_choices(o);
        }
        if (o->max > 0)
            (void)printf(" of %s%lld to %lld bytes", o->type == CONF_LIST ? "texts of " : "",
                         o->min, o->max);
        break;
    }
}

static void print_option(const struct conf_option *o)
{
    bool quoted = o->type == CONF_STRING || o->type == CONF_CHOICE;

    (void)printf("    # %s [", o->help);
    print_range(o);
    (void)printf("%s]\n    #%s = ", o->fallback ? "" : "; no default", o->name);
    (void)printf(quoted ? "\"%s\"\n" : "%s\n", o->fallback ? o->fallback : "");
}

void conf_print_options(const struct conf_section *const *sections)
{
    for (; *sections; sections++) {
        const char *comment = (*sections)->titled ? "#" : "";

        (void)printf("%s%s%s {\n", comment, (*sections)->name,
                     (*sections)->titled ? " \"name\"" : "");
        for (const struct conf_option *o = (*sections)->options; o->name; o++)
            print_option(o);
        (void)printf("%s}\n\n", comment);
    }
}
