/* Identifiers by chance, the same on every machine: what is written is what is read. */
#include "identifiers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t next(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % below;
}

/* Characters of each set, the delimiters of names among them. */
static const struct script {
    const char *charset;
    const char *characters[12];
    uint32_t n;
} scripts[] = {
    {"", {"a", "Z", "0", "*", "?", "-", "^", "\"", "%", "_", "'", "^"}, 12},
    {"ISO_IR 100", {"é", "ä", "ß", "a", "^", "ÿ"}, 6},
    {"ISO_IR 144", {"Л", "ю", "к", "a", "^"}, 5},
    {"ISO_IR 13", {"ﾔ", "ﾏ", "ﾞ", "a", "^"}, 5},
    {"ISO_IR 192", {"é", "王", "𠀀", "한", "a", "^", "ש"}, 7},
    {"GB18030", {"王", "小", "𠀀", "乗", "é", "a", "^"}, 7},
    {"GBK", {"王", "小", "乗", "a", "^"}, 5},
    {"\\ISO 2022 IR 87\\ISO 2022 IR 159", {"山", "田", "丂", "や", "a", "^", "b"}, 7},
    {"ISO 2022 IR 13\\ISO 2022 IR 87", {"ﾔ", "山", "田", "や", "a", "^"}, 6},
    {"\\ISO 2022 IR 149", {"洪", "길", "동", "a", "^"}, 5},
    {"\\ISO 2022 IR 58", {"张", "小", "东", "a", "^"}, 5},
    {"ISO 2022 IR 100\\ISO 2022 IR 144\\ISO 2022 IR 87", {"é", "Ю", "山", "a", "^", "ß"}, 6},
};

/* Begins and ends with a letter: padding is not kept. */
static json_t *text(uint32_t *state, const struct script *s)
{
    char made[128] = "x";

    for (uint32_t n = next(state, 12); n > 0; n--)
        strcat(made, next(state, 6) ? s->characters[next(state, s->n)] : " ");
    return json_string(strcat(made, "y"));
}

static json_t *name(uint32_t *state, const struct script *s)
{
    static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
    json_t *j = json_object();
    uint32_t wanted = next(state, 7) + 1;

    for (unsigned i = 0; i < 3; i++)
        if (wanted >> i & 1)
            (void)json_object_set_new(j, groups[i], text(state, s));
    return j;
}

static json_t *attributes_of(uint32_t *state, const struct script *s, unsigned depth);

static json_t *value(uint32_t *state, const struct script *s, const char *vr, unsigned depth)
{
    if (strcmp(vr, "PN") == 0)
        return name(state, s);
    if (strcmp(vr, "SQ") == 0)
        return attributes_of(state, s, depth + 1);
    if (strcmp(vr, "US") == 0)
        return json_integer(next(state, 65536));
    if (strcmp(vr, "SL") == 0)
        return json_integer((json_int_t)next(state, 1u << 24) - (1 << 23));
    if (strcmp(vr, "FD") == 0)
        return json_real((double)next(state, 1000) / 8);
    return text(state, s);
}

static json_t *attributes_of(uint32_t *state, const struct script *s, unsigned depth)
{
    static const struct {
        const char *key, *vr;
        uint32_t values;
    } known[] = {
        {"00080050", "SH", 1}, {"00081030", "LO", 3}, {"00081032", "SQ", 3}, {"00081040", "LO", 1},
        {"00100010", "PN", 1}, {"00101001", "PN", 3}, {"00101040", "LO", 2}, {"00280010", "US", 4},
        {"00400031", "UT", 1}, {"00400275", "SQ", 2}, {"00400280", "ST", 1}, {"0040A161", "FD", 2},
        {"0040A162", "SL", 2}, {"00420010", "ST", 1},
    };
    json_t *j = json_object();

    for (size_t i = 0; i < COUNT(known); i++) {
        json_t *attribute, *values = json_array();

        for (uint32_t n = next(state, known[i].values + 1); n > 0; n--)
            if (strcmp(known[i].vr, "SQ") != 0 || depth < 4)
                (void)json_array_append_new(values, value(state, s, known[i].vr, depth));
        attribute = json_pack("{s:s}", "vr", known[i].vr);
        if (json_array_size(values) > 0)
            (void)json_object_set(attribute, "Value", values);
        json_decref(values);
        if (next(state, 3))
            (void)json_object_set(j, known[i].key, attribute);
        json_decref(attribute);
    }
    return j;
}

Test(identifier_random, what_was_written_is_read_in_every_transfer_syntax_and_script)
{
    static const char *const syntaxes[] = SYNTAXES;

    for (uint32_t i = 0; i < 600; i++) {
        const struct script *s = &scripts[i % COUNT(scripts)];
        const char *syntax = syntaxes[i / COUNT(scripts) % COUNT(syntaxes)];
        uint32_t state = i;
        json_t *j = attributes_of(&state, s, 0), *back = NULL;
        const char *problem = "";
        uint8_t *bytes = NULL;
        char what[80];
        size_t n = 0;

        (void)snprintf(what, sizeof what, "number %u: %s", i, s->charset);
        cr_assert_str_eq(identifier_charset(j, s->charset, NULL), s->charset, "%s", what);
        cr_assert_eq(identifier_encode(j, s->charset, syntax, &bytes, &n), 0, "%s", what);
        cr_assert_eq(parse_copy(syntax, bytes, n, &back, &problem), 0, "%s: %s", what, problem);
        (void)json_object_del(back, "00080005");
        expect_identifier(back, j, what);
        json_decref(j);
        json_decref(back);
        free(bytes);
    }
}
