#include "store/base/cleanup.h"
#include "store/tool.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int tool_exec_fhir(const struct tool *t, const char *const *arguments)
{
    static const char *const places[] = {"isthmus-fhir", "../sbin/isthmus-fhir"};
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    path[n > 0 ? n : 0] = '\0';
    const char *directory = dirname(path);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        _cleanup_free_ char *program = NULL;
        if (asprintf(&program, "%s/%s", directory, places[i]) < 0)
            return tool_fail(t, TOOL_CANNOT, "no memory");
        (void)execv(program, (char *const *)arguments);
    }
    (void)execvp("isthmus-fhir", (char *const *)arguments);
    return tool_fail(t, TOOL_CANNOT, "isthmus-fhir cannot be run: %s", strerror(errno));
}
