#include "fhir/jwt.h"

#include <criterion/criterion.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/isthmus-key.XXXXXX";

static void save(EVP_PKEY *key)
{
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");

    cr_assert_eq(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    (void)fclose(f);
}

static unsigned char *decode(const char *text, size_t *ret_n)
{
    size_t n = strlen(text), padded = (n + 3) / 4 * 4;
    char *copy = malloc(padded + 1);
    unsigned char *bytes = malloc(padded);

    (void)snprintf(copy, padded + 1, "%s===", text);
    for (char *c = copy; *c; c++)
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    cr_assert(EVP_DecodeBlock(bytes, (unsigned char *)copy, (int)padded) >= 0);
    *ret_n = n * 3 / 4;
    free(copy);
    return bytes;
}

static bool verifies(EVP_PKEY *key, const char *text, size_t n_text, const unsigned char *signature,
                     size_t n)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = EVP_DigestVerifyInit(context, NULL, EVP_sha384(), NULL, key) == 1 &&
              EVP_DigestVerify(context, signature, n, (const unsigned char *)text, n_text) == 1;

    EVP_MD_CTX_free(context);
    return ok;
}

static unsigned char *der_of(const unsigned char *numbers, size_t n, size_t *ret_n)
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    unsigned char *der = NULL;

    cr_assert_eq(n, 96);
    ECDSA_SIG_set0(signature, BN_bin2bn(numbers, 48, NULL), BN_bin2bn(numbers + 48, 48, NULL));
    *ret_n = (size_t)i2d_ECDSA_SIG(signature, &der);
    ECDSA_SIG_free(signature);
    return der;
}

static void check_signature(EVP_PKEY *key, const char *algorithm)
{
    json_t *claims = json_pack("{s:s}", "iss", "client");
    struct jwt_key *k = NULL;
    char *message = NULL, *token, *dot, *header;
    unsigned char *signature, *der;
    size_t n;

    cr_assert_eq(jwt_key_load(path, &k, &message), 0, "%s", message);
    token = jwt_sign(k, "key-1", claims);
    dot = strrchr(token, '.');
    signature = decode(dot + 1, &n);
    if (strcmp(algorithm, "ES384") == 0) {
        der = der_of(signature, n, &n);
        free(signature);
        signature = malloc(n);
        memcpy(signature, der, n);
        OPENSSL_free(der);
    }
    cr_assert(verifies(key, token, (size_t)(dot - token), signature, n));
    *strchr(token, '.') = '\0';
    header = (char *)decode(token, &n);
    header[n] = '\0';
    cr_assert_not_null(strstr(header, algorithm), "%s", header);
    cr_assert_not_null(strstr(header, "\"kid\":\"key-1\""), "%s", header);
    free(header);
    free(signature);
    free(token);
    k = jwt_key_free(k);
    json_decref(claims);
    EVP_PKEY_free(key);
    (void)unlink(path);
}

Test(jwt, is_signed_with_rs384)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);

    save(key);
    check_signature(key, "RS384");
}

Test(jwt, is_signed_with_es384)
{
    EVP_PKEY *key = EVP_EC_gen("P-384");

    save(key);
    check_signature(key, "ES384");
}

Test(jwt, of_a_weak_or_other_key_is_refused)
{
    EVP_PKEY *keys[] = {EVP_RSA_gen(1024), EVP_EC_gen("P-256")};
    static const char *const words[] = {"2048", "P-384"};

    for (int i = 0; i < 2; i++) {
        struct jwt_key *k = NULL;
        char *message = NULL;

        (void)strcpy(path, "/tmp/isthmus-key.XXXXXX");
        save(keys[i]);
        cr_assert_lt(jwt_key_load(path, &k, &message), 0);
        cr_assert_not_null(strstr(message, words[i]), "%s", message);
        free(message);
        EVP_PKEY_free(keys[i]);
        (void)unlink(path);
    }
}

Test(jwt, of_a_file_that_is_no_key_is_refused)
{
    struct jwt_key *k = NULL;
    char *message = NULL;

    cr_assert_lt(jwt_key_load("/dev/null", &k, &message), 0);
    free(message);
    cr_assert_lt(jwt_key_load("/nonexistent", &k, &message), 0);
    free(message);
}

Test(jwt, base64url_has_no_padding)
{
    static const struct {
        const char *bytes, *text;
    } rows[] = {{"", ""},        {"f", "Zg"},         {"fo", "Zm8"},
                {"foo", "Zm9v"}, {"\xfb\xff", "-_8"}, {"foobar", "Zm9vYmFy"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = jwt_base64url(rows[i].bytes, strlen(rows[i].bytes));

        cr_assert_str_eq(text, rows[i].text);
        free(text);
    }
}
