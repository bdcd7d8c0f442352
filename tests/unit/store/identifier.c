#include "identifiers.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const syntaxes[] = SYNTAXES;

static void expect_parsed(const char *syntax, const void *bytes, size_t n, const char *expected)
{
    json_t *found = NULL, *wanted = identifier_json(expected);
    const char *problem = "";

    cr_assert_eq(parse_copy(syntax, bytes, n, &found, &problem), 0, "%s: %s", expected, problem);
    expect_identifier(found, wanted, syntax);
    json_decref(found);
    json_decref(wanted);
}

Test(identifier, keys_are_read_with_wildcards_ranges_and_quotes)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *expected;
    } rows[] = {
#define ROW(bytes, expected) {bytes, sizeof bytes - 1, expected}
        ROW("", "{}"),
        ROW("\x10\0\x20\0LO\0\0", "{'00100020':{'vr':'LO'}}"),
        ROW("\x08\0\0\0UL\4\0\1\0\0\0\x10\0\x20\0LO\0\0", "{'00100020':{'vr':'LO'}}"),
        ROW("\x10\0\x10\0PN\6\0SMI*^?",
            "{'00100010':{'vr':'PN','Value':[{'Alphabetic':'SMI*^?'}]}}"),
        ROW("\x08\0\x20\0DA\x0a\0"
            "20200101- ",
            "{'00080020':{'vr':'DA','Value':['20200101-']}}"),
        ROW("\x08\0\x61\0CS\6\0CT\\MR ", "{'00080061':{'vr':'CS','Value':['CT','MR']}}"),
        ROW("\x20\0\x0d\0UI\4\0"
            "1.2\0",
            "{'0020000D':{'vr':'UI','Value':['1.2']}}"),
        ROW("\x09\0\x10\0LO\2\0AB\x09\0\x01\x10UN\0\0\2\0\0\0xy",
            "{'00090010':{'vr':'LO','Value':['AB']},'00091001':{'vr':'UN'}}"),
        ROW("\x08\0\x05\0CS\x0a\0ISO_IR 100\x10\0\x10\0PN\2\0\xc4 ",
            "{'00080005':{'vr':'CS','Value':['ISO_IR 100']},"
            "'00100010':{'vr':'PN','Value':[{'Alphabetic':'Ä'}]}}"),
        ROW("\x40\0\x75\2SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0",
            "{'00400275':{'vr':'SQ','Value':[{}]}}"),
        ROW("\x40\0\x75\2SQ\0\0\0\0\0\0", "{'00400275':{'vr':'SQ'}}"),
        ROW("\x08\0\x18\0UN\0\0\4\0\0\0"
            "1.2\0",
            "{'00080018':{'vr':'UI','Value':['1.2']}}"),
        ROW("\x40\0\x75\2UN\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
            "\x40\0\x01\x10\0\0\0\0\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0",
            "{'00400275':{'vr':'SQ','Value':[{'00401001':{'vr':'SH'}}]}}"),
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        expect_parsed(EXPLICIT, rows[i].bytes, rows[i].n, rows[i].expected);
}

Test(identifier, two_quotes_stay_a_value)
{
    json_t *found = NULL;
    const char *problem;

    cr_assert_eq(parse_copy(EXPLICIT, "\x10\0\x20\0LO\2\0\"\"", 10, &found, &problem), 0);
    cr_assert_str_eq(json_string_value(json_array_get(
                         json_object_get(json_object_get(found, "00100020"), "Value"), 0)),
                     "\"\"");
    json_decref(found);
}

