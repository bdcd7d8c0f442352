#include "store/base/conf_read.h"
#include "store/base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 200 /* of a refused value */

static bool number_fits(const struct conf_option *option, const char *text)
{
    char *end;
    long long n;

    if (strspn(text, "+-0123456789") != strlen(text))
        return false;
    errno = 0;
    n = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && n >= option->min && n <= option->max;
}

static bool choice_fits(const struct conf_option *option, const char *text)
{
    for (const char *const *choice = option->choices; *choice; choice++)
        if (strcmp(*choice, text) == 0)
            return true;
    return false;
}

/* "error, warning, info or debug" */
static char *list_choices(const struct conf_option *option)
{
    char *text = NULL;
    size_t n_bytes;
    FILE *f = open_memstream(&text, &n_bytes);

    if (!f)
        return NULL;
    for (const char *const *choice = option->choices; *choice; choice++) {
        if (choice > option->choices)
            (void)fputs(choice[1] ? ", " : " or ", f);
        (void)fputs(*choice, f);
    }
    (void)fclose(f);
    return text;
}

static char *refuse_choice(const struct conf_option *option, const char *text)
{
    _cleanup_free_ char *choices = list_choices(option);
    char *sentence;

    return choices && asprintf(&sentence, "is %.*s, allowed is %s", SHOWN_MAX, text, choices) >= 0
               ? sentence
               : NULL;
}

static char *refuse_text(const struct conf_option *option, const char *text)
{
    size_t n = strlen(text);
    char *sentence;

    if (option->max <= 0 || ((long long)n >= option->min && (long long)n <= option->max))
        return NULL;
    return asprintf(&sentence, "is %zu bytes long, allowed is %lld to %lld", n, option->min,
                    option->max) >= 0
               ? sentence
               : NULL;
}

static char *refuse_number(const struct conf_option *option, const char *text)
{
    char *sentence;

    return asprintf(&sentence, "is %.*s, allowed is %lld to %lld%s%s", SHOWN_MAX, text, option->min,
                    option->max, option->unit ? " " : "", option->unit ? option->unit : "") >= 0
               ? sentence
               : NULL;
}

char *conf_refuse(const struct conf_option *option, const char *text)
{
    static const char *const truths[] = {"true", "false", NULL};
    const struct conf_option truth = {.choices = truths};

    switch (option->type) {
    case CONF_INT:
        return number_fits(option, text) ? NULL : refuse_number(option, text);
    case CONF_BOOL:
        return choice_fits(&truth, text) ? NULL : refuse_choice(&truth, text);
    case CONF_CHOICE:
        return choice_fits(option, text) ? NULL : refuse_choice(option, text);
    case CONF_LIST:
        if (option->choices)
            return choice_fits(option, text) ? NULL : refuse_choice(option, text);
        break;
    case CONF_STRING:
        break;
    }
    return refuse_text(option, text);
}
