#include "store/part10.h"
#include "store/vr.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define PREAMBLE 128u

/* One element of group 0002. */
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

static bool is_vr(const uint8_t *p)
{
    static const char bulk[] = "OB OD OF OL OV OW SQ UN";

    if (vr_kind(VR_OF(p)) != VR_BULK)
        return true;
    for (const char *v = bulk; v < bulk + sizeof bulk - 2; v += 3)
        if (memcmp(v, p, 2) == 0)
            return true;
    return false;
}

/* Without a VR that we know the group is in Implicit VR, as some wrote it. */
static size_t take_length(const uint8_t *p, size_t left, struct meta_element *ret)
{
    bool is_explicit = is_vr(p + 4), is_short = is_explicit && vr_short(VR_OF(p + 4));
    size_t head = is_explicit && !is_short ? 12 : 8;

    if (left >= head)
        ret->length = is_short ? little_endian(p + 6, 2) : little_endian(p + head - 4, 4);
    return head;
}

/* The element at @at. 0; -ENOENT: the group ends here; -EAGAIN; -EBADMSG. */
static int next_element(const uint8_t *bytes, size_t n, size_t at, struct meta_element *ret)
{
    const uint8_t *p = bytes + at;
    size_t head;

    if (n - at >= 2 && little_endian(p, 2) != 0x0002)
        return -ENOENT;
    if (n - at < 8)
        return -EAGAIN;
    head = take_length(p, n - at, ret);
    if (n - at < head)
        return -EAGAIN;
    ret->element = (uint16_t)little_endian(p + 2, 2);
    if (ret->length > PART10_META_MAX || at + head + ret->length > PART10_META_MAX)
        return -EBADMSG;
    ret->value = p + head;
    ret->next = at + head + ret->length;
    return n < ret->next ? -EAGAIN : 0;
}

static void copy_text(const struct meta_element *e, char *text, size_t size)
{
    size_t n = e->length;

    while (n > 0 && (e->value[n - 1] == '\0' || e->value[n - 1] == ' '))
        n--;
    if (n >= size)
        n = 0; /* no UID and no AE title is that long */
    memcpy(text, e->value, n);
    text[n] = '\0';
}

static void take_element(const struct meta_element *e, struct part10 *p)
{
    if (e->element == 0x0002)
        copy_text(e, p->media_class_uid, sizeof p->media_class_uid);
    else if (e->element == 0x0010)
        copy_text(e, p->transfer_syntax_uid, sizeof p->transfer_syntax_uid);
    else if (e->element == 0x0016)
        copy_text(e, p->source_ae_title, sizeof p->source_ae_title);
}

/* The group that begins at @at. A file may end where its group length says that the group does. */
static int read_group(const uint8_t *bytes, size_t n, size_t at, bool whole, struct part10 *p)
{
    struct meta_element e = {.length = 0};
    size_t group_end = 0;
    int r;

    while ((r = next_element(bytes, n, at, &e)) == 0) {
        at = e.next;
        if (e.element == 0x0000 && e.length == 4)
            group_end = at + little_endian(e.value, 4);
        take_element(&e, p);
    }
    p->offset = at;
    if (r == -EBADMSG || (r == -EAGAIN && whole && at != n))
        return -EBADMSG;
    return r == -EAGAIN && !whole && (at != group_end || at != n) ? -EAGAIN : 0;
}

/* The transfer syntax of a data set that nobody names, from its first element: an attribute of
 * group 0008 in front of the SOP Instance UID or that itself. */
static int guess_syntax(const uint8_t *p, size_t n, bool whole, struct part10 *ret)
{
    const char *uid = NULL;

    if (n < 8)
        return whole ? -EBADMSG : -EAGAIN;
    if (p[0] == 8 && p[1] == 0 && p[2] <= 0x18 && p[3] == 0)
        uid = is_vr(p + 4)                     ? "1.2.840.10008.1.2.1"
              : little_endian(p + 4, 4) <= 256 ? "1.2.840.10008.1.2"
                                               : NULL;
    else if (p[0] == 0 && p[1] == 8 && p[2] == 0 && p[3] <= 0x18 && is_vr(p + 4))
        uid = "1.2.840.10008.1.2.2";
    if (!uid)
        return -EBADMSG;
    (void)strcpy(ret->transfer_syntax_uid, uid);
    return 0;
}

int part10_read(const void *bytes, size_t n, bool whole, struct part10 *ret)
{
    const uint8_t *file = bytes;
    struct part10 p = {.offset = 0};
    int r = 0;

    if (n < PREAMBLE + 4 && !whole)
        return -EAGAIN;
    if (n >= PREAMBLE + 4 && memcmp(file + PREAMBLE, "DICM", 4) == 0)
        r = read_group(file, n, PREAMBLE + 4, whole, &p);
    else if (n >= 8 && little_endian(file, 2) == 0x0002)
        r = read_group(file, n, 0, whole, &p);
    if (r == 0 && !*p.transfer_syntax_uid)
        r = guess_syntax(file + p.offset, n - p.offset, whole, &p);
    if (r == -EBADMSG && p.offset > 0) { /* the four letters may stand in a data set by chance */
        struct part10 bare = {.offset = 0};

        r = guess_syntax(file, n, whole, &bare) == 0 ? 0 : -EBADMSG;
        p = r == 0 ? bare : p;
    }
    if (r == -EBADMSG && p.offset == 0)
        r = -ENOMSG;
    if (r == 0)
        *ret = p;
    return r;
}
