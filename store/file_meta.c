#include "store/file_meta.h"

#include <string.h>

#define PREAMBLE_BYTES 128
#define GROUP_LENGTH_AT (PREAMBLE_BYTES + 4 + 8) /* the value of (0002,0000) */

struct writer {
    uint8_t *bytes;
    size_t n;
};

static void put(struct writer *w, const void *bytes, size_t n)
{
    memcpy(w->bytes + w->n, bytes, n);
    w->n += n;
}

/* Explicit VR Little Endian, VR with a 16 bit length. */
static void put_text(struct writer *w, uint8_t element, const char *vr, const char *value,
                     size_t max)
{
    size_t n = strnlen(value, max);
    size_t even = n + (n & 1);
    const uint8_t header[8] = {
        2, 0, element, 0, (uint8_t)vr[0], (uint8_t)vr[1], (uint8_t)even, (uint8_t)(even >> 8)};

    put(w, header, sizeof header);
    put(w, value, n);
    if (n & 1)
        put(w, vr[0] == 'U' ? "\0" : " ", 1);
}

size_t file_meta_write(const struct file_meta *m, uint8_t buffer[FILE_META_MAX])
{
    static const uint8_t group_length[] = {2, 0, 0, 0, 'U', 'L', 4, 0, 0, 0, 0, 0};
    static const uint8_t version[] = {2, 0, 1, 0, 'O', 'B', 0, 0, 2, 0, 0, 0, 0, 1};
    struct writer w = {.bytes = buffer};

    memset(buffer, 0, PREAMBLE_BYTES);
    w.n = PREAMBLE_BYTES;
    put(&w, "DICM", 4);
    put(&w, group_length, sizeof group_length);
    put(&w, version, sizeof version);
    put_text(&w, 0x02, "UI", m->sop_class_uid, 128);
    put_text(&w, 0x03, "UI", m->sop_instance_uid, 128);
    put_text(&w, 0x10, "UI", m->transfer_syntax_uid, 64);
    put_text(&w, 0x12, "UI", IMPLEMENTATION_CLASS_UID, 64);
    put_text(&w, 0x13, "SH", IMPLEMENTATION_VERSION_NAME, 16);
    if (m->source_ae_title)
        put_text(&w, 0x16, "AE", m->source_ae_title, 16);

    uint32_t length = (uint32_t)(w.n - GROUP_LENGTH_AT - 4);
    for (int i = 0; i < 4; i++)
        buffer[GROUP_LENGTH_AT + i] = (uint8_t)(length >> (8 * i));
    return w.n;
}
