#include "store/import.h"
#include "store/base/cleanup.h"
#include "store/file_meta.h"
#include "store/index.h"
#include "store/reread.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
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

/* Sealed and put: the answer of the index decides which end the blob has. A COMMIT that may have
 * happened names the file, so it stays in incoming/, where the listener looks for it. */
static int settle(struct store *s, struct db *db, struct blob **b, const struct instance *i,
                  struct import_outcome *o)
{
    static const enum import_result results[] = {[INDEX_STORED] = IMPORT_STORED,
                                                 [INDEX_DUPLICATE] = IMPORT_DUPLICATE,
                                                 [INDEX_CONFLICT] = IMPORT_CONFLICT,
                                                 [INDEX_REPAIRED] = IMPORT_REPAIRED};
    enum index_result result;
    uint64_t old;
    int error, r = index_keep(db, s, NULL, i, 0, &result, &old);

    if (r == -EAGAIN)
        *b = blob_spool(*b, &error);
    if (r == -EINVAL)
        return say(o, IMPORT_REFUSED, "the index refuses it (%s)", db_problem(db));
    if (r < 0)
        return r;
    *b = result == INDEX_DUPLICATE ? blob_abandon(*b) : blob_release(*b);
    o->result = results[result];
    return 0;
}

static int store_copy(struct store *s, struct db *db, int fd, off_t offset, struct blob **b,
                      struct instance *i, struct import_outcome *o)
{
    uint8_t digest[sizeof i->digest];
    int r = create(s, i, b);

    if (r == 0)
        r = copy(fd, offset, *b);
    if (r > 0)
        return say(o, IMPORT_REFUSED, "it cannot be read: %s", strerrordesc_np(r));
    if (r == 0)
        r = blob_seal(*b, &i->blob_id, &i->size_bytes, digest);
    if (r < 0)
        return r;
    if (memcmp(digest, i->digest, sizeof digest) != 0)
        return say(o, IMPORT_REFUSED, "it changed while it was read");
    return settle(s, db, b, i, o);
}

static void blob_drop(struct blob **b)
{
    *b = blob_abandon(*b);
}

int import_file(struct store *s, struct db *db, int fd, struct import_outcome *ret)
{
    _cleanup_(instance_done) struct instance i = {0};
    _cleanup_(blob_drop) struct blob *b = NULL;
    struct reread about = {.problem = NULL};
    bool there = false;
    int r = instance_reread(fd, &i, &about);

    *ret = (struct import_outcome){.why = ""};
    if (r == -ENOMEM)
        return r;
    if (r < 0 || strcmp(about.part10.media_class_uid, MEDIA_STORAGE_DIRECTORY) == 0)
        return judge_reading(r, &about, ret);
    if (instance_lack(&i) != INSTANCE_COMPLETE)
        return say(ret, IMPORT_REFUSED, "%s", lacks[instance_lack(&i)]);
    r = index_has(db, s, &i, &there);
    if (r == 0 && there)
        return say(ret, IMPORT_DUPLICATE, "%s", "");
    return r < 0 ? r : store_copy(s, db, fd, (off_t)about.part10.offset, &b, &i, ret);
}
