/* A directory of its own for each test, removed with what is in it. */
#ifndef ISTHMUS_TESTS_STORE_DIRECTORY_H
#define ISTHMUS_TESTS_STORE_DIRECTORY_H

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[64];

static inline void make_directory(void)
{
    (void)snprintf(directory, sizeof directory, "/tmp/isthmus-store-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void remove_directory(void)
{
    (void)nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
