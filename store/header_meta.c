/* The first part of a Part 10 file (PS3.10 section 7.1). */
#include "store/header.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PREAMBLE 128u
#define META_MAX (1u << 20) /* no file meta group needs more */

/* One element of group 0002, always Explicit VR Little Endian. */
struct meta_element {
    uint16_t element;
    const uint8_t *value;
    uint32_t length;
    size_t next; /* offset behind it */
};

static uint32_t little_endian(const uint8_t *p, unsigned n)
{
    uint32_t value = 0;

    while (n-- > 0)
        value = value << 8 | p[n];
    return value;
}

static bool long_form(const uint8_t *vr)
{
    static const char vrs[] = "OB OD OF OL OV OW SQ SV UC UN UR UT UV";

    for (const char *v = vrs; v < vrs + sizeof vrs - 2; v += 3)
        if (memcmp(v, vr, 2) == 0)
            return true;
    return false;
}

/* The element at @at. 0; -ENOENT: the group ends here; -EAGAIN; -EBADMSG. */
static int next_element(const uint8_t *bytes, size_t n, size_t at, struct meta_element *ret)
{
    const uint8_t *p = bytes + at;
    size_t head = 8;

    if (n - at >= 2 && little_endian(p, 2) != 0x0002)
        return -ENOENT;
    if (n - at < head)
        return -EAGAIN;
    if (p[4] < 'A' || p[4] > 'Z' || p[5] < 'A' || p[5] > 'Z')
        return -EBADMSG;
    if (long_form(p + 4))
        head = 12;
    if (n - at < head)
        return -EAGAIN;
    ret->element = (uint16_t)little_endian(p + 2, 2);
    ret->length = head == 12 ? little_endian(p + 8, 4) : little_endian(p + 6, 2);
    if (ret->length > META_MAX || at + head + ret->length > META_MAX)
        return -EBADMSG;
    ret->value = p + head;
    ret->next = at + head + ret->length;
    return n < ret->next ? -EAGAIN : 0;
}

static char *uid_copy(const uint8_t *value, size_t length)
{
    while (length > 0 && (value[length - 1] == '\0' || value[length - 1] == ' '))
        length--;
    char *copy = calloc(1, length + 1);
    if (copy)
        memcpy(copy, value, length);
    return copy;
}

int header_file_meta(const void *bytes, size_t n, char **ret_transfer_syntax_uid,
                     size_t *ret_offset)
{
    const uint8_t *file = bytes;
    const uint8_t *uid = NULL;
    struct meta_element e;
    size_t at = PREAMBLE + 4, length = 0, group_end = 0;
    int r;

    if (n < PREAMBLE + 4)
        return -EAGAIN;
    if (memcmp(file + PREAMBLE, "DICM", 4) != 0)
        return -EBADMSG;
    while ((r = next_element(file, n, at, &e)) == 0) {
        at = e.next;
        if (e.element == 0x0000 && e.length == 4)
            group_end = at + little_endian(e.value, 4);
        if (e.element == 0x0010) {
            uid = e.value;
            length = e.length;
        }
    }
    if (r == -EAGAIN && (at != group_end || at != n))
        return r;
    if (r == -EBADMSG)
        return r;
    if (!uid || length == 0)
        return -EBADMSG;
    char *copy = uid_copy(uid, length);
    if (!copy)
        return -ENOMEM;
    *ret_transfer_syntax_uid = copy;
    *ret_offset = at;
    return 0;
}
