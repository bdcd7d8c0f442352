#include "store/array_text.h"

#include <stdlib.h>

bool array_begin(struct array_text *a)
{
    *a = (struct array_text){.n = 0};
    a->out = open_memstream(&a->text, &a->n_bytes);
    return a->out && fputc('{', a->out) != EOF;
}

void array_put(struct array_text *a, const char *value)
{
    (void)fputs(a->n++ > 0 ? ",\"" : "\"", a->out);
    for (const char *p = value; *p; p++)
        (void)fprintf(a->out, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
    (void)fputc('"', a->out);
}

char *array_end(struct array_text *a)
{
    (void)fputc('}', a->out);
    if (fclose(a->out) == 0)
        return a->text;
    free(a->text);
    return NULL;
}
