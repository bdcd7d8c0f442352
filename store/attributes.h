/* The attributes that the index keeps, and at which level (PS3.3 A.1.2). One row more in
 * attributes.c is enough to keep another top-level attribute; a sequence is kept whole. Pure. */
#ifndef ISTHMUS_STORE_ATTRIBUTES_H
#define ISTHMUS_STORE_ATTRIBUTES_H

#include "store/instance.h"

#include <stddef.h>
#include <stdint.h>

struct attribute {
    uint32_t tag;        /* group << 16 | element */
    char vr[3];          /* PS3.6 */
    enum level level;    /* whose document it belongs to */
    const char *keyword; /* PS3.6, "PatientName" */
};

/* All rows in order of tag. */
extern const struct attribute attributes[];
extern const size_t attributes_count;

/* The row of a top-level attribute; NULL: not kept. */
const struct attribute *attribute_find(uint32_t tag);

/* The VR of an attribute that is kept or may stand in items of kept sequences, for Implicit VR;
 * NULL: unknown. */
const char *attribute_vr(uint32_t tag);

/* The key of DICOM JSON: eight hexadecimal digits, upper case. */
#define ATTRIBUTE_KEY_SIZE 9
void attribute_key(uint32_t tag, char ret[ATTRIBUTE_KEY_SIZE]);

#endif
