/* PS3.4 section C.2.2.2 read word by word, for comparison: keys and stored values are the text of
 * DICOM attributes, names are compared by their components, dates and times as digits. Slow and
 * simple; shares with the server only what "without case and accents" means (fold.h). */
#ifndef ISTHMUS_TESTS_DB_QUERY_REFERENCE_H
#define ISTHMUS_TESTS_DB_QUERY_REFERENCE_H

#include "store/fold.h"
#include "store/query.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REF_TEXT 1024
#define REF_PARTS 16
#define REF_MISSING "\x01" /* the '^' of a component that is not there: no '?' stands for it */

struct ref_parts {
    size_t n;
    char part[REF_PARTS][REF_TEXT];
};

static inline void ref_split(const char *text, char at, struct ref_parts *ret)
{
    ret->n = 0;
    for (;;) {
        const char *end = strchrnul(text, at);

        (void)snprintf(ret->part[ret->n++], REF_TEXT, "%.*s", (int)(end - text), text);
        if (!*end || ret->n == REF_PARTS)
            return;
        text = end + 1;
    }
}

static inline void ref_trim(char *text)
{
    size_t n = strlen(text), from = strspn(text, " ");

    while (n > from && text[n - 1] == ' ')
        n--;
    memmove(text, text + from, n - from);
    text[n - from] = '\0';
}

