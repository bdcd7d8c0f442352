/* The files that a DICOMDIR lists (PS3.3 Annex F). Pure. */
#ifndef ISTHMUS_STORE_DICOMDIR_H
#define ISTHMUS_STORE_DICOMDIR_H

#include <stddef.h>

/* A Referenced File ID (0004,1500) as a path below the DICOMDIR ("IMAGES/CT/I0001"); NULL: one that
 * leads elsewhere. Not 0 ends dicomdir_read() with it. */
typedef int dicomdir_file(void *context, const char *path);

/* Call @each for every file that the @n bytes of a DICOMDIR list. 0; -EBADMSG: not a DICOMDIR, or
 * one that cannot be followed; what was found up to there has been told. */
int dicomdir_read(const void *bytes, size_t n, dicomdir_file *each, void *context);

#endif