Test(identifier, implicit_keys_have_the_vr_of_the_tables)
{
    static const struct {
        const char tag[5], *expected;
    } rows[] = {
        {"\x08\0\x52\0", "{'00080052':{'vr':'CS'}}"},
        {"\x08\0\x54\0", "{'00080054':{'vr':'AE'}}"},
        {"\x08\0\x56\0", "{'00080056':{'vr':'CS'}}"},
        {"\x08\0\x62\0", "{'00080062':{'vr':'UI'}}"},
        {"\x20\0\x00\x12", "{'00201200':{'vr':'IS'}}"},
        {"\x20\0\x09\x12", "{'00201209':{'vr':'IS'}}"},
        {"\x40\0\x00\1", "{'00400100':{'vr':'SQ'}}"},
        {"\x40\0\x02\0", "{'00400002':{'vr':'DA'}}"},
        {"\x09\0\x10\0", "{'00090010':{'vr':'LO'}}"},
        {"\x09\0\x01\x10", "{'00091001':{'vr':'UN'}}"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char bytes[8] = {0};

        memcpy(bytes, rows[i].tag, 4);
        expect_parsed(IMPLICIT, bytes, 8, rows[i].expected);
    }
}

Test(identifier, broken_structure_is_refused_with_a_phrase)
{
    static const struct {
        const char *bytes;
        size_t n;
    } rows[] = {
#define BAD(bytes) {bytes, sizeof bytes - 1}
        BAD("\x10"),
        BAD("\x10\0\x20\0LO\4\0ab"),
        BAD("\x10\0\x20\0\0\0\0\0"),
        BAD("\x10\0\x20\0UT\0\0\1"),
        BAD("\x10\0\x20\0UT\0\0\xff\xff\xff\xff"),
        BAD("\xfe\xff\0\xe0\0\0\0\0"),
        BAD("\xfe\xff\x0d\xe0\0\0\0\0"),
        BAD("\x40\0\x75\2SQ\0\0\xff\xff\xff\xff"),
        BAD("\x40\0\x75\2SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"),
        BAD("\x40\0\x75\2SQ\0\0\x08\0\0\0\x10\0\x20\0LO\0\0"),
        BAD("\x40\0\x75\2SQ\0\0\x08\0\0\0\xfe\xff\0\xe0\4\0\0\0"),
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *found = NULL;
        const char *problem = NULL;

        cr_assert_eq(parse_copy(EXPLICIT, rows[i].bytes, rows[i].n, &found, &problem), -EBADMSG,
                     "%zu", i);
        cr_assert_not_null(problem);
        cr_assert_null(found);
    }
}

Test(identifier, sequences_may_nest_64_deep_and_no_deeper)
{
    for (size_t depth = 64; depth <= 65; depth++) {
        uint8_t bytes[65 * 16];
        json_t *found = NULL;
        const char *problem = NULL;

        for (size_t i = 0; i < depth; i++)
            memcpy(bytes + 16 * i, "\x40\0\x75\2\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff",
                   16);
        cr_assert_eq(parse_copy(IMPLICIT, bytes, 16 * depth, &found, &problem), -EBADMSG);
        cr_assert_eq(strcmp(problem, "sequences nested deeper than 64") == 0, depth == 65);
    }
}

Test(identifier, more_values_or_bytes_than_allowed_are_refused)
{
    size_t n = IDENTIFIER_BYTES_MAX + 2;
    uint8_t *bytes = calloc(1, n);
    json_t *found = NULL;
    const char *problem = NULL;

    cr_assert_eq(parse_copy(IMPLICIT, bytes, n, &found, &problem), -EBADMSG);
    cr_assert_str_eq(problem, "the identifier is longer than 1 MiB");
    cr_assert_eq(parse_copy(IMPLICIT, bytes, IDENTIFIER_BYTES_MAX, &found, &problem), -EBADMSG);
    cr_assert_str_eq(problem, "too many values");
    memset(bytes, '\\', n);
    memcpy(bytes, "\x08\0\x18\0\0\0\1\0", 8);
    cr_assert_eq(parse_copy(IMPLICIT, bytes, 8 + 65536, &found, &problem), -EBADMSG);
    cr_assert_str_eq(problem, "too many values");
    free(bytes);
}

/* A reproducible one, the same on every machine. */
static uint32_t random_next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

Test(identifier, mutated_identifiers_are_read_or_refused_and_never_overread)
{
    uint32_t state = 20;
    json_t *j = identifier_json(identifier_everything);

    for (size_t s = 0; s < COUNT(syntaxes); s++) {
        uint8_t *bytes;
        size_t n;

        cr_assert_eq(identifier_encode(j, "\\ISO 2022 IR 87", syntaxes[s], &bytes, &n), 0);
        for (int i = 0; i < 2500; i++) {
            uint8_t *copy = malloc(n);
            size_t kept = random_next(&state) % 4 ? n : random_next(&state) % n;
            json_t *found = NULL;
            const char *problem = NULL;

            memcpy(copy, bytes, n);
            for (uint32_t k = random_next(&state) % 4 + 1; k > 0; k--)
                copy[random_next(&state) % n] =
                    (uint8_t)(random_next(&state) % 3 ? random_next(&state) : 0xFF);
            int r = parse_copy(syntaxes[s], copy, kept, &found, &problem);
            cr_assert(r == 0 ? found != NULL : r == -EBADMSG && problem);
            json_decref(found);
            free(copy);
        }
        free(bytes);
    }
    json_decref(j);
}
