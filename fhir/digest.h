/* Fingerprint of a Bundle: the same one is not sent twice. Pure. */
#ifndef ISTHMUS_FHIR_DIGEST_H
#define ISTHMUS_FHIR_DIGEST_H

#define DIGEST_TEXT 33

/* XXH3-128 of @text, a Bundle as it is sent, for @target (where it goes: another address has not
 * seen it), as 32 hexadecimal digits. */
void digest_of(const char *text, const char *target, char ret[DIGEST_TEXT]);

#endif
