/* A long file on its way to the disk: past the page cache (O_DIRECT) and asynchronously, so that
 * the disk works while more of it comes and while the database does, and nothing else is pushed
 * out of memory for it.
 *
 * direct_begin → direct_append … → direct_finish, then fsync(2), at last direct_cancel(). One file
 * at a time. Functions return 0 or negative errno; the first error of a file stays. Not thread
 * safe; made after fork(), by the process that uses it. */
#ifndef ISTHMUS_STORE_DIRECT_H
#define ISTHMUS_STORE_DIRECT_H

#include <stddef.h>
#include <stdint.h>

#define DIRECT_PIECE_BYTES ((size_t)256 * 1024)
#define DIRECT_FIRST_BYTES ((size_t)128 * 1024) /* the first is shorter: the disk begins sooner */
#define DIRECT_HEAD_BYTES ((size_t)4096)

struct direct;

/* -ENOMEM; -EAGAIN, -ENOSYS …: the kernel has no queue for us. */
int direct_new(struct direct **ret);
struct direct *direct_free(struct direct *d);

/* Memory for a piece, so aligned; free(3) it. NULL: there is none. */
char *direct_buffer(void);

/* @fd, borrowed, is an empty file open for writing; *@buffer, a direct_buffer(), has its first
 * @used bytes, at most DIRECT_FIRST_BYTES, and is exchanged for another one. An error: this file
 * system has no such way; nothing has changed. */
int direct_begin(struct direct *d, int fd, char **buffer, size_t used);

/* Copies. Blocks when the disk is three pieces behind (on XFS: one). */
int direct_append(struct direct *d, const void *bytes, size_t n);

/* Write what is left, and wait until all is written; the first @n bytes of the file (at most
 * DIRECT_HEAD_BYTES, and no more than it has) become those of @head. Not synced. */
int direct_finish(struct direct *d, const void *head, size_t n);

/* Begin an fsync(2) of @directory, which goes on beside the rest. Its end is waited for, and told,
 * by direct_synced(). */
void direct_sync(struct direct *d, int directory);
int direct_synced(struct direct *d);

/* Done with the file, or it is of no use: wait for what is under way. */
void direct_cancel(struct direct *d);

#endif
