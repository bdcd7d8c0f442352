#include "store/import.h"
#include "store/base/cleanup.h"
#include "store/file_meta.h"
#include "store/index_row.h"
#include "store/reread.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)256 * 1024)

static const char *const lacks[] = {
    [INSTANCE_UID_TOO_LONG] = "one of its UIDs is longer than 128 characters",
    [INSTANCE_NO_SOP_INSTANCE_UID] = "it has no SOP Instance UID",
    [INSTANCE_NO_SOP_CLASS_UID] = "it has no SOP Class UID",
    [INSTANCE_NO_STUDY_UID] = "it has a Series but no Study Instance UID",
    [INSTANCE_NO_SERIES_UID] = "it has a Study but no Series Instance UID",
};

/* The file is done with, nothing is wrong with us: returns 0. */
__attribute__((format(printf, 3, 4))) static int
say(struct import_outcome *o, enum import_result result, const char *format, ...)
{
    va_list ap;

    o->result = result;
    va_start(ap, format);
    (void)vsnprintf(o->why, sizeof o->why, format, ap);
    va_end(ap);
    return 0;
}

/* What was read does not concern our own disk: an error of the medium is one of this file. */
static int judge_reading(int e, const struct reread *about, struct import_outcome *o)
{
    if (strcmp(about->part10.media_class_uid, MEDIA_STORAGE_DIRECTORY) == 0)
        return say(o, IMPORT_SKIPPED, "a DICOMDIR; the files it lists are what counts");
    if (about->other_file)
        return say(o, IMPORT_SKIPPED, "not a DICOM file");
    if (e == -EBADMSG)
        return say(o, IMPORT_REFUSED, "its header cannot be understood: %s",
                   about->problem ? about->problem : "broken data set");
    return say(o, IMPORT_REFUSED, "it cannot be read: %s", strerrordesc_np(-e));
}

static int create(struct store *s, const struct instance *i, struct blob **ret)
{
    uint8_t meta[FILE_META_MAX];
    size_t n = file_meta_write(&(struct file_meta){.sop_class_uid = i->sop_class_uid,
                                                   .sop_instance_uid = i->sop_instance_uid,
                                                   .transfer_syntax_uid = i->transfer_syntax_uid,
                                                   .source_ae_title = i->calling_ae_title},
                               meta);

    return blob_create(s, meta, n, ret);
}

/* Positive: errno of reading @fd. */
static int copy(int fd, off_t offset, struct blob *b)
{
    _cleanup_free_ char *piece = malloc(PIECE_BYTES);
    int r = piece ? 0 : -ENOMEM;

    while (r == 0) {
        ssize_t n = pread(fd, piece, PIECE_BYTES, offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : 0;
        r = blob_append(b, piece, (size_t)n);
        offset += n;
    }
    return r;
}

struct copied {
    struct import_file *file;
    struct instance instance; /* as it was read */
    struct blob *blob;        /* NULL: there is nothing to store */
};

/* A file of a store like ours that is not whole: its header may be. */
static bool is_part(int fd)
{
    struct seal seal;
    bool sealed = false;

    return reread_seal(fd, &seal, &sealed) == -ENODATA && sealed;
}

static int begin_copy(struct store *s, struct db *db, struct copied *c)
{
    struct import_outcome *o = &c->file->outcome;
    struct reread about = {.problem = NULL};
    bool there = false;
    int r = instance_reread(c->file->fd, &c->instance, &about);

    if (r == -ENOMEM)
        return r;
    if (r < 0 || strcmp(about.part10.media_class_uid, MEDIA_STORAGE_DIRECTORY) == 0)
        return judge_reading(r, &about, o);
    if (is_part(c->file->fd))
        return say(o, IMPORT_REFUSED, "it is not all of what was received, says its own preamble");
    if (instance_lack(&c->instance) != INSTANCE_COMPLETE)
        return say(o, IMPORT_REFUSED, "%s", lacks[instance_lack(&c->instance)]);
    r = index_has(db, s, &c->instance, &there);
    if (r == 0 && there)
        return say(o, IMPORT_DUPLICATE, "%s", "");
    if (r == 0)
        r = create(s, &c->instance, &c->blob);
    if (r == 0)
        r = copy(c->file->fd, (off_t)about.part10.offset, c->blob);
    if (r <= 0)
        return r;
    c->blob = blob_abandon(c->blob);
    return say(o, IMPORT_REFUSED, "it cannot be read: %s", strerrordesc_np(r));
}

static int end_copy(struct copied *c)
{
    struct instance *i = &c->instance;
    uint8_t digest[sizeof i->digest];
    int r = blob_seal(c->blob, &i->blob_id, &i->size_bytes, digest);

    if (r < 0)
        return r;
    if (memcmp(digest, i->digest, sizeof digest) != 0) {
        c->blob = blob_abandon(c->blob);
        return say(&c->file->outcome, IMPORT_REFUSED, "it changed while it was read");
    }
    c->file->outcome.result = IMPORT_SEALED;
    c->file->blob = i->blob_id;
    return index_row_pack_instance(i, &c->file->row, &c->file->row_bytes);
}

static int copy_all(struct store *s, struct db *db, struct copied *copies, size_t n)
{
    struct blob *blobs[IMPORT_FILES_MAX] = {NULL};
    size_t n_blobs = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++) {
        if (copies[i].file->fd >= 0)
            r = begin_copy(s, db, &copies[i]);
        if (copies[i].blob)
            blobs[n_blobs++] = copies[i].blob;
    }
    if (r == 0)
        blob_seal_all(blobs, n_blobs);
    for (size_t i = 0; r == 0 && i < n; i++)
        if (copies[i].blob)
            r = end_copy(&copies[i]);
    return r;
}

int import_store(struct store *s, struct db *db, struct import_file *files, size_t n)
{
    _cleanup_free_ struct copied *copies = n <= IMPORT_FILES_MAX ? calloc(n, sizeof *copies) : NULL;
    int r;

    if (!copies)
        return n <= IMPORT_FILES_MAX ? -ENOMEM : -EINVAL;
    for (size_t i = 0; i < n; i++)
        copies[i].file = &files[i];
    r = copy_all(s, db, copies, n);
    for (size_t i = 0; i < n; i++) {
        (void)(r == 0 ? blob_hand_over : blob_abandon)(copies[i].blob);
        instance_done(&copies[i].instance);
        if (r < 0)
            free(TAKE_PTR(files[i].row));
    }
    return r;
}

int import_settle(struct store *s, struct db *db, uint64_t blob, enum index_result result,
                  int error, struct import_outcome *ret)
{
    static const enum import_result results[] = {[INDEX_STORED] = IMPORT_STORED,
                                                 [INDEX_DUPLICATE] = IMPORT_DUPLICATE,
                                                 [INDEX_CONFLICT] = IMPORT_CONFLICT,
                                                 [INDEX_REPAIRED] = IMPORT_REPAIRED};
    uint64_t old;

    if (error == 0 && (result == INDEX_DUPLICATE || result == INDEX_REJECTED))
        error = index_keep_file(db, s, blob, &result, &old);
    if (error < 0 && error != -EINVAL)
        return error;
    if (error < 0 || result == INDEX_DUPLICATE)
        (void)store_delete(s, blob);
    store_release(s, blob);
    if (error < 0)
        return say(ret, IMPORT_REFUSED, "the index refuses it (%s)", db_problem(db));
    return say(ret, results[result], "%s", "");
}