static inline size_t ref_length(const char *text)
{
    size_t n = 1;

    while (((unsigned char)text[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* C.2.2.2.4 */
static inline bool ref_wild(const char *key, const char *value)
{
    if (!*key)
        return !*value;
    if (*key == '*')
        return ref_wild(key + 1, value) || (*value && ref_wild(key, value + ref_length(value)));
    if (!*value)
        return false;
    if (*key == '?')
        return *value != *REF_MISSING && ref_wild(key + 1, value + ref_length(value));
    if (*key == '^' && *value == *REF_MISSING)
        return ref_wild(key + 1, value + 1);
    return *key == *value && ref_wild(key + 1, value + 1);
}

/* The folded components of a group with a '^' between them, none behind the last that says
 * something. */
static inline void ref_group(const char *group, char ret[REF_TEXT])
{
    struct ref_parts components;
    size_t said = 0;

    ref_split(group, '^', &components);
    ret[0] = '\0';
    for (size_t i = 0; i < components.n; i++) {
        char *folded = fold_text(components.part[i]);

        (void)snprintf(components.part[i], REF_TEXT, "%s", folded);
        free(folded);
        if (components.part[i][0])
            said = i + 1;
    }
    for (size_t i = 0; i < said; i++)
        (void)strcat(strcat(ret, i ? "^" : ""), components.part[i]);
}

static inline bool ref_group_matches(const char *key, const char *value)
{
    char padded[REF_TEXT + 16];

    if (!*value)
        return false;
    (void)snprintf(padded, sizeof padded, "%s", value);
    for (int missing = 0; missing < 6; missing++) {
        if (ref_wild(key, padded))
            return true;
        (void)strcat(padded, REF_MISSING);
    }
    return false;
}

/* One name against one key (C.2.2.2.1): a key of one group may match any group. */
static inline bool ref_name(const char *key, const char *value)
{
    struct ref_parts keys, values;
    bool all = true, any = false;

    ref_split(key, '=', &keys);
    ref_split(value, '=', &values);
    for (size_t i = 0; i < 3; i++) {
        char k[REF_TEXT] = "", v[REF_TEXT] = "";

        ref_group(keys.n == 1 ? keys.part[0] : i < keys.n ? keys.part[i] : "", k);
        ref_group(i < values.n ? values.part[i] : "", v);
        if (k[strspn(k, "*^")] == '\0')
            any = true; /* asks for nothing */
        else if (ref_group_matches(k, v))
            any = true;
        else
            all = false;
    }
    return keys.n == 1 ? any : all;
}

static inline void ref_words(const char *name, struct ref_parts *ret)
{
    char plain[REF_TEXT], *folded;

    (void)snprintf(plain, sizeof plain, "%s", name);
    for (char *p = plain; *p; p++)
        if (strchr("^=-", *p))
            *p = ' ';
    folded = fold_text(plain);
    ref_split(folded, ' ', ret);
    free(folded);
}

static inline bool ref_fuzzy_name(const char *key, const char *value)
{
    struct ref_parts keys, values;

    ref_words(key, &keys);
    ref_words(value, &values);
    for (size_t i = 0; i < keys.n; i++) {
        bool found = false;

        for (size_t j = 0; j < values.n; j++)
            found |= strncmp(values.part[j], keys.part[i], strlen(keys.part[i])) == 0;
        if (!found)
            return false;
    }
    return true;
}

/* The first or the last moment that a date or time denotes, as digits of full length. */
static inline void ref_moment(const char *text, bool time, bool last, char ret[32])
{
    const char *filler = !time ? "" : last ? "235959999999" : "000000000000";
    size_t n = 0;

    for (; *text; text++)
        if (*text != '.' && *text != ':')
            ret[n++] = *text;
    ret[n] = '\0';
    if (n < strlen(filler))
        (void)strcat(ret, filler + n);
}

/* C.2.2.2.5: @low and @high of the key; empty where it has none. */
static inline void ref_range(const char *key, bool time, char low[32], char high[32])
{
    const char *hyphen = strchr(key, '-');
    char side[REF_TEXT];

    low[0] = high[0] = '\0';
    (void)snprintf(side, sizeof side, "%.*s", hyphen ? (int)(hyphen - key) : (int)strlen(key), key);
    if (*side)
        ref_moment(side, time, false, low);
    if (hyphen)
        (void)snprintf(side, sizeof side, "%s", hyphen + 1);
    if (*side && (!hyphen || hyphen[1]))
        ref_moment(side, time, true, high);
}

static inline bool ref_in_range(const char *key, bool time, const char *value)
{
    char low[32], high[32], at[32];

    ref_range(key, time, low, high);
    ref_moment(value, time, false, at);
    return (!*low || strcmp(at, low) >= 0) && (!*high || strcmp(at, high) <= 0);
}

/* C.2.2.2.5.4. @time is "" where none is stored. */
static inline bool ref_combined(const char *date_key, const char *time_key, const char *date,
                                const char *time)
{
    char day_low[32], day_high[32], low[32], high[32], day[32], at[32] = "";

    ref_range(date_key, false, day_low, day_high);
    ref_range(time_key, true, low, high);
    ref_moment(date, false, false, day);
    if (*time)
        ref_moment(time, true, false, at);
    (void)strcat(day_low, *day_low ? low : "");
    (void)strcat(day_high, *day_high ? high : "");
    /* With one precision on both sides: a bound of a day alone is compared with the day. */
    if (*day_low && strncmp(day, day_low, 8) <= 0 &&
        (strncmp(day, day_low, 8) < 0 || (day_low[8] && (!*at || strcmp(at, day_low + 8) < 0))))
        return false;
    return !(
        *day_high && strncmp(day, day_high, 8) >= 0 &&
        (strncmp(day, day_high, 8) > 0 || (day_high[8] && (!*at || strcmp(at, day_high + 8) > 0))));
}

static inline bool ref_has_wildcards(const char *vr)
{
    return strstr("AE CS LO LT PN SH ST UC UR UT", vr) != NULL;
}

static inline bool ref_value(const char *vr, const char *key, const char *value,
                             const struct query_options *options)
{
    if (strcmp(vr, "PN") == 0)
        return options->fuzzy_names ? ref_fuzzy_name(key, value) : ref_name(key, value);
    if (strcmp(vr, "DA") == 0 || strcmp(vr, "TM") == 0)
        return ref_in_range(key, *vr == 'T', value);
    if (strcmp(vr, "IS") == 0 || strcmp(vr, "DS") == 0)
        return strtold(key, NULL) == strtold(value, NULL);
    return ref_has_wildcards(vr) ? ref_wild(key, value) : strcmp(key, value) == 0;
}

/* A name that has only wildcards for components that may be missing. */
static inline bool ref_any_name(const char *key)
{
    struct ref_parts groups;

    ref_split(key, '=', &groups);
    for (size_t i = 0; i < groups.n; i++) {
        char group[REF_TEXT];

        ref_group(groups.part[i], group);
        if (group[strspn(group, "*^")])
            return false;
    }
    return true;
}

/* Anything at all, also nothing (C.2.2.2.3). */
static inline bool ref_universal(const char *vr, const char *key,
                                 const struct query_options *options)
{
    if (!*key)
        return true;
    if (strcmp(vr, "PN") == 0 && !options->fuzzy_names)
        return ref_any_name(key);
    return key[strspn(key, "*")] == '\0';
}

/* So is a key that has such a value. */
static inline bool ref_asks_nothing(const char *vr, const char *key,
                                    const struct query_options *options)
{
    struct ref_parts keys;
    bool any = false;

    ref_split(key, '\\', &keys);
    for (size_t i = 0; i < keys.n; i++)
        any |= ref_universal(vr, keys.part[i], options);
    return any;
}

/* A key with any of its values against an attribute with any of its; @stored is NULL when it is
 * not there. */
static inline bool ref_matches(const char *vr, const char *key, const char *stored,
                               const struct query_options *options)
{
    struct ref_parts keys, values = {.n = 0};

    if (ref_asks_nothing(vr, key, options))
        return true;
    ref_split(key, '\\', &keys);
    if (stored)
        ref_split(stored, '\\', &values);
    for (size_t i = 0; i < keys.n; i++) {
        ref_trim(keys.part[i]);
        if (options->empty_value && strcmp(keys.part[i], "\"\"") == 0) {
            if (values.n == 0)
                return true;
            continue;
        }
        for (size_t j = 0; j < values.n; j++)
            if (ref_value(vr, keys.part[i], values.part[j], options))
                return true;
    }
    return false;
}

#endif
