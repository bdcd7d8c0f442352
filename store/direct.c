#include "store/direct.h"
#include "store/blob_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define PIECES 3
#define MIN_BLOCK_BYTES 4096

/* One request to the kernel: to write a piece, or to sync the directory. */
struct request {
    struct iocb control;
    char *buffer; /* of a piece */
    size_t n;
    uint64_t offset;
    bool pending;
    int error; /* negative errno */
};

struct direct {
    io_context_t queue;
    struct request pieces[PIECES];
    struct request sync;
    char *head;         /* the first block, which is written once more at the end */
    size_t block_bytes; /* of memory, offset and length of each write */

    int fd;
    int error;
    unsigned current; /* of pieces: the one that is filled */
    size_t used;      /* of it */
    uint64_t offset;  /* of it in the file */
};

/* No page of memory is to have bytes that are written directly beside others that are not. */
static size_t block_size(void)
{
    long page = sysconf(_SC_PAGESIZE);

    return page > MIN_BLOCK_BYTES ? (size_t)page : MIN_BLOCK_BYTES;
}

char *direct_buffer(void)
{
    return aligned_alloc(block_size(), DIRECT_PIECE_BYTES);
}

static int allocate(struct direct *d)
{
    for (size_t i = 0; i < PIECES; i++) {
        d->pieces[i].buffer = direct_buffer();
        if (!d->pieces[i].buffer)
            return -ENOMEM;
    }
    d->block_bytes = block_size();
    d->head = malloc(DIRECT_HEAD_BYTES);
    return d->head ? io_setup(PIECES + 1, &d->queue) : -ENOMEM;
}

int direct_new(struct direct **ret)
{
    struct direct *d = calloc(1, sizeof *d);
    int r = d ? allocate(d) : -ENOMEM;

    if (r < 0)
        direct_free(d);
    else
        *ret = d;
    return r;
}

struct direct *direct_free(struct direct *d)
{
    if (!d)
        return NULL;
    if (d->queue)
        (void)io_destroy(d->queue); /* waits for what is under way */
    for (size_t i = 0; i < PIECES; i++)
        free(d->pieces[i].buffer);
    free(d->head);
    free(d);
    return NULL;
}

int direct_begin(struct direct *d, int fd, char **buffer, size_t used)
{
    char *first = *buffer;

    if (fcntl(fd, F_SETFL, O_DIRECT) < 0)
        return -errno;
    *buffer = d->pieces[0].buffer;
    d->pieces[0].buffer = first;
    d->fd = fd;
    d->error = 0;
    d->current = 0;
    d->used = used;
    d->offset = 0;
    return 0;
}

/* The usual way: for what is not whole blocks, and for what the other one would not take (too many
 * requests in the system, blocks that are longer than ours). */
