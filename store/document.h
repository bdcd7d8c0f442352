/* DICOM JSON as the database gives it back. */
#ifndef ISTHMUS_STORE_DOCUMENT_H
#define ISTHMUS_STORE_DOCUMENT_H

#include <jansson.h>

/* Parse the text of a jsonb value. PostgreSQL writes a real such as 1e300 with all its digits and
 * no point, which jansson refuses as an integer; here it is the real that it was. 0, -ENOMEM or
 * -EBADMSG: it cannot be read at all. */
int document_parse(const char *text, json_t **ret);

#endif
