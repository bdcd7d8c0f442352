/* Read a stored file again as if it had just been received: for adoption after a crash, for
 * reindexing and import. */
#ifndef ISTHMUS_STORE_REREAD_H
#define ISTHMUS_STORE_REREAD_H

#include "store/instance.h"

/* Read the Part 10 file behind @fd from its beginning to its end, in constant memory: header,
 * transfer syntax, source AE title (as calling_ae_title), size and digest of the data set.
 * blob_id is the caller's. @ret must be zero and is freed by the caller with instance_done() in
 * every case. 0; -EBADMSG: not a Part 10 file or a header that cannot be followed; -EIO, -ENOMEM.
 */
int instance_reread(int fd, struct instance *ret);

#endif
