/* A store in a directory of its own, and files in it. */
#ifndef ISTHMUS_TESTS_STORE_BLOBS_H
#define ISTHMUS_TESTS_STORE_BLOBS_H

#include "store/blob.h"
#include "tests/unit/store/directory.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <sys/stat.h>

static struct store *store;

/* Room for the seal, and what a file has after it. */
#define META_BYTES 132
static const char some_meta[META_BYTES] = {[128] = 'm', 'e', 't', 'a'};

static inline void open_store(void)
{
    (void)umask(022);
    make_directory();
    cr_assert_eq(store_open(directory, 0, &store), 0);
}

static inline void close_store(void)
{
    store_free(store);
    remove_directory();
}

struct sealed {
    uint64_t id, size;
    uint8_t digest[16];
};

static inline struct blob *begin(const void *bytes, size_t n)
{
    struct blob *b = NULL;

    cr_assert_eq(blob_create(store, some_meta, META_BYTES, &b), 0);
    cr_assert_eq(blob_append(b, bytes, n), 0);
    return b;
}

static inline struct sealed seal(struct blob *b)
{
    struct sealed s;

    cr_assert_eq(blob_seal(b, &s.id, &s.size, s.digest), 0);
    return s;
}

static inline bool has_incoming(uint64_t id)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/incoming/%016" PRIx64, directory, id);
    return access(path, F_OK) == 0;
}

static inline bool has_object(uint64_t id)
{
    int fd;

    if (store_read(store, id, &fd) < 0)
        return false;
    (void)close(fd);
    return true;
}

static inline unsigned count_incoming(void)
{
    char path[128];
    struct dirent **entries;
    int n;

    (void)snprintf(path, sizeof path, "%s/incoming", directory);
    n = scandir(path, &entries, NULL, alphasort);
    cr_assert_geq(n, 2);
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    return (unsigned)n - 2;
}

static inline unsigned spooled(void)
{
    unsigned n = 99;

    cr_assert_eq(store_spooled(store, &n), 0);
    return n;
}

#endif
