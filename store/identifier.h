/* Identifiers of queries (PS3.4 section C.2.2): data set bytes ↔ DICOM JSON in UTF-8. */
#ifndef ISTHMUS_STORE_IDENTIFIER_H
#define ISTHMUS_STORE_IDENTIFIER_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define IDENTIFIER_BYTES_MAX (1024u * 1024) /* a longer request is refused */

/* Every attribute of the data set, also private, unknown and empty ones ({"vr": "LO"} without
 * Value: asked for, not matched), sequences with their items (an empty item is {}). Text is
 * decoded with its own Specific Character Set, which stays in the result as sent. Padding is
 * removed; wildcards, '\', ranges and quotes stay. Values are JSON strings for every VR but SQ,
 * PN (object of groups) and the binary numbers (JSON numbers). VRs come from the stream or, in
 * Implicit VR, from the attribute table and a small one of keys; others are "UN".
 * 0; -EBADMSG: *ret_problem is a static phrase; -ENOMEM. */
int identifier_parse(const char *transfer_syntax_uid, const void *bytes, size_t n, json_t **ret,
                     const char **ret_problem);

/* Which Specific Character Set says all text of @attributes: @wanted (the requestor's value,
 * values joined with '\', "" = ISO_IR 6) when every character fits, else @second (or NULL) when
 * its terms are spelt as PS3.3 C.12.1.1.2 has them, else "ISO_IR 192". The result is one of the
 * arguments or a literal. */
const char *identifier_charset(const json_t *attributes, const char *wanted, const char *second);

/* The data set for @attributes in tag order with Specific Character Set (0008,0005) = @charset
 * put in where any is needed, in Implicit or Explicit VR Little Endian, Big Endian or Deflated as
 * @transfer_syntax_uid says; every value padded to even length. @ret is malloc'ed.
 * 0, -ENOMEM, -EILSEQ: a character does not fit @charset. */
int identifier_encode(const json_t *attributes, const char *charset,
                      const char *transfer_syntax_uid, uint8_t **ret, size_t *ret_n);

#endif
