#include "store/query_name.h"
#include "store/base/cleanup.h"
#include "store/fold.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS 3
#define NAME_BYTES_MAX 2048

static const char *const group_names[GROUPS] = {"Alphabetic", "Ideographic", "Phonetic"};

/* The text of a name with its '='; NULL: not a name, or no memory. */
static char *name_join(const json_t *value)
{
    const char *text[GROUPS];
    char *joined;

    if (json_is_string(value))
        return strdup(json_string_value(value));
    for (size_t i = 0; i < GROUPS; i++) {
        text[i] = json_string_value(json_object_get(value, group_names[i]));
        if (!text[i])
            text[i] = "";
    }
    if (!json_is_object(value) || asprintf(&joined, "%s=%s=%s", text[0], text[1], text[2]) < 0)
        return NULL;
    return joined;
}

char *name_fold(const json_t *value)
{
    _cleanup_free_ char *joined = name_join(value);

    return joined ? fold_name(joined) : NULL;
}

/* --- Keys ---------------------------------------------------------------------------------- */

/* How long @pattern is without components at its end that may be missing: "^*", and "^" before
 * them. */
static size_t length_without_end(const char *pattern)
{
    size_t n = strlen(pattern);

    if (n < 2 || pattern[n - 1] != '*' || pattern[n - 2] != '^')
        return n;
    while (n > 0 &&
           (pattern[n - 1] == '^' || (n > 1 && pattern[n - 1] == '*' && pattern[n - 2] == '^')))
        n--;
    return n;
}

/* Of @n characters, then an end like "^*" or "^^*". The first says "here or further on", the second
 * "here, or further on behind an empty component". */
static int end_pattern(const char *pattern, size_t n, struct pattern *ret)
{
    size_t carets = strspn(pattern + n, "^");
    bool closed = pattern[n - 1] == '*' || carets != 1;
    int r = asprintf(&ret->text, closed ? "%.*s^" : "%.*s^*", (int)n, pattern);

    if (r < 0)
        ret->text = NULL;
    else if (carets > 1 && pattern[n - 1] != '*')
        r = asprintf(&ret->also, "%.*s*", (int)(n + carets), pattern);
    return r < 0 ? -ENOMEM : 0;
}

/* The pattern of one group of a folded name; without text where it asks for nothing. */
static int take_group(const char *group, size_t n, struct pattern *ret)
{
    _cleanup_free_ char *pattern = strndup(group, n);
    int r;

    if (!pattern)
        return -ENOMEM;
    pattern_squeeze(pattern);
    n = length_without_end(pattern);
    if (n == 0 || strcmp(pattern, "*") == 0 || (n == 1 && *pattern == '*'))
        return 0;
    r = end_pattern(pattern, n, ret);
    ret->wild = r == 0 && strpbrk(ret->text, "*?") != NULL;
    return r;
}

static int take_groups(const char *folded, struct key_value *ret)
{
    const char *p = folded;
    int r = 0;

    for (size_t i = 0; r == 0 && i < GROUPS; i++) {
        size_t n = strcspn(p, "=");

        r = take_group(p, n, &ret->group[i]);
        p += n + (p[n] == '=');
    }
    ret->any_group = strchr(folded, '=') == NULL;
    return r;
}

/* Behind a space, whatever came before: names are compared with their words so divided. */
static int add_word(struct key_value *v, const char *word, size_t n)
{
    struct pattern *grown = reallocarray(v->words, v->n_words + 1, sizeof *grown);
    char *text;

    if (!grown)
        return -ENOMEM;
    v->words = grown;
    if (asprintf(&text, "* %.*s*", (int)n, word) < 0)
        return -ENOMEM;
    pattern_squeeze(text);
    v->words[v->n_words++] = (struct pattern){.text = text, .wild = true};
    return 0;
}

/* Words that say nothing are left out. */
static int take_words(const char *folded, struct key_value *ret)
{
    int r = 0;

    for (const char *p = folded; r == 0 && *p;) {
        size_t n = strcspn(p, NAME_WORD_ENDS);

        if (strspn(p, "*") < n)
            r = add_word(ret, p, n);
        p += n + (p[n] != '\0');
    }
    return r;
}

int name_take(const json_t *value, bool fuzzy, struct key_value *ret)
{
    _cleanup_free_ char *joined = name_join(value), *folded = NULL;

    if (!joined || strlen(joined) > NAME_BYTES_MAX)
        return -EBADMSG;
    folded = fold_name(joined);
    if (!folded)
        return -EBADMSG;
    return fuzzy ? take_words(folded, ret) : take_groups(folded, ret);
}

/* --- Matching ------------------------------------------------------------------------------ */

static bool group_matches(const struct pattern *p, const char *group, size_t n)
{
    _cleanup_free_ char *ended = NULL;

    if (!p->text || n == 0)
        return !p->text;
    if (asprintf(&ended, "%.*s^", (int)n, group) < 0) {
        ended = NULL;
        return false;
    }
    return pattern_matches(p, ended);
}

static bool groups_match(const struct key_value *key, const char *folded)
{
    bool all = true;

    for (size_t i = 0; i < GROUPS; i++) {
        size_t n = strcspn(folded, "=");

        if (key->any_group && group_matches(&key->group[0], folded, n))
            return true;
        all = all && group_matches(&key->group[i], folded, n);
        folded += n + (folded[n] == '=');
    }
    return all && !key->any_group;
}

static bool words_match(const struct key_value *key, const char *folded)
{
    _cleanup_free_ char *spaced = NULL;

    if (asprintf(&spaced, " %s", folded) < 0) {
        spaced = NULL;
        return false;
    }
    for (char *p = spaced; *p; p++)
        if (strchr(NAME_WORD_ENDS, *p))
            *p = ' ';
    for (size_t i = 0; i < key->n_words; i++)
        if (!pattern_matches(&key->words[i], spaced))
            return false;
    return true;
}

bool name_matches(const struct key_value *key, const char *folded)
{
    return key->n_words > 0 ? words_match(key, folded) : groups_match(key, folded);
}
