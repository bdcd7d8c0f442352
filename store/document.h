/* DICOM JSON as the database takes it and gives it back. */
#ifndef ISTHMUS_STORE_DOCUMENT_H
#define ISTHMUS_STORE_DOCUMENT_H

#include <jansson.h>

/* Parse the text of a jsonb value. PostgreSQL writes a real such as 1e300 with all its digits and
 * no point, which jansson refuses as an integer; here it is the real that it was. 0, -ENOMEM or
 * -EBADMSG: it cannot be read at all. */
int document_parse(const char *text, json_t **ret);

/* Its text, the same as of json_dumps(…, JSON_COMPACT), which takes twice as long: it looks for
 * loops, which no document has. The strings must be UTF-8. 0 or -ENOMEM; the caller frees @ret. */
int document_write(json_t *document, char **ret);

#endif
