#include "identifiers.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

json_t *identifier_json(const char *text)
{
    char *copy = strdup(text);
    json_t *j;

    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    j = json_loads(copy, 0, NULL);
    cr_assert_not_null(j, "%s", text);
    free(copy);
    return j;
}

void expect_identifier(const json_t *found, const json_t *expected, const char *what)
{
    char *a = json_dumps(found, JSON_COMPACT), *b = json_dumps(expected, JSON_COMPACT);

    cr_assert_str_eq(a, b, "%s: %s instead of %s", what, a, b);
    free(a);
    free(b);
}

int parse_copy(const char *syntax, const void *bytes, size_t n, json_t **ret,
               const char **ret_problem)
{
    uint8_t *copy = malloc(n);
    int r;

    memcpy(copy, bytes, n);
    r = identifier_parse(syntax, copy, n, ret, ret_problem);
    free(copy);
    return r;
}

const char identifier_everything[] =
    "{'00080016':{'vr':'UI','Value':['1.2.3']},'00080020':{'vr':'DA','Value':['20200101']},"
    "'00080030':{'vr':'TM'},'00080050':{'vr':'SH','Value':['A1']},"
    "'00080054':{'vr':'AE','Value':['ME']},'00080061':{'vr':'CS','Value':['CT','MR','US']},"
    "'00080120':{'vr':'UR','Value':['http://a/b\\\\c']},'00081030':{'vr':'LO'},"
    "'00081032':{'vr':'SQ','Value':[{'00080100':{'vr':'SH','Value':['P']}},{}]},"
    "'00081115':{'vr':'SQ'},'00100010':{'vr':'PN','Value':[{'Alphabetic':'A^B',"
    "'Phonetic':'C'}]},'00101001':{'vr':'PN','Value':[{'Ideographic':'X'},null,{'Alphabetic':'Y'}]}"
    ",'00101010':{'vr':'AS','Value':['030Y']},'00101020':{'vr':'DS','Value':['1.75','2']},"
    "'00201208':{'vr':'IS','Value':['12']},'00280010':{'vr':'US','Value':[1,65535]},"
    "'00400031':{'vr':'UT','Value':['a\\\\b']},'00400280':{'vr':'ST','Value':['a\\nb']},"
    "'0040A120':{'vr':'DT','Value':['20200101-0500']},'0040A161':{'vr':'FD','Value':[1.5,-2.25]},"
    "'0040A162':{'vr':'SL','Value':[-2147483648]},'0040A163':{'vr':'UL','Value':[4294967295]}}";
