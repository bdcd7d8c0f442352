/* Value representations (PS3.5 6.2): how elements are laid out and what their values are. Pure. */
#ifndef ISTHMUS_STORE_VR_H
#define ISTHMUS_STORE_VR_H

#include <stdbool.h>
#include <stdint.h>

/* A VR as a number, from its two letters or a string that begins with them. */
#define VR(a, b) ((uint16_t)((unsigned char)(a) << 8 | (unsigned char)(b)))
#define VR_OF(s) VR((s)[0], (s)[1])

enum vr_kind {
    VR_TEXT,
    VR_NUMBER, /* binary, AT included */
    VR_SEQUENCE,
    VR_BULK, /* OB, OW …, UN and what is not known */
};

enum vr_kind vr_kind(uint16_t vr);

/* Explicit VR: the length has two bytes. All other VRs, also ones yet unknown, have two unused
 * bytes and a length of four (PS3.5 7.1.2). */
bool vr_short(uint16_t vr);

#endif
