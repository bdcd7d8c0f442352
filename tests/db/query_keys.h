/* Queries that find something in the population: values that are there, changed. */
#ifndef ISTHMUS_TESTS_DB_QUERY_KEYS_H
#define ISTHMUS_TESTS_DB_QUERY_KEYS_H

#include "tests/db/query_population.h"
#include "tests/db/query_reference.h"

#define KEYS_MAX 3
#define MODALITIES ATTRIBUTES /* keys that are none of the attributes that are stored */
#define CODES (ATTRIBUTES + 1)

/* One query: its keys as text of DICOM attributes. */
struct made_query {
    bool of_series;
    struct query_options options;
    unsigned n;
    size_t attribute[KEYS_MAX];
    char key[KEYS_MAX][VALUE_MAX * 3];
    char meaning[VALUE_MAX * 3]; /* of CODES: Code Meaning beside Code Value */
};

static inline const char *vr_of(size_t attribute)
{
    return attribute == MODALITIES ? "CS"
           : attribute == CODES    ? "SH"
                                   : made_attributes[attribute].vr;
}

/* A value that some study has, "" where it has none. */
static inline const char *stored_value(size_t attribute, unsigned study, unsigned series)
{
    const struct made_study *s = &made_studies[study];

    if (attribute == MODALITIES)
        return s->modalities;
    if (attribute == CODES)
        return s->n_codes ? s->code_value[0] : "";
    switch (made_attributes[attribute].level) {
    case LEVEL_PATIENT:
        return s->patient->value[attribute];
    case LEVEL_STUDY:
        return s->value[attribute];
    default:
        return s->series[series][attribute];
    }
}

static inline void random_value(size_t attribute, char ret[VALUE_MAX])
{
    unsigned study = below(STUDIES);
    struct ref_parts parts;

    ref_split(stored_value(attribute, study, below(made_studies[study].n_series)), '\\', &parts);
    (void)snprintf(ret, VALUE_MAX, "%.*s", VALUE_MAX - 1, parts.part[below((unsigned)parts.n)]);
}

/* Where the @n-th character of @text begins. */
static inline size_t offset_of(const char *text, unsigned n)
{
    size_t at = 0;

    while (n-- > 0 && text[at])
        at += ref_length(text + at);
    return at;
}

static inline unsigned characters(const char *text)
{
    unsigned n = 0;

    for (size_t at = 0; text[at]; at += ref_length(text + at))
        n++;
    return n;
}

static inline void put_wildcards(char *text)
{
    char copy[VALUE_MAX];
    size_t from = offset_of(text, below(characters(text) + 1)),
           to = offset_of(text, below(characters(text) + 1));

    (void)strcpy(copy, text);
    switch (below(5)) {
    case 0: /* the beginning */
        (void)snprintf(text, VALUE_MAX, "%.*s*", (int)from, copy);
        break;
    case 1: /* the end */
        (void)snprintf(text, VALUE_MAX, "*%s", copy + from);
        break;
    case 2: /* something inside */
        if (from < to)
            (void)snprintf(text, VALUE_MAX, "*%.*s*", (int)(to - from), copy + from);
        break;
    case 3: /* all but one character */
        if (copy[from] && !strchr("^=", copy[from]))
            (void)snprintf(text, VALUE_MAX, "%.*s?%s", (int)from, copy,
                           copy + from + ref_length(copy + from));
        break;
    default: /* without the middle */
        if (from < to)
            (void)snprintf(text, VALUE_MAX, "%.*s*%s", (int)from, copy, copy + to);
    }
}

