/* Which parts of a data set refer to other instances, for the parser of header.h: it asks where
 * a sequence leads, says when items begin and end, and hands over the values that are wanted. */
#ifndef ISTHMUS_STORE_HEADER_REFERENCES_H
#define ISTHMUS_STORE_HEADER_REFERENCES_H

#include "store/references.h"

/* What sequences and their items are to us. */
enum place {
    PLACE_NONE, /* nothing in it refers to an instance */
    PLACE_DATA_SET,
    PLACE_SHARED_GROUPS, /* Shared Functional Groups Sequence (5200,9229) */
    PLACE_FRAME_GROUPS,  /* Per-Frame Functional Groups Sequence (5200,9230) */
    PLACE_DERIVATIONS,   /* Derivation Image Sequence (0008,9124) */
    PLACE_SERIES,        /* Referenced Series Sequence (0008,1115) */
    PLACE_PREDECESSORS,  /* studies and series of Predecessor Documents Sequence (0040,A360) */
    PLACE_EVIDENCE,      /* … of Current Requested Procedure Evidence Sequence (0040,A375) */
    PLACE_PURPOSE,       /* Purpose of Reference Code Sequence (0040,A170) */
    PLACE_REFERENCE,     /* + enum reference_kind: its items are references */
};

struct reference_reader {
    struct references set;
    char sop_class_uid[66], sop_instance_uid[66]; /* of the item being read */
    char code[18], scheme[18];                    /* of its purpose */
    struct frames frames;                         /* of the other one */
    uint32_t frame;                               /* of ours; 0: outside the per-frame groups */

    /* The value being read: text of at most @size - 2 goes to @text, numbers to @frames. */
    char *text;
    size_t size, n;
    uint32_t number;
    bool has_digit, broken;
};

/* Where sequence @tag leads that stands in @in. */
enum place reference_place(enum place in, uint32_t tag);

/* An item of a sequence of @place begins, ends. 0 or -ENOMEM. */
void reference_begin_item(struct reference_reader *r, enum place place);
int reference_end_item(struct reference_reader *r, enum place place);
void reference_end_sequence(struct reference_reader *r, enum place place);

/* Whether the value of @tag in an item of @place is wanted; then it is handed over in pieces. */
bool reference_begin_value(struct reference_reader *r, enum place place, uint32_t tag);
int reference_feed(struct reference_reader *r, const void *bytes, size_t n);
int reference_end_value(struct reference_reader *r);

void reference_reader_done(struct reference_reader *r);

#endif
