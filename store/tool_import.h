/* `isthmus import`: what its two files share. */
#ifndef ISTHMUS_STORE_TOOL_IMPORT_H
#define ISTHMUS_STORE_TOOL_IMPORT_H

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

#endif
