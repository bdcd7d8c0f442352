/* URIs (RFC 3986). Pure. */
#ifndef ISTHMUS_FHIR_URI_H
#define ISTHMUS_FHIR_URI_H

#include <stdbool.h>

/* scheme ":" something, without spaces and other characters that a URI cannot hold. */
bool uri_is_absolute(const char *uri);

/* Percent-encode everything but letters, digits and - . _ ~. malloc'ed. */
char *uri_encode(const char *text);

/* @template with "{name}" replaced by the encoded @value; NULL when @template is NULL or the
 * result is not an absolute URI. malloc'ed. */
char *uri_from_template(const char *template, const char *name, const char *value);

#endif
