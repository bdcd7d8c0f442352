#include "store/blob_internal.h"
#include "store/base/cleanup.h"
#include "store/direct.h"
#include "store/seal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define UNCOPIED_BYTES ((size_t)64 * 1024) /* from here on bytes go to the file without a copy */
#define FLUSH_BYTES ((uint64_t)8 << 20)    /* a long file's pages start for the disk this often */

/* Ask for the pages of a long file to be written while it still comes, so that the fsync at its
 * end is short and memory is not full of unwritten pages. Errors come back with fsync. */
static void start_writeback(struct blob *b)
{
    if (b->written_bytes - b->flushed_bytes < FLUSH_BYTES)
        return;
    (void)sync_file_range(b->fd, (off_t)b->flushed_bytes,
                          (off_t)(b->written_bytes - b->flushed_bytes), SYNC_FILE_RANGE_WRITE);
    b->flushed_bytes = b->written_bytes;
}

/* Write what the buffer holds and @n more bytes, with one call as a rule. */
static int write_through(struct blob *b, const void *bytes, size_t n)
{
    struct iovec parts[2] = {{b->buffer, b->used}, {(void *)bytes, n}};
    int first = b->used > 0 ? 0 : 1;

    while (first < 2 && parts[first].iov_len > 0) {
        ssize_t done = writev(b->fd, parts + first, 2 - first);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? blob_error(errno) : -EIO;
        b->written_bytes += (uint64_t)done;
        for (; first < 2 && (size_t)done >= parts[first].iov_len; first++)
            done -= (ssize_t)parts[first].iov_len;
        if (first < 2) {
            parts[first].iov_base = (char *)parts[first].iov_base + done;
            parts[first].iov_len -= (size_t)done;
        }
    }
    b->used = 0;
    start_writeback(b);
    return 0;
}

/* The file is a long one: from now on it is written past the page cache, unless this file system
 * cannot, or another blob does (of those that are sealed together). */
static void go_direct(struct blob *b)
{
    struct store *s = b->store;

    if (!s->has_direct) {
        s->has_direct = true;
        (void)direct_new(&s->spare_direct);
    }
    if (!s->spare_direct || direct_begin(s->spare_direct, b->fd, &b->buffer, b->used) < 0)
        return;
    b->direct = TAKE_PTR(s->spare_direct);
    b->written_bytes = b->used;
    b->used = 0;
}

static int append(struct blob *b, const void *bytes, size_t n)
{
    int r = store_take_room(b->store, n);

    if (r < 0)
        return r;
    if (XXH3_128bits_update(b->digest, bytes, n) != XXH_OK)
        return -EIO;
    b->size_bytes += n;
    if (b->written_bytes == 0 && b->used <= DIRECT_FIRST_BYTES && b->used + n > DIRECT_FIRST_BYTES)
        go_direct(b);
    if (b->direct) {
        b->written_bytes += n;
        return direct_append(b->direct, bytes, n);
    }
    if (n < UNCOPIED_BYTES && b->used + n > DIRECT_PIECE_BYTES)
        r = write_through(b, NULL, 0);
    else if (b->used + n > DIRECT_PIECE_BYTES || (n >= UNCOPIED_BYTES && b->written_bytes > 0))
        return write_through(b, bytes, n);
    if (r < 0)
        return r;
    memcpy(b->buffer + b->used, bytes, n);
    b->used += n;
    return 0;
}

int blob_append(struct blob *b, const void *bytes, size_t n)
{
    if (b->error == 0 && n > 0)
        b->error = append(b, bytes, n);
    return b->error;
}

void blob_digest(const struct blob *b, uint8_t ret[16])
{
    XXH128_canonical_t digest;

    XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(b->digest));
    memcpy(ret, digest.digest, 16);
}

/* The preamble is in the buffer still, or in the file. */
static int write_seal(struct blob *b)
{
    struct seal seal = {.file_bytes = b->written_bytes + b->used};
    uint8_t preamble[SEAL_BYTES];
    ssize_t n = SEAL_BYTES;

    blob_digest(b, seal.digest);
    seal_write(&seal, preamble);
    if (b->direct)
        return direct_finish(b->direct, preamble, SEAL_BYTES);
    if (b->written_bytes == 0)
        memcpy(b->buffer, preamble, SEAL_BYTES);
    else
        n = pwrite(b->fd, preamble, SEAL_BYTES, 0);
    return n < 0 ? blob_error(errno) : n < SEAL_BYTES ? -EIO : 0;
}

/* The disk begins with the file's pages while the file gets its permanent name. */
int blob_finish(struct blob *b)
{
    int r = write_seal(b);

    if (r < 0 || b->direct)
        return r;
    r = write_through(b, NULL, 0);
    (void)sync_file_range(b->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    return r;
}
