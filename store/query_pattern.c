#include "store/query_pattern.h"

#include <stdlib.h>
#include <string.h>

void pattern_done(struct pattern *p)
{
    free(p->text);
    free(p->also);
    *p = (struct pattern){.text = NULL};
}

void pattern_squeeze(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++)
        if (*from != '*' || to == text || to[-1] != '*')
            *to++ = *from;
    *to = '\0';
}

static const char *next_character(const char *p)
{
    do
        p++;
    while ((*p & 0xc0) == 0x80);
    return p;
}

/* When a text does not go on as the pattern, the last '*' takes one character more. */
static bool wild_matches(const char *p, const char *text)
{
    const char *star = NULL, *resume = NULL;

    while (*text) {
        if (*p == '*') {
            star = ++p;
            resume = text;
        } else if (*p == '?') {
            p++;
            text = next_character(text);
        } else if (*p == *text) {
            p++;
            text++;
        } else if (star) {
            p = star;
            text = resume = next_character(resume);
        } else {
            return false;
        }
    }
    return p[strspn(p, "*")] == '\0';
}

bool pattern_matches(const struct pattern *p, const char *text)
{
    if (!p->text)
        return true;
    return (p->wild ? wild_matches(p->text, text) : strcmp(p->text, text) == 0) ||
           (p->also && wild_matches(p->also, text));
}
