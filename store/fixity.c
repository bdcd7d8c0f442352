#include "store/fixity.h"
#include "store/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define PIECE_BYTES ((size_t)256 * 1024)
#define GROUP_LENGTH_AT 132
#define ELEMENTS_AT 144 /* after File Meta Information Group Length (0002,0000) UL 4 */

const char *fixity_words(enum fixity f)
{
    static const char *const words[] = {
        "good",       "missing",    "unreadable", "not a DICOM file", "file meta of another object",
        "other size", "other bytes"};

    return words[f];
}

static size_t read_16(const uint8_t *p)
{
    return (size_t)p[0] | (size_t)p[1] << 8;
}

static size_t read_32(const uint8_t *p)
{
    return read_16(p) | read_16(p + 2) << 16;
}

/* The length of preamble and file meta group in @bytes, 0 when it is none. */
static size_t meta_length(const uint8_t *bytes, size_t n)
{
    static const uint8_t group_length[] = {2, 0, 0, 0, 'U', 'L', 4, 0};
    size_t length;

    if (n < ELEMENTS_AT || memcmp(bytes + 128, "DICM", 4) != 0 ||
        memcmp(bytes + GROUP_LENGTH_AT, group_length, sizeof group_length) != 0)
        return 0;
    length = read_32(bytes + ELEMENTS_AT - 4);
    return length <= n - ELEMENTS_AT ? ELEMENTS_AT + length : 0;
}

/* The value of element (0002,@element) in the file meta group (Explicit VR Little Endian, PS3.5
 * section 7.1.2), or NULL. */
static const uint8_t *find_meta(const uint8_t *meta, size_t n, size_t element, size_t *ret_length)
{
    size_t at = ELEMENTS_AT;

    while (n - at >= 8) {
        bool is_long = memcmp(meta + at + 4, "OB", 2) == 0 || memcmp(meta + at + 4, "UN", 2) == 0;
        size_t header = is_long ? 12 : 8, length;

        if (n - at < header)
            return NULL;
        length = is_long ? read_32(meta + at + 8) : read_16(meta + at + 6);
        if (length > n - at - header)
            return NULL;
        if (read_16(meta + at + 2) == element) {
            *ret_length = length;
            return meta + at + header;
        }
        at += header + length;
    }
    return NULL;
}

/* An empty value says nothing: the sender's command had no usable UID when the file was begun. */
static bool meta_is(const uint8_t *meta, size_t n, size_t element, const char *uid)
{
    size_t length = 0;
    const uint8_t *value = find_meta(meta, n, element, &length);

    if (!uid)
        return true;
    while (value && length > 0 && (value[length - 1] == '\0' || value[length - 1] == ' '))
        length--;
    return value && (length == 0 || (length == strlen(uid) && memcmp(value, uid, length) == 0));
}

static ssize_t read_piece(int fd, uint8_t *piece)
{
    size_t n = 0;

    while (n < PIECE_BYTES) {
        ssize_t r = read(fd, piece + n, PIECE_BYTES - n);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -errno;
        if (r == 0)
            break;
        n += (size_t)r;
    }
    return (ssize_t)n;
}

static enum fixity check_start(int fd, const struct fixity_row *row, const uint8_t *piece, size_t n,
                               size_t *ret_offset)
{
    size_t offset = meta_length(piece, n);
    struct stat st;

    if (offset == 0)
        return FIXITY_NOT_PART10;
    if (!meta_is(piece, offset, 0x0002, row->sop_class_uid) ||
        !meta_is(piece, offset, 0x0003, row->sop_instance_uid) ||
        !meta_is(piece, offset, 0x0010, row->transfer_syntax_uid))
        return FIXITY_META;
    if (fstat(fd, &st) < 0)
        return FIXITY_UNREADABLE;
    if ((uint64_t)st.st_size - offset != row->size_bytes)
        return FIXITY_SIZE;
    *ret_offset = offset;
    return FIXITY_GOOD;
}

static enum fixity check_bytes(int fd, const struct fixity_row *row, uint8_t *piece,
                               XXH3_state_t *state, fixity_read *report, void *context)
{
    XXH128_canonical_t digest;
    size_t offset = 0;
    ssize_t n = read_piece(fd, piece);
    enum fixity f = n < 0 ? FIXITY_UNREADABLE : check_start(fd, row, piece, (size_t)n, &offset);

    if (f != FIXITY_GOOD)
        return f;
    (void)XXH3_128bits_reset(state);
    for (; n > 0; n = read_piece(fd, piece), offset = 0) {
        (void)XXH3_128bits_update(state, piece + offset, (size_t)n - offset);
        if (report)
            report(context, (size_t)n - offset);
    }
    if (n < 0)
        return FIXITY_UNREADABLE;
    XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(state));
    return memcmp(digest.digest, row->digest, 16) == 0 ? FIXITY_GOOD : FIXITY_DIGEST;
}

enum fixity fixity_check(struct store *s, const struct fixity_row *row, fixity_read *report,
                         void *context)
{
    _cleanup_close_ int fd = -1;
    _cleanup_free_ uint8_t *piece = malloc(PIECE_BYTES);
    XXH3_state_t *state = XXH3_createState();
    enum fixity f = FIXITY_UNREADABLE;
    int r = store_read(s, row->blob, &fd);

    if (r == -ENOENT) {
        f = FIXITY_MISSING;
    } else if (r == 0 && piece && state) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
        f = check_bytes(fd, row, piece, state, report, context);
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* leave the cache to others */
    }
    XXH3_freeState(state);
    return f;
}
