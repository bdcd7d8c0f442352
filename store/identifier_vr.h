/* The VR of attributes that stand in queries, for Implicit VR. Pure. */
#ifndef ISTHMUS_STORE_IDENTIFIER_VR_H
#define ISTHMUS_STORE_IDENTIFIER_VR_H

#include <stdint.h>

/* Of the attribute table, of keys that only queries have (PS3.4 annexes C and K), or of the
 * element that reserves a private block; "UN": unknown. */
const char *identifier_vr(uint32_t tag);

#endif
