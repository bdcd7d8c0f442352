/* Between store.c (directories), blob.c, blob_write.c and direct.c (one file) and spool.c
 * (incoming/); nobody else includes this. */
#ifndef ISTHMUS_STORE_BLOB_INTERNAL_H
#define ISTHMUS_STORE_BLOB_INTERNAL_H

#include "store/blob.h"

#include <errno.h>
#include <stdbool.h>
#include <xxhash.h>

#define INCOMING_NAME_MAX 17 /* 16 hex digits */
#define OBJECT_NAME_MAX 21   /* the same and ".dcm" */

struct store {
    int root_fd, incoming_fd, objects_fd;
    uint64_t reserve_bytes;

    /* The directory of objects/ used last. */
    uint64_t minute; /* since 1970 */
    int minute_fd;

    /* Room seen by the last statvfs(2), less what this process wrote since. */
    uint64_t room_bytes;
    uint64_t room_checked_ms;

    /* Kept from the last blob for the next one. */
    char *spare_buffer;
    XXH3_state_t *spare_digest;
    struct direct *spare_direct; /* of the one that there is */
    bool has_direct;             /* it is there, or was tried for in vain */
};

struct blob {
    struct store *store;
    uint64_t id;
    int fd;
    bool linked; /* has its name in objects/ */
    bool sealed;
    int error;             /* the first one, negative errno */
    struct direct *direct; /* writes the file, as it is a long one */
    char *buffer;
    size_t used;            /* of the buffer */
    uint64_t written_bytes; /* of the file, meta included */
    uint64_t flushed_bytes;
    uint64_t size_bytes; /* of the data set */
    XXH3_state_t *digest;
};

/* All bytes of the file are written, with the seal. */
int blob_finish(struct blob *b);

void blob_digest(const struct blob *b, uint8_t ret[16]);

/* Negative errno: a quota is a full disk too. */
static inline int blob_error(int e)
{
    return e == EDQUOT ? -ENOSPC : -e;
}

/* A new id: milliseconds since 1970 and 20 random bits. */
uint64_t blob_id_new(void);
void incoming_name(uint64_t id, char name[INCOMING_NAME_MAX]);
void object_name(uint64_t id, char name[OBJECT_NAME_MAX]);
/* -EINVAL: not the name of a file in incoming/. */
int incoming_id(const char *name, uint64_t *ret);

/* The directory of objects/ for @id, made and synced where missing; borrowed until the next call.
 */
int store_minute_fd(struct store *s, uint64_t id, int *ret_fd);

bool store_same_minute(uint64_t a, uint64_t b);

/* 0 when @bytes more can be written without touching the reserve, -ENOSPC otherwise. Looks at
 * the file system at most a few times a second and at least once in 64 MiB. */
int store_take_room(struct store *s, uint64_t bytes);

#endif
