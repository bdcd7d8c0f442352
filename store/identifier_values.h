/* "Value" arrays of DICOM JSON → the bytes of a value (PS3.5 6.2). */
#ifndef ISTHMUS_STORE_IDENTIFIER_VALUES_H
#define ISTHMUS_STORE_IDENTIFIER_VALUES_H

#include "store/identifier_text.h"

#include <jansson.h>

struct value_writer {
    struct bytes out;
    struct charset charset;
    bool implicit, big_endian;
    unsigned depth; /* of open sequences */
};

/* The lowest @size bytes of @value in the byte order of the data set. */
void write_number(struct value_writer *w, uint64_t value, unsigned size);

/* @values (an array or NULL) of an attribute that is no sequence, unpadded. Binary values other
 * than numbers, and numbers that their VR cannot hold, are left out. 0 or -EILSEQ. */
int write_values(struct value_writer *w, uint16_t vr, const json_t *values);

#endif
