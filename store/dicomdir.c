#include "store/dicomdir.h"
#include "store/part10.h"
#include "store/vr.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define TAG_FILE_ID 0x00041500u
#define FILE_ID_MAX 256 /* 8 components of 8 characters (PS3.10 section 8.2), and then some */
#define UNDEFINED 0xFFFFFFFFu

/* One element, or the start of what other elements are in. */
struct element {
    uint32_t tag;
    const uint8_t *value;
    uint32_t length;
};

static uint32_t read_16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t read_32(const uint8_t *p)
{
    return read_16(p) | read_16(p + 2) << 16;
}

/* The directory is Explicit VR Little Endian (PS3.10 section 8.6). Sequences and items are walked
 * into by passing over their heads only, so depth costs nothing. Returns where the next one
 * begins, 0 when it cannot be followed. */
static size_t next_element(const uint8_t *bytes, size_t n, size_t at, struct element *ret)
{
    const uint8_t *p = bytes + at;
    size_t head = 8, left = n - at;
    bool inside;

    if (left < 8)
        return 0;
    *ret = (struct element){.tag = read_16(p) << 16 | read_16(p + 2)};
    if (ret->tag >> 16 == 0xFFFE)
        return at + head;
    head = vr_short(VR_OF(p + 4)) ? 8 : 12;
    if (left < head)
        return 0;
    inside = VR_OF(p + 4) == VR('S', 'Q');
    ret->length = head == 8 ? read_16(p + 6) : read_32(p + 8);
    ret->value = p + head;
    if (inside)
        return at + head;
    return ret->length == UNDEFINED || ret->length > left - head ? 0 : at + head + ret->length;
}

/* One component: padding goes; it never leads upwards or elsewhere. */
static bool add_component(const char *text, size_t n, char *path, size_t *used)
{
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\0'))
        n--;
    if (n == 0 || text[0] == '.' || memchr(text, '/', n) || memchr(text, '\0', n) ||
        *used + n + 2 > FILE_ID_MAX)
        return false;
    if (*used > 0)
        path[(*used)++] = '/';
    memcpy(path + *used, text, n);
    *used += n;
    path[*used] = '\0';
    return true;
}

static bool make_path(const struct element *e, char path[FILE_ID_MAX])
{
    const char *text = (const char *)e->value, *end = text + e->length;
    size_t used = 0;

    for (;;) {
        const char *divider = memchr(text, '\\', (size_t)(end - text));

        if (!add_component(text, (size_t)((divider ? divider : end) - text), path, &used))
            return false;
        if (!divider)
            return true;
        text = divider + 1;
    }
}

int dicomdir_read(const void *bytes, size_t n, dicomdir_file *each, void *context)
{
    struct part10 p;
    struct element e;
    int r = part10_read(bytes, n, true, &p);
    size_t next;

    if (r < 0 || strcmp(p.media_class_uid, MEDIA_STORAGE_DIRECTORY) != 0)
        return -EBADMSG;
    for (size_t at = p.offset; r == 0 && at < n; at = next) {
        char path[FILE_ID_MAX];

        next = next_element(bytes, n, at, &e);
        if (next == 0)
            return -EBADMSG;
        if (e.tag == TAG_FILE_ID && e.length > 0)
            r = each(context, make_path(&e, path) ? path : NULL);
    }
    return r;
}
