#include "store/reread.h"

#include "store/base/cleanup.h"
#include "store/header.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define CHUNK PART10_META_MAX

struct reader {
    uint8_t *buffer;
    struct header *header;
    XXH3_state_t *digest;
    uint64_t size_bytes;
    struct reread about;
};

static void reader_done(struct reader *r)
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

static int feed(struct reader *r, const uint8_t *bytes, size_t n)
{
    if (XXH3_128bits_update(r->digest, bytes, n) != XXH_OK)
        return -EIO;
    r->size_bytes += n;
    return header_feed(r->header, bytes, n);
}

static int begin(struct reader *r, const uint8_t *bytes, size_t n, struct instance *ret)
{
    struct part10 *p = &r->about.part10;
    int e = part10_read(bytes, n, n < CHUNK, p);

    if (e < 0) {
        r->about.problem = e == -ENOMSG ? "not a DICOM file" : "broken file meta information";
        r->about.other_file = e == -ENOMSG;
        return -EBADMSG;
    }
    ret->transfer_syntax_uid = strdup(p->transfer_syntax_uid);
    ret->calling_ae_title = *p->source_ae_title ? strdup(p->source_ae_title) : NULL;
    if (!ret->transfer_syntax_uid || (*p->source_ae_title && !ret->calling_ae_title))
        return -ENOMEM;
    e = header_new(p->transfer_syntax_uid, &r->header);
    return e < 0 ? e : feed(r, bytes + p->offset, n - p->offset);
}

static int finish(struct reader *r, struct instance *ret)
{
    XXH128_canonical_t canonical;

    ret->size_bytes = r->size_bytes;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(r->digest));
    memcpy(ret->digest, canonical.digest, sizeof ret->digest);
    return header_finish(r->header, ret);
}

static int read_all(struct reader *r, int fd, struct instance *ret)
{
    ssize_t n = read_chunk(fd, r->buffer, CHUNK);
    int e = n < 0 ? (int)n : begin(r, r->buffer, (size_t)n, ret);

    while (e == 0 && n == (ssize_t)CHUNK) {
        n = read_chunk(fd, r->buffer, CHUNK);
        e = n < 0 ? (int)n : feed(r, r->buffer, (size_t)n);
    }
    return e < 0 ? e : finish(r, ret);
}

int instance_reread(int fd, struct instance *ret, struct reread *ret_about)
{
    _cleanup_(reader_done) struct reader r = {.buffer = malloc(CHUNK),
                                              .digest = XXH3_createState()};
    int e;

    if (!r.buffer || !r.digest || XXH3_128bits_reset(r.digest) != XXH_OK)
        return -ENOMEM;
    e = read_all(&r, fd, ret);
    if (!r.about.problem && r.header)
        r.about.problem = header_problem(r.header);
    if (ret_about)
        *ret_about = r.about;
    return e;
}

/* A loss of power may leave nothing of the beginning, not even the "DICM" that others have too. */
int reread_seal(int fd, struct seal *ret, bool *ret_sealed)
{
    static const uint8_t nothing[SEAL_BYTES + 4];
    uint8_t start[SEAL_BYTES + 4];
    ssize_t n = pread(fd, start, sizeof start, 0);
    struct stat st;

    if (n < 0 || fstat(fd, &st) < 0)
        return -EIO;
    *ret_sealed = seal_read(start, (size_t)n, ret) == 0;
    if (!*ret_sealed && memcmp(start, nothing, (size_t)n) == 0) {
        *ret_sealed = true;
        return -ENODATA;
    }
    return *ret_sealed && (uint64_t)st.st_size == ret->file_bytes ? 0 : -ENODATA;
}

int instance_reread_sealed(int fd, struct instance *ret, struct reread *ret_about)
{
    struct reread about = {.sealed = false};
    struct seal seal;
    bool sealed = false;
    int r = reread_seal(fd, &seal, &sealed);

    if (r == 0) {
        r = instance_reread(fd, ret, &about);
        if (r == -ENODATA || r == -EILSEQ)
            r = -EIO; /* disks have these errors too */
    }
    about.sealed = sealed;
    if (ret_about)
        *ret_about = about;
    if (r == 0 && memcmp(ret->digest, seal.digest, sizeof seal.digest) != 0) {
        memcpy(ret->digest, seal.digest, sizeof seal.digest);
        r = -EILSEQ;
    }
    return r;
}
