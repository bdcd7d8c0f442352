/* The first part of a DICOM file: preamble and File Meta Information (PS3.10 section 7.1), as they
 * should be and as they are found. Pure. */
#ifndef ISTHMUS_STORE_PART10_H
#define ISTHMUS_STORE_PART10_H

#include <stdbool.h>
#include <stddef.h>

#define PART10_META_MAX ((size_t)1 << 20) /* no file meta group needs more */
#define MEDIA_STORAGE_DIRECTORY "1.2.840.10008.1.3.10"

struct part10 {
    char media_class_uid[65];     /* (0002,0002), "" when it is missing */
    char transfer_syntax_uid[65]; /* (0002,0010), or what the data set looks like */
    char source_ae_title[17];     /* (0002,0016), "" when it is missing */
    size_t offset;                /* of the data set */
};

/* Look at the first @n bytes of a file; @whole: it has no more. Also files without preamble, with
 * an implicit VR meta group, without transfer syntax, and data sets without anything in front: then
 * the first element must tell which of the three uncompressed transfer syntaxes it is in.
 * 0; -EAGAIN: more bytes are needed; -EBADMSG: it cannot be followed; -ENOMSG: not a DICOM file. */
int part10_read(const void *bytes, size_t n, bool whole, struct part10 *ret);

#endif
