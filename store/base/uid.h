/* Unique identifiers (PS3.5 section 9): digits and dots, at most 64 characters. Pure. */
#ifndef ISTHMUS_STORE_BASE_UID_H
#define ISTHMUS_STORE_BASE_UID_H

#include <stdbool.h>

#define UID_MAX 64

/* Digits in components between single dots, at most 64 characters. Leading zeros of a component
 * are tolerated: such UIDs exist and are the key under which an image is found. */
bool uid_valid(const char *uid);

#endif
