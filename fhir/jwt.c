#include "fhir/jwt.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "store/base/cleanup.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#define RSA_BITS_MIN 2048
#define P384_BYTES 48 /* of each of the two numbers of a signature */

struct jwt_key {
    EVP_PKEY *key;
    bool elliptic;
};

char *jwt_base64url(const void *bytes, size_t n)
{
    char *text = memory_new(4 * ((n + 2) / 3) + 1);
    int length = EVP_EncodeBlock((unsigned char *)text, bytes, (int)n);

    while (length > 0 && text[length - 1] == '=')
        length--;
    text[length] = '\0';
    for (char *c = text; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    return text;
}

static const char *why_not(EVP_PKEY *key, bool *ret_elliptic)
{
    char group[32] = "";
    size_t n;

    if (!key)
        return "is not a private key in PEM";
    if (EVP_PKEY_is_a(key, "RSA"))
        return EVP_PKEY_get_bits(key) < RSA_BITS_MIN ? "has fewer than 2048 bits" : NULL;
    if (!EVP_PKEY_is_a(key, "EC") || !EVP_PKEY_get_group_name(key, group, sizeof group, &n) ||
        strcmp(group, "secp384r1") != 0)
        return "is neither RSA nor on the curve P-384";
    *ret_elliptic = true;
    return NULL;
}

int jwt_key_load(const char *path, struct jwt_key **ret, char **ret_message)
{
    _cleanup_fclose_ FILE *f = fopen(path, "re");
    struct jwt_key *k;
    bool elliptic = false;
    EVP_PKEY *key;
    const char *problem;

    if (!f) {
        *ret_message = memory_print("%s cannot be read", path);
        return -EINVAL;
    }
    key = PEM_read_PrivateKey(f, NULL, NULL, (void *)""); /* no prompt */
    problem = why_not(key, &elliptic);
    if (problem) {
        EVP_PKEY_free(key);
        *ret_message = memory_print("%s %s", path, problem);
        return -EINVAL;
    }
    k = memory_new(sizeof *k);
    *k = (struct jwt_key){.key = key, .elliptic = elliptic};
    *ret = k;
    return 0;
}

struct jwt_key *jwt_key_free(struct jwt_key *k)
{
    if (k)
        EVP_PKEY_free(k->key);
    free(k);
    return NULL;
}

/* OpenSSL's DER signature as the two numbers side by side (RFC 7518 section 3.4). */
static unsigned char *plain_numbers(const unsigned char *der, size_t *n)
{
    const unsigned char *from = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &from, (long)*n);
    unsigned char *numbers = memory_new(2 * P384_BYTES);
    bool ok = signature && BN_bn2binpad(ECDSA_SIG_get0_r(signature), numbers, P384_BYTES) >= 0 &&
              BN_bn2binpad(ECDSA_SIG_get0_s(signature), numbers + P384_BYTES, P384_BYTES) >= 0;

    ECDSA_SIG_free(signature);
    *n = 2 * P384_BYTES;
    if (!ok)
        free(TAKE_PTR(numbers));
    return numbers;
}

static unsigned char *sign(const struct jwt_key *k, const char *text, size_t *ret_n)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    _cleanup_free_ unsigned char *signature = NULL;
    bool ok = context && EVP_DigestSignInit(context, NULL, EVP_sha384(), NULL, k->key) == 1 &&
              EVP_DigestSign(context, NULL, ret_n, (const unsigned char *)text, strlen(text)) == 1;

    if (ok) {
        signature = memory_new(*ret_n);
        ok = EVP_DigestSign(context, signature, ret_n, (const unsigned char *)text, strlen(text)) ==
             1;
    }
    EVP_MD_CTX_free(context);
    if (!ok)
        return NULL;
    return k->elliptic ? plain_numbers(signature, ret_n) : TAKE_PTR(signature);
}

static char *part(const json_t *node)
{
    _cleanup_free_ char *text = json_dumps(node, JSON_COMPACT);

    return jwt_base64url(text, strlen(text));
}

char *jwt_sign(const struct jwt_key *k, const char *key_id, const json_t *claims)
{
    _cleanup_json_ json_t *header = json_object();
    _cleanup_free_ char *head = NULL, *body = part(claims), *text = NULL, *end = NULL;
    _cleanup_free_ unsigned char *signature = NULL;
    size_t n;

    node_set_text(header, "alg", k->elliptic ? "ES384" : "RS384");
    node_set_text(header, "kid", key_id);
    node_set_text(header, "typ", "JWT");
    head = part(header);
    text = memory_print("%s.%s", head, body);
    signature = sign(k, text, &n);
    if (!signature)
        return NULL;
    end = jwt_base64url(signature, n);
    return memory_print("%s.%s", text, end);
}
