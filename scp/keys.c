#include "scp/keys.h"

#include "store/query.h"

#include <stdio.h>

static void print_level(enum query_level level, bool matched)
{
    struct query_attribute a;
    const char *separator = "";

    for (unsigned i = 0; query_attribute(i, &a); i++)
        if (a.level == level && a.returned && a.matched == matched) {
            (void)printf("%s%s", separator, a.keyword);
            separator = ", ";
        }
}

void keys_print(void)
{
    static const char *const names[QUERY_LEVELS] = {"PATIENT", "STUDY",    "SERIES",
                                                    "IMAGE",   "worklist", "worklist, of the step"};

    (void)puts("| level | matched and returned | only returned |");
    (void)puts("|---|---|---|");
    for (int level = QUERY_PATIENT; level < QUERY_LEVELS; level++) {
        (void)printf("| %s | ", names[level]);
        print_level((enum query_level)level, true);
        (void)printf(" | ");
        print_level((enum query_level)level, false);
        (void)puts(" |");
    }
}
