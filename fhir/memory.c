#include "fhir/memory.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *memory_new(size_t n_bytes)
{
    void *p = malloc(n_bytes ? n_bytes : 1);

    if (!p)
        abort();
    return p;
}

void *memory_resize(void *old, size_t n_bytes)
{
    void *p = realloc(old, n_bytes ? n_bytes : 1);

    if (!p)
        abort();
    return p;
}

char *memory_text(const char *text, size_t n_bytes)
{
    size_t n = strnlen(text, n_bytes);
    char *copy = memory_new(n + 1);

    memcpy(copy, text, n);
    copy[n] = '\0';
    return copy;
}

char *memory_print(const char *format, ...)
{
    char *text = NULL;
    va_list ap;
    int n;

    va_start(ap, format);
    n = vasprintf(&text, format, ap);
    va_end(ap);
    if (n < 0)
        abort();
    return text;
}

void memory_begin(void)
{
    json_set_alloc_funcs(memory_new, free);
}
