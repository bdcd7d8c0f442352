/* Where instances live: one Part 10 file each, named by us.
 *
 *   <root>/incoming/<id>                     being received, or received and not yet indexed
 *   <root>/objects/YYYYMMDD/HHMM/<id>.dcm    sealed for good (UTC, taken from the id)
 *
 * blob_create → blob_append … → blob_seal → row committed → blob_release.
 *
 * Sealing gives the file its second, permanent name; the incoming name stays until the row is
 * committed. So incoming/ *is* the spool: after a crash, or while the database is away, a file
 * there with two names was received whole and waits for its row (unless the power was lost before
 * all of it was on the disk, which its seal.h says), a file with one name was never
 * acknowledged (nor is there a file in objects/ that a copy without hard links made of it). The
 * receiver holds flock(2) on the file while it works; the kernel lets go when the process dies, so
 * an unlocked file in incoming/ has no owner. No string from the network is part of a name. */
#ifndef ISTHMUS_STORE_BLOB_H
#define ISTHMUS_STORE_BLOB_H

#include <stddef.h>
#include <stdint.h>

struct store;
struct blob;

/* Open (and where missing create) the directories below @root. @reserve_bytes: free space that
 * is never used. Refuses incoming/ and objects/ on different file systems (-EXDEV) and a root
 * that cannot be written. One per process; usable after fork() in the child. */
int store_open(const char *root, uint64_t reserve_bytes, struct store **ret);
/* The same for those who only look: makes nothing and needs no right to write. */
int store_open_readonly(const char *root, uint64_t reserve_bytes, struct store **ret);
struct store *store_free(struct store *s);

/* Begin a file with @meta (preamble, which becomes its seal, and file meta group; not part of the
 * digest). Returns 0, -ENOSPC (also: less than the reserve is left), -EIO, -ENOMEM … */
int blob_create(struct store *s, const void *meta, size_t meta_bytes, struct blob **ret);

/* Append data set bytes and digest them (XXH3-128). The first error is remembered: later calls
 * do nothing and blob_seal() returns it, so that a stream can be drained to its end. */
int blob_append(struct blob *b, const void *bytes, size_t n);

/* What blob_seal() will answer if nothing more is appended; only the id may become another, as one
 * that is taken. */
void blob_describe(const struct blob *b, uint64_t *ret_id, uint64_t *ret_size_bytes,
                   uint8_t ret_digest[16]);

/* Make it permanent: seal it, link it into objects/, sync the file and that directory (and each
 * directory made on the way). On success the file survives power loss. Blocks on the disk. A
 * failed fsync is final. Returns 0, -ENOSPC, -EIO … ; on error only blob_abandon() makes sense.
 * Fills id, size and digest of the data set. */
int blob_seal(struct blob *b, uint64_t *ret_id, uint64_t *ret_size_bytes, uint8_t ret_digest[16]);

/* Seal several of one store at once, which costs less than one by one. What became of each says
 * blob_seal(), which then has nothing left to do. */
void blob_seal_all(struct blob *const *blobs, size_t n);

/* The ends of a blob; each frees @b (NULL is fine) and returns NULL.
 * release: the row is committed; the incoming name goes (unsynced: doing it twice is harmless).
 * spool: sealed, but the row has to wait; the incoming name is made durable and stays.
 *        *ret_error is 0 or negative errno: on error the file may be lost with the power.
 * hand_over: sealed, and another process commits the row and then calls store_release(); should it
 *        die, store_adopt() finds the file.
 * abandon: not acknowledged; both names go. */
struct blob *blob_release(struct blob *b);
struct blob *blob_spool(struct blob *b, int *ret_error);
struct blob *blob_hand_over(struct blob *b);
struct blob *blob_abandon(struct blob *b);

/* The row of a file that was handed over is committed: its incoming name goes. */
void store_release(struct store *s, uint64_t id);

/* Call @take for each file of incoming/ that has no owner and was sealed, oldest first, holding
 * its lock; unsealed ones without owner are deleted and counted in *ret_abandoned. @take gets an
 * open descriptor at offset 0 (not its own) and returns 0: indexed, the incoming name goes;
 * -ENODATA: it was not received whole, and is deleted; -EAGAIN: stop here, later (the database is
 * away); another error: leave it and go on (-EBUSY: not now). Before that @prepare (may be NULL)
 * sees up to ADOPT_FILES_MAX of them together, and may read from the descriptors. Returns the
 * number taken, or negative errno, also when only some could not be synced. *ret_left: sealed
 * files that stay, with those that have an owner. */
#define ADOPT_FILES_MAX 64
typedef int blob_take(void *context, uint64_t id, int fd);
typedef void blob_prepare(void *context, const uint64_t *ids, const int *fds, size_t n);
int store_adopt(struct store *s, blob_prepare *prepare, blob_take *take, void *context,
                unsigned *ret_abandoned, unsigned *ret_left);

/* Sealed files in incoming/ that wait for their row (with the one or two being received). */
int store_spooled(struct store *s, unsigned *ret_count);

/* Open a sealed file for reading. Returns 0, -ENOENT, -EIO … */
int store_read(struct store *s, uint64_t id, int *ret_fd);

/* Delete the permanent name of a file that no row names (a duplicate). */
int store_delete(struct store *s, uint64_t id);

/* Give a file that is of no use any more the name <id>.damaged, for people to look at. It is not
 * walked over again. -ENOENT: it is gone. */
int store_set_aside(struct store *s, uint64_t id);

/* Path below the root, for people and for DICOM File Access; @buffer of STORE_PATH_MAX. */
#define STORE_PATH_MAX 64
void store_path(uint64_t id, char buffer[STORE_PATH_MAX]);

/* Call @visit for every file of objects/ in order of id. Stops at its first non-zero result. */
int store_walk(struct store *s, int (*visit)(void *context, uint64_t id), void *context);

/* Bytes that may still be written before the reserve is reached. */
int store_free_bytes(struct store *s, uint64_t *ret_bytes);

#endif
