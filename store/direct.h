/* A long file on its way to the disk: past the page cache (O_DIRECT) and asynchronously, so that
 * the disk works while more of it comes and while the database does, and nothing else is pushed
 * out of memory for it.
 *
 * direct_begin → direct_append … → direct_finish → direct_settle, then fsync(2). One file at a
 * time. Functions return 0 or negative errno; after the first error of a file only direct_cancel()
 * makes sense. Not thread safe; made after fork(), by the process that uses it. */
#ifndef ISTHMUS_STORE_DIRECT_H
#define ISTHMUS_STORE_DIRECT_H

#include <stddef.h>
#include <stdint.h>

#define DIRECT_PIECE_BYTES ((size_t)256 * 1024)
#define DIRECT_ALIGNMENT ((size_t)4096) /* of memory, offset and length of each write */

struct direct;

/* -ENOMEM; -EAGAIN, -ENOSYS …: the kernel has no queue for us. */
int direct_new(struct direct **ret);
struct direct *direct_free(struct direct *d);

/* Memory for a piece, so aligned; free(3) it. NULL: there is none. */
char *direct_buffer(void);

/* @fd, borrowed, is an empty file open for writing; *@buffer, a
 * direct_buffer(), has its first @used bytes and is exchanged for another one. An error: this file
 * system has no such way; nothing has changed. */
int direct_begin(struct direct *d, int fd, char **buffer, size_t used);

/* Copies. Blocks when the disk is three pieces behind. */
int direct_append(struct direct *d, const void *bytes, size_t n);

/* All that was appended is on its way; its first @n bytes (at most DIRECT_ALIGNMENT, and in the
 * first piece) will be those of @head. */
int direct_finish(struct direct *d, const void *head, size_t n);

/* Begin an fsync(2) of @directory, which goes on beside the rest. Its end is waited for, and told,
 * by direct_synced(). */
void direct_sync(struct direct *d, int directory);
int direct_synced(struct direct *d);

/* Wait until all is written. It is not synced yet. */
int direct_settle(struct direct *d);

/* The file is of no use: wait for what is under way. */
void direct_cancel(struct direct *d);

#endif
