#include "store/base/conf.h"

#include <stdio.h>

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
        for (const char *const *c = o->choices; *c; c++)
            (void)printf("%s%s", c == o->choices ? "" : ", ", *c);
        break;
    case CONF_STRING:
    case CONF_LIST:
        (void)printf("%s", o->type == CONF_LIST ? "list" : "text");
        if (o->max > 0)
            (void)printf(" of %lld to %lld bytes%s", o->min, o->max,
                         o->type == CONF_LIST ? " each" : "");
        break;
    }
}

static void print_default(const struct conf_option *o)
{
    bool quoted = o->type == CONF_STRING || o->type == CONF_CHOICE;

    if (!o->fallback)
        (void)printf("    # %s = …  (no default)\n", o->name);
    else
        (void)printf("    # %s = %s%s%s\n", o->name, quoted ? "\"" : "", o->fallback,
                     quoted ? "\"" : "");
}

void conf_print_options(const struct conf_section *const *sections)
{
    for (; *sections; sections++) {
        (void)printf("%s%s {\n", (*sections)->name, (*sections)->titled ? " \"name\"" : "");
        for (const struct conf_option *o = (*sections)->options; o->name; o++) {
            (void)printf("    # %s (", o->help);
            print_range(o);
            (void)printf(")\n");
            print_default(o);
        }
        (void)printf("}\n");
    }
}
