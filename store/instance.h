/* What we know of one SOP instance: filled by header.c from the data set, completed by the
 * receiver, written by index.c. It travels the whole way of one image. */
#ifndef ISTHMUS_STORE_INSTANCE_H
#define ISTHMUS_STORE_INSTANCE_H

#include <jansson.h>
#include <stdint.h>

/* Findings about an instance that do not keep it from being stored. */
enum instance_flag {
    INSTANCE_TEXT_UNDECODABLE = 1 << 0, /* bytes the declared character set does not cover */
    INSTANCE_CHARSET_UNKNOWN = 1 << 1,  /* (0008,0005) names a set we do not know */
    INSTANCE_UID_INVALID = 1 << 2,      /* a UID is too long or has other characters than 0-9 . */
    INSTANCE_VALUE_INVALID = 1 << 3,    /* an indexed date, time or number breaks its VR */
    INSTANCE_TRUNCATED = 1 << 4,        /* the data set ends inside an element */
    INSTANCE_HEADER_CUT = 1 << 5,       /* a limit of header.h was met; later attributes missing */
    INSTANCE_REFERENCES_CUT = 1 << 6,   /* more references than references.h allows, or garbled */
};

/* Where an attribute is kept (the Information Entities of PS3.3 A.1.2). */
enum level { LEVEL_PATIENT, LEVEL_STUDY, LEVEL_SERIES, LEVEL_INSTANCE, LEVEL_COUNT };

struct instance {
    /* From the data set; trimmed; NULL when absent or empty. */
    char *sop_class_uid;       /* (0008,0016) */
    char *sop_instance_uid;    /* (0008,0018) */
    char *study_instance_uid;  /* (0020,000D) */
    char *series_instance_uid; /* (0020,000E) */

    /* DICOM JSON (PS3.18 Annex F) of each level: {"00100010": {"vr": "PN", "Value": […]}}.
     * Always UTF-8, padding and control characters removed, empty attributes left out; IS and
     * DS are strings (their text is kept); never NULL after header_finish(). The four UIDs
     * above are not in them; Specific Character Set says what the text was before. */
    json_t *attributes[LEVEL_COUNT];

    char *references; /* to other instances, as JSON text of references.h; NULL: none */

    unsigned flags; /* of enum instance_flag */

    /* From the association and the file. */
    char *transfer_syntax_uid;
    char *calling_ae_title; /* who sent it; NULL when an imported file does not say */
    uint64_t blob_id;       /* see blob.h */
    uint64_t size_bytes;    /* of the data set, without preamble and file meta */
    uint8_t digest[16];     /* XXH3-128 of the data set bytes, canonical (big endian) */
};

/* What keeps an instance from being stored: its place in the index cannot be known. */
enum instance_lack {
    INSTANCE_COMPLETE,
    INSTANCE_UID_TOO_LONG,
    INSTANCE_NO_SOP_INSTANCE_UID,
    INSTANCE_NO_SOP_CLASS_UID,
    INSTANCE_NO_STUDY_UID,  /* has a series but no study */
    INSTANCE_NO_SERIES_UID, /* has a study but no series */
};
#define INSTANCE_UID_MAX 128 /* the standard's 64 are often exceeded */

/* Can it be stored safely (PS3.4 B.2.3)? Identity is all we insist on. */
enum instance_lack instance_lack(const struct instance *i);

/* Free what @i owns and make it all zero again. */
void instance_done(struct instance *i);

#endif
