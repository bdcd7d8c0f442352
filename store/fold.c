#include "store/fold.h"
#include "store/base/cleanup.h"

#include <stdbool.h>
#include <string.h>
#include <utf8proc.h>

/* Most text is ASCII, of which only the letters change. */
static bool is_ascii(const char *text)
{
    while (*text && !(*text & 0x80))
        text++;
    return *text == '\0';
}

static char *fold_ascii(const char *text)
{
    char *folded = strdup(text);

    for (char *p = folded; p && *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return folded;
}

/* Composed again at the end: a wildcard '?' stands for one character of Korean text, not for a
 * third of it. */
static char *fold(const char *utf8)
{
    utf8proc_uint8_t *folded = NULL;

    if (is_ascii(utf8))
        return fold_ascii(utf8);
    if (utf8proc_map((const utf8proc_uint8_t *)utf8, 0, &folded,
                     UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE |
                         UTF8PROC_IGNORE | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK) < 0)
        return NULL;
    return (char *)folded;
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* Squeeze runs of spaces, and drop those that stand beside one of @delimiters or at an end. */
static void squeeze(char *text, const char *delimiters)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        if (*from != ' ') {
            *to++ = *from;
            continue;
        }
        if (to > text && to[-1] != ' ' && !is_one_of(to[-1], delimiters) && from[1] != ' ' &&
            from[1] != '\0' && !is_one_of(from[1], delimiters))
            *to++ = ' ';
    }
    *to = '\0';
}

char *fold_text(const char *utf8)
{
    char *folded = fold(utf8);

    if (folded)
        squeeze(folded, "");
    return folded;
}

/* "doe^john^^=^" to "doe^john": a ^ goes when its group ends after it, a = when the name does. */
static void drop_empty_ends(char *name)
{
    char *to = name;

    for (const char *from = name;; from++) {
        if (*from == '=' || *from == '\0')
            while (to > name && to[-1] == '^')
                to--;
        if (*from == '\0')
            break;
        *to++ = *from;
    }
    while (to > name && to[-1] == '=')
        to--;
    *to = '\0';
}

char *fold_name(const char *utf8)
{
    char *folded = fold(utf8);

    if (folded) {
        squeeze(folded, "^=");
        drop_empty_ends(folded);
    }
    return folded;
}
