#include "store/charset_elements.h"
#include "store/charset.h"

#include <string.h>

/* Shift JIS is read as CP932, which leaves ASCII alone; pairs of JIS X 0208 and 0212 become
 * EUC-JP with the high bits set. */
const struct code_set code_elements[ELEMENT_COUNT] = {
    [NONE] = {"6", NULL, "(B", SINGLE},
    [IR_100] = {"100", "ISO-8859-1", "-A", SINGLE},
    [IR_101] = {"101", "ISO-8859-2", "-B", SINGLE},
    [IR_109] = {"109", "ISO-8859-3", "-C", SINGLE},
    [IR_110] = {"110", "ISO-8859-4", "-D", SINGLE},
    [IR_144] = {"144", "ISO-8859-5", "-L", SINGLE},
    [IR_127] = {"127", "ISO-8859-6", "-G", SINGLE},
    [IR_126] = {"126", "ISO-8859-7", "-F", SINGLE},
    [IR_138] = {"138", "ISO-8859-8", "-H", SINGLE},
    [IR_148] = {"148", "ISO-8859-9", "-M", SINGLE},
    [IR_166] = {"166", "TIS-620", "-T", SINGLE},
    [IR_203] = {"203", "ISO-8859-15", "-b", SINGLE},
    [IR_13] = {"13", "CP932", ")I", JAPANESE},
    [IR_87] = {"87", "EUC-JP", "$B", IN_G0},
    [IR_159] = {"159", "EUC-JP", "$(D", IN_G0},
    [IR_149] = {"149", "EUC-KR", "$)C", PAIR},
    [IR_58] = {"58", "GB2312", "$)A", PAIR},
    [UTF_8] = {"192", NULL, NULL, UNICODE},
    [GB_18030] = {"GB18030", "GB18030", NULL, CHINESE},
    [GBK] = {"GBK", "GBK", NULL, CHINESE},
};

/* Other spellings seen in data sets, in the reduced form of term_reduce(). */
static const struct {
    const char *term;
    enum code_element element;
} aliases[] = {
    {"ASCII", NONE},    {"ISO646", NONE},      {"USASCII", NONE},   {"ISO88591", IR_100},
    {"LATIN1", IR_100}, {"ISO885915", IR_203}, {"LATIN9", IR_203},  {"SHIFTJIS", IR_13},
    {"SJIS", IR_13},    {"EUCKR", IR_149},     {"KSX1001", IR_149}, {"GB2312", IR_58},
    {"UTF8", UTF_8},    {"UNICODE", UTF_8},    {"IR14", IR_13},     {"14", IR_13},
};

/* Upper case letters and digits only, at most @size - 1 of them. */
static void term_reduce(const char *value, size_t n, char *ret, size_t size)
{
    size_t length = 0;

    for (size_t i = 0; i < n && length + 1 < size; i++) {
        char c = value[i];

        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
            ret[length++] = c;
    }
    ret[length] = '\0';
}

static bool term_find(const char *value, size_t n, uint8_t *ret)
{
    static const char *const prefixes[] = {"ISO2022IR", "ISO2022", "ISOIR", "ISO", "IR", ""};
    char term[24];

    term_reduce(value, n, term, sizeof term);
    if (term[0] == '\0') {
        *ret = NONE;
        return true;
    }
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (strcmp(term, aliases[i].term) == 0) {
            *ret = (uint8_t)aliases[i].element;
            return true;
        }
    for (size_t p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++) {
        size_t length = strlen(prefixes[p]);

        for (unsigned e = 0; strncmp(term, prefixes[p], length) == 0 && e < ELEMENT_COUNT; e++)
            if (strcmp(term + length, code_elements[e].digits) == 0) {
                *ret = (uint8_t)e;
                return true;
            }
    }
    return false;
}

void charset_parse(const char *value, size_t n, struct charset *ret)
{
    const char *end = value + n;

    *ret = (struct charset){.n_elements = 0};
    while (ret->n_elements < CHARSET_TERMS_MAX) {
        const char *next = memchr(value, '\\', (size_t)(end - value));
        const char *stop = next ? next : end;

        if (term_find(value, (size_t)(stop - value), &ret->elements[ret->n_elements]))
            ret->n_elements++;
        else
            ret->unknown = true;
        if (!next)
            break;
        value = next + 1;
    }
}
