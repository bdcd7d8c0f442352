/* `isthmus import`: what its files share. */
#ifndef ISTHMUS_STORE_TOOL_IMPORT_H
#define ISTHMUS_STORE_TOOL_IMPORT_H

#include "store/base/conf.h"
#include "store/crew.h"
#include "store/import.h"

#include <stdint.h>
#include <sys/types.h>

/* Where import_walk() tells what it finds. Not 0 ends the walk with it. */
struct import_walk {
    void *context;
    int (*file)(void *context, const char *path, off_t size_bytes);
    /* @why is a phrase: a symbolic link, a directory that cannot be read, a file that a DICOMDIR
     * lists and that is not there (@lost). */
    int (*other)(void *context, const char *path, const char *why, int lost);
};

/* Every regular file that @paths (ended by NULL) stand for, in a fixed order: a file itself, a
 * directory with all below it, a file called DICOMDIR the files that it lists. Symbolic links are
 * followed only where they are an argument. 0, negative errno, or what a callback returned. */
int import_walk(char *const *paths, const struct import_walk *w);

/* A process of the crew takes a group of files at a time, a large one alone: a task is their paths,
 * each with its NUL. */
#define IMPORT_GROUP_FILES 32
#define IMPORT_GROUP_BYTES ((off_t)8 << 20)
#define IMPORT_GROUP_NAMES 4096
#define IMPORT_DATABASE_MAX 80

/* The answer to a group: this, for each file a struct import_found, then the rows that these
 * announce one behind the other. */
struct import_answer {
    int error; /* 0 or negative errno: no use going on */
    uint32_t files;
    char database[IMPORT_DATABASE_MAX]; /* what it said */
};

struct import_found {
    struct import_outcome outcome;
    uint64_t size_bytes, blob, row_bytes;
};

/* How many paths there are in a task. */
uint32_t import_count(const char *paths, size_t n);

/* Start the crew, see crew_new(). @s is copied to it. */
int import_crew(const struct conf *conf, struct store *s, unsigned jobs, crew_answer *answer,
                void *context, struct crew **ret);

#endif
