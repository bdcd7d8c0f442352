/* Read a stored file again as if it had just been received: for adoption after a crash, for
 * reindexing and import. */
#ifndef ISTHMUS_STORE_REREAD_H
#define ISTHMUS_STORE_REREAD_H

#include "store/instance.h"
#include "store/part10.h"
#include "store/seal.h"

/* What else is found out about the file. */
struct reread {
    struct part10 part10;
    const char *problem; /* why -EBADMSG: a short phrase without values, static text */
    bool other_file;     /* it is not a DICOM file at all */
    bool sealed;         /* by us, whole or not; only instance_reread_sealed() looks */
};

/* What the preamble of the file behind @fd says, wherever it stands. 0: the file is ours and as
 * long as it says; -ENODATA: it is none of ours, or (*@ret_sealed) not all of it; -EIO. */
int reread_seal(int fd, struct seal *ret, bool *ret_sealed);

/* Read the file behind @fd from where it stands to its end, in constant memory: header, transfer
 * syntax, source AE title (as calling_ae_title), size and digest of the data set. blob_id is the
 * caller's. @ret must be zero and is freed by the caller with instance_done() in every case.
 * @ret_about may be NULL; it is set on success and for -EBADMSG.
 * 0; -EBADMSG: not a DICOM file or a header that cannot be followed; -EIO, -ENOMEM. */
int instance_reread(int fd, struct instance *ret, struct reread *ret_about);

/* The same for a file of the store from its beginning. Also -ENODATA: it was not received whole, or
 * not by us, and was not read; -EILSEQ: it was, and has other bytes now; the digest in @ret is that
 * of what came. @ret_about is always set. */
int instance_reread_sealed(int fd, struct instance *ret, struct reread *ret_about);

#endif
