#include "store/reread.h"

#include "store/base/cleanup.h"
#include "store/header.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <xxhash.h>

#define CHUNK (256u * 1024)

struct reread {
    uint8_t *buffer;
    struct header *header;
    XXH3_state_t *digest;
    uint64_t size_bytes;
};

static void reread_done(struct reread *r)
{
    free(r->buffer);
    header_free(r->header);
    (void)XXH3_freeState(r->digest);
}

/* Fill @buffer as far as the file goes. Returns the bytes read or negative errno. */
static ssize_t read_chunk(int fd, uint8_t *buffer, size_t size)
{
    size_t n = 0;

    while (n < size) {
        ssize_t got = read(fd, buffer + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

/* Source Application Entity Title (0002,0016) of a file meta group that is known to be whole. */
static int source_ae_title(const uint8_t *meta, size_t n, char **ret)
{
    static const uint8_t tag[] = {2, 0, 0x16, 0, 'A', 'E'};

    for (size_t at = 132; at + 8 <= n;) {
        const uint8_t *e = meta + at;
        bool is_long = memcmp(e + 4, "OB", 2) == 0 || memcmp(e + 4, "UT", 2) == 0;
        size_t length = (size_t)(e[6] | e[7] << 8), head = 8;

        if (is_long) {
            if (at + 12 > n)
                break;
            length = (size_t)e[8] | (size_t)e[9] << 8 | (size_t)e[10] << 16 | (size_t)e[11] << 24;
            head = 12;
        }
        if (length > n - at - head)
            break;
        if (memcmp(e, tag, sizeof tag) == 0) {
            const char *value = (const char *)e + head;
            while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\0'))
                length--;
            *ret = length > 0 ? strndup(value, length) : NULL;
            return length > 0 && !*ret ? -ENOMEM : 0;
        }
        at += head + length;
    }
    return 0;
}

static int feed(struct reread *r, const uint8_t *bytes, size_t n)
{
    if (XXH3_128bits_update(r->digest, bytes, n) != XXH_OK)
        return -EIO;
    r->size_bytes += n;
    return header_feed(r->header, bytes, n);
}

static int begin(struct reread *r, const uint8_t *bytes, size_t n, struct instance *ret)
{
    size_t offset = 0;
    _cleanup_free_ char *transfer_syntax_uid = NULL;
    int e = header_file_meta(bytes, n, &transfer_syntax_uid, &offset);

    if (e < 0)
        return e == -EAGAIN ? -EBADMSG : e;
    e = source_ae_title(bytes, offset, &ret->calling_ae_title);
    if (e == 0)
        e = header_new(transfer_syntax_uid, &r->header);
    if (e == 0)
        e = feed(r, bytes + offset, n - offset);
    ret->transfer_syntax_uid = TAKE_PTR(transfer_syntax_uid);
    return e;
}

static int finish(struct reread *r, struct instance *ret)
{
    struct instance from_header = {0};
    XXH128_canonical_t canonical;
    int e = header_finish(r->header, &from_header);

    from_header.transfer_syntax_uid = TAKE_PTR(ret->transfer_syntax_uid);
    from_header.calling_ae_title = TAKE_PTR(ret->calling_ae_title);
    from_header.size_bytes = r->size_bytes;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(r->digest));
    memcpy(from_header.digest, canonical.digest, sizeof from_header.digest);
    *ret = from_header;
    return e;
}

int instance_reread(int fd, struct instance *ret)
{
    _cleanup_(reread_done) struct reread r = {.buffer = malloc(CHUNK),
                                              .digest = XXH3_createState()};
    ssize_t n;
    int e;

    if (!r.buffer || !r.digest || XXH3_128bits_reset(r.digest) != XXH_OK)
        return -ENOMEM;
    n = read_chunk(fd, r.buffer, CHUNK);
    if (n < 0)
        return (int)n;
    e = begin(&r, r.buffer, (size_t)n, ret);
    while (e == 0 && n == CHUNK) {
        n = read_chunk(fd, r.buffer, CHUNK);
        e = n < 0 ? (int)n : feed(&r, r.buffer, (size_t)n);
    }
    return e < 0 ? e : finish(&r, ret);
}
