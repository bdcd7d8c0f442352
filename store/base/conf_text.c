/* What libconfuse 3.3 leaves to its caller: it miscounts lines after comments, refuses a comment
 * inside a list, and takes a missing closing brace or quote for the end of the file. So comments
 * are blanked out and brackets are paired before it sees the text. */
#include "store/base/conf_text.h"

#include <stdbool.h>
#include <string.h>

struct scan {
    char *at;
    int line;
    int brace_line[8]; /* where the open braces are */
    int depth;
};

static bool starts(const struct scan *s, const char *what)
{
    return strncmp(s->at, what, strlen(what)) == 0;
}

static void advance(struct scan *s)
{
    s->line += *s->at == '\n';
    s->at++;
}

static void blank(struct scan *s)
{
    bool newline = *s->at == '\n';

    if (!newline)
        *s->at = ' ';
    advance(s);
}

static void blank_line_comment(struct scan *s)
{
    while (*s->at && *s->at != '\n')
        blank(s);
}

static const char *blank_block_comment(struct scan *s, int *ret_line)
{
    int first_line = s->line;

    while (*s->at && !starts(s, "*/"))
        blank(s);
    if (!*s->at) {
        *ret_line = first_line;
        return "comment without end";
    }
    blank(s);
    blank(s);
    return NULL;
}

static const char *skip_string(struct scan *s, int *ret_line)
{
    char quote = *s->at;
    int first_line = s->line;

    for (advance(s); *s->at && *s->at != quote; advance(s))
        if (*s->at == '\\' && s->at[1])
            advance(s);
    if (!*s->at) {
        *ret_line = first_line;
        return "text without closing quote";
    }
    advance(s);
    return NULL;
}

static const char *pair_brace(struct scan *s, int *ret_line)
{
    *ret_line = s->line;
    if (*s->at == '}' && s->depth-- == 0)
        return "\"}\" without \"{\"";
    if (*s->at == '{') {
        if (s->depth == sizeof s->brace_line / sizeof *s->brace_line)
            return "braces nested too deeply";
        s->brace_line[s->depth++] = s->line;
    }
    advance(s);
    return NULL;
}

static const char *scan_one(struct scan *s, int *ret_line)
{
    if (*s->at == '#' || starts(s, "//"))
        blank_line_comment(s);
    else if (starts(s, "/*"))
        return blank_block_comment(s, ret_line);
    else if (*s->at == '"' || *s->at == '\'')
        return skip_string(s, ret_line);
    else if (*s->at == '{' || *s->at == '}')
        return pair_brace(s, ret_line);
    else
        advance(s);
    return NULL;
}

const char *conf_text_prepare(char *text, int *ret_line)
{
    struct scan s = {.at = text, .line = 1};

    while (*s.at) {
        const char *problem = scan_one(&s, ret_line);

        if (problem)
            return problem;
    }
    if (s.depth > 0) {
        *ret_line = s.brace_line[s.depth - 1];
        return "\"{\" without \"}\"";
    }
    return NULL;
}
