/* Between conf_read.c (libconfuse) and conf.c (the values); nobody else includes this. */
#ifndef ISTHMUS_STORE_BASE_CONF_READ_H
#define ISTHMUS_STORE_BASE_CONF_READ_H

#include "store/base/conf.h"

struct conf_value {
    char **strings; /* ends with NULL; one for everything but CONF_LIST */
    size_t n;       /* 0: not set and without default */
    long long number;
};

/* One section of the file, or the defaults of a section that the file leaves out. */
struct conf_values {
    const struct conf_section *section;
    char *title; /* NULL unless titled */
    struct conf_value *values;
};

struct conf {
    struct conf_values *sections;
    size_t n;
};

size_t conf_option_count(const struct conf_section *section);

/* The sections that may stand in a file and carry a title. */
bool conf_section_is_titled(const char *name);

/* Check @text against @option. NULL when it fits, otherwise the end of a sentence that began
 * with the option's name: malloc'ed "is 99999, allowed is 1 to 65535". */
char *conf_refuse(const struct conf_option *option, const char *text);

#endif