static int write_plainly(int fd, const char *bytes, size_t n, uint64_t offset)
{
    if (fcntl(fd, F_SETFL, 0) < 0)
        return -errno;
    while (n > 0) {
        ssize_t done = pwrite(fd, bytes, n, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? blob_error(errno) : -EIO;
        bytes += done;
        n -= (size_t)done;
        offset += (uint64_t)done;
    }
    return 0;
}

static void complete(struct direct *d, struct request *q, long result)
{
    q->pending = false;
    if (result < 0)
        q->error = blob_error((int)-result);
    else
        q->error = (size_t)result < q->n ? -ENOSPC : 0; /* a disk that became full */
    if (q == &d->sync)
        return;
    if (q->error == -EINVAL)
        q->error = write_plainly(d->fd, q->buffer, q->n, q->offset);
    if (d->error == 0)
        d->error = q->error;
}

/* Take the answers to requests until @q has its own. */
static void await(struct direct *d, const struct request *q)
{
    while (q->pending) {
        struct io_event events[PIECES + 1];
        int n = io_getevents(d->queue, 1, PIECES + 1, events, NULL);

        for (int i = 0; i < n; i++)
            complete(d, events[i].data, (long)events[i].res);
        if (n < 0 && n != -EINTR)
            abort(); /* the kernel may still read the memory */
    }
}

static void submit(struct direct *d, struct request *q)
{
    struct iocb *control = &q->control;

    q->control.data = q;
    q->pending = true;
    if (io_submit(d->queue, 1, &control) != 1)
        complete(d, q, -EINVAL);
}

static size_t whole_blocks(const struct direct *d)
{
    return d->used / d->block_bytes * d->block_bytes;
}

/* The whole blocks of the current piece. A write that makes its file longer would not be
 * asynchronous: so it is made longer first. */
static void submit_piece(struct direct *d)
{
    struct request *q = &d->pieces[d->current];

    if (d->offset == 0)
        memcpy(d->head, q->buffer, DIRECT_HEAD_BYTES);
    q->n = whole_blocks(d);
    q->offset = d->offset;
    if (d->error < 0 || q->n == 0)
        return;
    if (ftruncate(d->fd, (off_t)(q->offset + q->n)) < 0) {
        d->error = blob_error(errno);
        return;
    }
    io_prep_pwrite(&q->control, d->fd, q->buffer, q->n, (long long)q->offset);
    submit(d, q);
}

static void next_piece(struct direct *d)
{
    submit_piece(d);
    d->offset += d->used;
    d->used = 0;
    d->current = (d->current + 1) % PIECES;
    await(d, &d->pieces[d->current]);
}

/* Past the processor's caches where that can be said: the next to read these bytes is the disk. */
static void copy(char *to, const char *from, size_t n)
{
#ifdef __SSE2__
    for (; n > 0 && (uintptr_t)to % sizeof(__m128i) != 0; n--)
        *to++ = *from++;
    for (; n >= sizeof(__m128i); n -= sizeof(__m128i)) {
        _mm_stream_si128((void *)to, _mm_loadu_si128((const void *)from));
        to += sizeof(__m128i);
        from += sizeof(__m128i);
    }
    _mm_sfence(); /* before another processor is told to read them */
#endif
    memcpy(to, from, n);
}

static size_t piece_bytes(const struct direct *d)
{
    return d->offset == 0 ? DIRECT_FIRST_BYTES : DIRECT_PIECE_BYTES;
}

int direct_append(struct direct *d, const void *bytes, size_t n)
{
    const char *from = bytes;

    while (n > 0 && d->error == 0) {
        size_t room = piece_bytes(d) - d->used, part = n < room ? n : room;

        copy(d->pieces[d->current].buffer + d->used, from, part);
        d->used += part;
        from += part;
        n -= part;
        if (d->used == piece_bytes(d))
            next_piece(d);
    }
    return d->error;
}

/* What is no whole block. */
static int write_tail(const struct direct *d)
{
    size_t whole = whole_blocks(d);

    return write_plainly(d->fd, d->pieces[d->current].buffer + whole, d->used - whole,
                         d->offset + whole);
}

/* The first block, once more: when the write of its piece has ended. */
static int write_head(struct direct *d, const void *head, size_t n)
{
    await(d, &d->pieces[0]);
    memcpy(d->head, head, n);
    return d->error < 0 ? d->error : write_plainly(d->fd, d->head, DIRECT_HEAD_BYTES, 0);
}

/* The first block and the last start for the disk beside the last piece. */
int direct_finish(struct direct *d, const void *head, size_t n)
{
    submit_piece(d);
    if (d->error == 0)
        d->error = write_tail(d);
    if (d->error == 0)
        d->error = write_head(d, head, n);
    (void)sync_file_range(d->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    for (size_t i = 0; i < PIECES; i++)
        await(d, &d->pieces[i]);
    return d->error;
}

void direct_sync(struct direct *d, int directory)
{
    struct request *q = &d->sync;

    q->n = 0;
    io_prep_fsync(&q->control, directory);
    submit(d, q);
    if (!q->pending)
        q->error = fsync(directory) < 0 ? blob_error(errno) : 0;
}

int direct_synced(struct direct *d)
{
    await(d, &d->sync);
    return d->sync.error;
}

void direct_cancel(struct direct *d)
{
    for (size_t i = 0; i < PIECES; i++)
        await(d, &d->pieces[i]);
    await(d, &d->sync);
}
