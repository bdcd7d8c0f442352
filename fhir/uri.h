/* URIs (RFC 3986). Pure. */
#ifndef ISTHMUS_FHIR_URI_H
#define ISTHMUS_FHIR_URI_H

#include <stdbool.h>

/* scheme ":" something, without spaces and other characters that a URI cannot hold. */
bool uri_is_absolute(const char *uri);

/* What may follow "urn:oid:": [0-2](.(0|[1-9][0-9]*))+, unlike a UID without leading zeros. */
bool uri_is_oid(const char *text);

/* Percent-encode everything but letters, digits and - . _ ~. malloc'ed. */
char *uri_encode(const char *text);

/* @template with "{name}" replaced by the encoded @value; NULL when @template is NULL or the
 * result is not an absolute URI. malloc'ed. */
char *uri_from_template(const char *template, const char *name, const char *value);

#endif
