/* What the preamble of a file in the store says (PS3.10 7.1 leaves it to us): how long the whole
 * file is and what its data set was when the last byte had come; until then, that it is of no
 * length. It is written before the file is synced, so after a loss of power it tells a file that is
 * whole from a part of one, and any time later bytes that were received from others. Pure. */
#ifndef ISTHMUS_STORE_SEAL_H
#define ISTHMUS_STORE_SEAL_H

#include <stddef.h>
#include <stdint.h>

#define SEAL_BYTES 128

struct seal {
    uint64_t file_bytes; /* preamble, file meta group and data set */
    uint8_t digest[16];  /* XXH3-128 of the data set, canonical */
};

/* Text, for people too: "isthmus sealed FILE_BYTES DIGEST". */
void seal_write(const struct seal *s, uint8_t preamble[SEAL_BYTES]);

/* From the first @n bytes of a file. 0; -ENODATA: there is none. */
int seal_read(const void *bytes, size_t n, struct seal *ret);

#endif
