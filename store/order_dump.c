#include "store/order_dump.h"
#include "store/identifier_text.h"
#include "store/vr.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ITEM 0xfffee000u
#define GROUP_OF_DELIMITERS 0xfffeu
#define UNDEFINED 0xffffffffu

static void put_little_endian(struct bytes *b, uint32_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++, value >>= 8)
        bytes_put(b, &(uint8_t){(uint8_t)value}, 1);
}

static void put_tag(struct bytes *b, uint32_t tag)
{
    put_little_endian(b, tag >> 16, 2);
    put_little_endian(b, tag & 0xffff, 2);
}

static void put_element(struct bytes *b, uint32_t tag, const char *vr, const char *value, size_t n)
{
    bool odd = n % 2;

    put_tag(b, tag);
    bytes_put(b, vr, 2);
    if (!vr_short(VR_OF(vr)))
        put_little_endian(b, 0, 2);
    put_little_endian(b, (uint32_t)(n + odd), vr_short(VR_OF(vr)) ? 2 : 4);
    bytes_put(b, value, n);
    if (odd)
        bytes_put(b, VR_OF(vr) == VR('U', 'I') ? "" : " ", 1);
}

/* "(gggg,eeee)" */
static bool read_tag(const char *line, uint32_t *ret)
{
    char digits[9] = {0};

    if (strlen(line) < 11 || line[0] != '(' || line[5] != ',' || line[10] != ')')
        return false;
    memcpy(digits, line + 1, 4);
    memcpy(digits + 4, line + 6, 4);
    if (strspn(digits, "0123456789abcdefABCDEF") != 8)
        return false;
    *ret = (uint32_t)strtoul(digits, NULL, 16);
    return true;
}

/* The value in "[A] B]   #  6, 1 Keyword": up to the last bracket that only a comment follows. */
static bool read_value(const char *text, const char **ret, size_t *ret_n)
{
    const char *end = NULL;

    for (const char *c = strchr(text, ']'); c; c = strchr(c + 1, ']')) {
        size_t blanks = strspn(c + 1, " \t\r");

        if (c[1 + blanks] == '\0' || (c[1 + blanks] == '#' && (blanks > 0 || !end)))
            end = c;
    }
    if (!end)
        return false;
    *ret = text + 1;
    *ret_n = (size_t)(end - text - 1);
    return true;
}

static bool put_value(struct bytes *b, uint32_t tag, const char *vr, const char *text)
{
    const char *value = "";
    size_t n = 0;

    if (*text == '[' && !read_value(text, &value, &n))
        return false;
    if (vr_kind(VR_OF(vr)) == VR_TEXT && (*text == '[' || *text == '(' || *text == '\0'))
        put_element(b, tag, vr, value, n < 65534 || !vr_short(VR_OF(vr)) ? n : 0);
    return true;
}

/* One line without its end; false: not understood. */
static bool put_line(struct bytes *b, const char *line)
{
    uint32_t tag;
    char vr[3] = {0};

    line += strspn(line, " \t");
    if (*line == '\0' || *line == '#')
        return true;
    if (!read_tag(line, &tag))
        return false;
    line += 11 + strspn(line + 11, " \t");
    if (tag >> 16 == 2)
        return true;
    if (tag >> 16 == GROUP_OF_DELIMITERS) {
        put_tag(b, tag);
        put_little_endian(b, tag == ITEM ? UNDEFINED : 0, 4);
        return true;
    }
    if (strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2)
        return *line >= 'a' && *line <= 'z'; /* "ox", "xs": not text */
    memcpy(vr, line, 2);
    line += 2 + strspn(line + 2, " \t\r");
    if (strcmp(vr, "SQ") != 0)
        return put_value(b, tag, vr, *line == '#' ? "" : line);
    put_tag(b, tag);
    bytes_put(b, "SQ\0", 4);
    put_little_endian(b, UNDEFINED, 4);
    return true;
}

int order_dump_read(const char *text, size_t n, uint8_t **ret, size_t *ret_n, size_t *ret_line)
{
    struct bytes b = {0};
    char *copy = strndup(text, n), *at = copy;
    bool understood = copy && strlen(copy) == n;
    size_t number = 0;

    for (char *line; understood && (line = strsep(&at, "\n")); number++) {
        line[strcspn(line, "\r")] = '\0';
        understood = put_line(&b, line);
    }
    if (!copy || b.failed || !understood) {
        int r = !copy || b.failed ? -ENOMEM : -EBADMSG;

        *ret_line = number;
        free(b.at);
        free(copy);
        return r;
    }
    free(copy);
    *ret = b.at;
    *ret_n = b.used;
    return 0;
}
