/* Signed JSON Web Tokens (RFC 7515, 7519) with RS384 or ES384, as SMART Backend Services asks. */
#ifndef ISTHMUS_FHIR_JWT_H
#define ISTHMUS_FHIR_JWT_H

#include <jansson.h>

struct jwt_key;

/* Read an RSA key of at least 2048 bits (RS384) or one on P-384 (ES384) from a PEM file. -EINVAL:
 * @ret_message (malloc'ed) says what is wrong with it. */
int jwt_key_load(const char *path, struct jwt_key **ret, char **ret_message);
struct jwt_key *jwt_key_free(struct jwt_key *k);

/* The compact serialisation of @claims signed under @key_id; malloc'ed. NULL: signing failed. */
char *jwt_sign(const struct jwt_key *k, const char *key_id, const json_t *claims);

/* Base64url without padding (RFC 4648 section 5); malloc'ed. Pure. */
char *jwt_base64url(const void *bytes, size_t n);

#endif
