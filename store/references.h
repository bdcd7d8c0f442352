/* The set of instances that one data set refers to (PS3.3 10.3 SOP Instance Reference macro and
 * where it is used), while the data set streams by. What is said twice is kept once, with the
 * frames of both. Its size is bounded, whatever a data set says. */
#ifndef ISTHMUS_STORE_REFERENCES_H
#define ISTHMUS_STORE_REFERENCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFERENCES_MAX 250000 /* different ones of one data set; those behind are left out */
#define REFERENCES_RANGES_MAX 1000000 /* ranges of frames in all of them */

enum reference_kind {
    REFERENCE_CONVERSION,  /* Conversion Source Attributes Sequence (0020,9172) */
    REFERENCE_SOURCE,      /* Source Image (0008,2112), Source Instance Sequence (0042,0013) */
    REFERENCE_DERIVATION,  /* Source Image Sequence of Derivation Image Sequence (0008,9124) */
    REFERENCE_IMAGE,       /* Referenced Image Sequence (0008,1140) */
    REFERENCE_INSTANCE,    /* Referenced Instance Sequence (0008,114A) */
    REFERENCE_PREDECESSOR, /* Predecessor Documents Sequence (0040,A360) */
    REFERENCE_EVIDENCE,    /* Current Requested Procedure Evidence Sequence (0040,A375) */
};

/* Numbers of frames, counted from 1, as ranges. */
struct frames {
    struct frame_range {
        uint32_t first, last;
    } * ranges;
    uint32_t n, room;
};

/* One occurrence. Texts are at most 64 printable ASCII characters without " and \, or empty. */
struct reference {
    enum reference_kind kind;
    const char *sop_class_uid, *sop_instance_uid;
    const char *purpose;         /* "121320 DCM": Purpose of Reference Code Sequence (0040,A170) */
    uint32_t frame;              /* the one of ours that says so; 0: all */
    const struct frames *frames; /* of the other one, (0008,1160); none: all */
};

struct references {
    struct reference_entry *list;
    size_t n, room;
    uint32_t *slots; /* hash table of indices into list, + 1 */
    size_t n_slots;
    char *texts; /* of all entries */
    size_t texts_used, texts_room;
    size_t n_ranges;
    uint64_t seed;
    bool cut; /* a limit was met */
};

/* Add one occurrence. Returns 0 (also when a limit keeps it out) or -ENOMEM. */
int references_add(struct references *s, const struct reference *r);

/* All of them in order of first appearance as compact JSON text (malloc'ed); NULL in @ret when
 * there are none. Each is an array of six:
 *   [kind, SOP class UID, SOP instance UID, purpose, frames of ours, frames of the other one]
 * where kind is "conversion", "source", "derivation", "image", "instance", "predecessor" or
 * "evidence", frames are text such as "1-3,7", null means all frames, and null stands for what
 * is not said. Returns 0 or -ENOMEM. */
int references_text(struct references *s, char **ret);

void references_done(struct references *s);

/* Add @first to @last; -ENOMEM. Numbers may come in any order and repeat. */
int frames_add(struct frames *f, uint32_t first, uint32_t last);
void frames_done(struct frames *f);

#endif