/* Other case, another group, components more or less. */
static inline void change_name(char *text)
{
    char *group = strchr(text, '='), *component = strchr(text, '^');

    switch (below(6)) {
    case 0:
        for (char *p = text; *p; p++)
            if (*p >= 'a' && *p <= 'z')
                *p = (char)(*p - 'a' + 'A');
        break;
    case 1:
        if (group)
            memmove(text, group + (below(2) && group[1] != '='), strlen(group) + 1);
        break;
    case 2:
        if (group)
            *group = '\0';
        break;
    case 3:
        if (component)
            (void)strcpy(component, "^*");
        break;
    case 4:
        if (!group && strlen(text) < VALUE_MAX - 8)
            (void)strcat(text, below(2) ? "^*" : "^");
        break;
    default:
        break;
    }
    if (strspn(text, "=") == strlen(text))
        (void)strcpy(text, "*");
}

static inline void make_range(char *text)
{
    char other[VALUE_MAX];

    (void)strcpy(other, text);
    switch (below(4)) {
    case 0:
        (void)snprintf(text, VALUE_MAX, "%.100s-", other);
        break;
    case 1:
        (void)snprintf(text, VALUE_MAX, "-%.100s", other);
        break;
    case 2:
        (void)snprintf(text, VALUE_MAX, "%.100s-%.100s", other,
                       strlen(other) == 8 ? dates[below(COUNT(dates))]
                                          : times[below(COUNT(times))]);
        break;
    default:
        break;
    }
}

static inline void change_key(const char *vr, const struct query_options *options, char *text)
{
    if (strcmp(vr, "PN") == 0 && !options->fuzzy_names)
        change_name(text);
    if (strcmp(vr, "DA") == 0 || (strcmp(vr, "TM") == 0 && strchr(text, '.') == NULL))
        make_range(text);
    else if (ref_has_wildcards(vr) && below(2) && !(strcmp(vr, "PN") == 0 && options->fuzzy_names))
        put_wildcards(text);
}

/* Of a name some words or beginnings of them, backwards. */
static inline void make_words(char *text)
{
    struct ref_parts words;

    ref_words(text, &words);
    text[0] = '\0';
    for (size_t i = words.n; i-- > 0;)
        if (below(3) && words.part[i][0] && !strpbrk(words.part[i], "*?"))
            (void)strncat(strncat(text, words.part[i],
                                  offset_of(words.part[i], 1 + below(characters(words.part[i])))),
                          " ", 2);
    if (!*text)
        (void)strcpy(text, "mu");
}

static inline void make_key(struct made_query *q, unsigned n)
{
    size_t attribute = q->attribute[n];
    const char *vr = vr_of(attribute);
    unsigned values = below(12) ? 1 : 2;

    if (q->options.empty_value && below(8) == 0) {
        (void)strcpy(q->key[n], "\"\"");
        return;
    }
    for (unsigned i = 0; i < values; i++) {
        char text[VALUE_MAX];

        random_value(attribute, text);
        if (!*text)
            continue;
        if (below(40) == 0 && strcmp(vr, "PN") != 0)
            (void)strcpy(text, "*");
        else
            change_key(vr, &q->options, text);
        if (strcmp(vr, "PN") == 0 && q->options.fuzzy_names)
            make_words(text);
        if (*text)
            (void)strcat(strcat(q->key[n], *q->key[n] ? "\\" : ""), text);
    }
}

static inline void make_query(struct made_query *q)
{
    *q = (struct made_query){.of_series = below(3) == 0};
    q->options = (struct query_options){.root = QUERY_STUDY_ROOT, .relational = true};
    q->options.empty_value = below(4) == 0;
    q->options.combined_datetime = below(4) == 0;
    q->options.fuzzy_names = below(6) == 0;
    q->n = 1 + below(KEYS_MAX);
    for (unsigned i = 0; i < q->n; i++) {
        size_t attribute;
        bool again;

        do {
            attribute = below(ATTRIBUTES + 2);
            again = attribute < ATTRIBUTES && !q->of_series &&
                    made_attributes[attribute].level == LEVEL_SERIES;
            for (unsigned j = 0; j < i; j++)
                again = again || q->attribute[j] == attribute;
        } while (again);
        q->attribute[i] = attribute;
        make_key(q, i);
    }
    if (below(2))
        random_value(12, q->meaning);
}

#endif
