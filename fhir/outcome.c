#include "fhir/outcome.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "store/base/cleanup.h"

#include <string.h>

#define CODES_MAX 200
#define WORDS_MAX 8000

/* Codes of the value set issue-type are lower case words; what is none is not repeated. */
static bool is_code(const char *text)
{
    return text && *text && strspn(text, "abcdefghijklmnopqrstuvwxyz-") == strlen(text) &&
           strlen(text) < 40;
}

static bool is_one_of(const char *code, const char *const *codes)
{
    for (; code && *codes; codes++)
        if (strcmp(code, *codes) == 0)
            return true;
    return false;
}

static bool is_error(const json_t *issue)
{
    const char *severity = node_get_text(issue, "severity");

    return severity && (strcmp(severity, "error") == 0 || strcmp(severity, "fatal") == 0);
}

/* "error invalid at ImagingStudy.subject: words" */
static void write_issue(FILE *f, const json_t *issue)
{
    const char *severity = node_get_text(issue, "severity");
    const char *code = node_get_text(issue, "code");
    const char *where = json_string_value(json_array_get(json_object_get(issue, "expression"), 0));
    const char *text = node_get_text(json_object_get(issue, "details"), "text");
    const char *diagnostics = node_get_text(issue, "diagnostics");

    (void)fprintf(f, "%s%s %s%s%s", ftell(f) > 0 ? "\n" : "", severity ? severity : "issue",
                  code ? code : "", where ? " at " : "", where ? where : "");
    if (diagnostics)
        (void)fprintf(f, ": %s", diagnostics);
    if (text && (!diagnostics || strcmp(text, diagnostics) != 0))
        (void)fprintf(f, ": %s", text);
}

/* Cut at @max bytes, not inside a character. */
static char *cut(char *text, size_t max)
{
    if (strlen(text) > max) {
        while (max > 0 && ((unsigned char)text[max] & 0xC0) == 0x80)
            max--;
        text[max] = '\0';
    }
    return text;
}

static void add_code(struct outcome *o, const char *code)
{
    char *longer;

    if (!is_code(code) || (o->codes && (strlen(o->codes) > CODES_MAX || strstr(o->codes, code))))
        return;
    longer = memory_print("%s%s%s", o->codes ? o->codes : "", o->codes ? ", " : "", code);
    free(o->codes);
    o->codes = longer;
}

void outcome_read(const json_t *resource, struct outcome *ret)
{
    static const char *const passing[] = {"transient", "lock-error", "no-store",  "exception",
                                          "timeout",   "incomplete", "throttled", NULL};
    static const char *const several[] = {"multiple-matches", "duplicate", NULL};
    const char *type = node_get_text(resource, "resourceType");
    const json_t *issue;
    size_t i, errors = 0, n_bytes;
    FILE *f;

    *ret = (struct outcome){.temporary = true};
    if (!type || strcmp(type, "OperationOutcome") != 0) {
        ret->temporary = false;
        return;
    }
    f = open_memstream(&ret->words, &n_bytes);
    if (!f)
        abort();
    json_array_foreach (json_object_get(resource, "issue"), i, issue) {
        const char *code = node_get_text(issue, "code");

        write_issue(f, issue);
        add_code(ret, code);
        if (is_error(issue)) {
            errors++;
            ret->temporary &= is_one_of(code, passing);
        }
        ret->multiple |= is_one_of(code, several);
    }
    (void)fclose(f);
    (void)cut(ret->words, WORDS_MAX);
    ret->errors = errors > 0;
    ret->temporary &= errors > 0;
}

void outcome_done(struct outcome *o)
{
    free(o->codes);
    free(o->words);
    *o = (struct outcome){0};
}
