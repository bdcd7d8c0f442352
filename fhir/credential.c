#include "fhir/credential.h"
#include "fhir/memory.h"
#include "store/base/cleanup.h"

#include <errno.h>
#include <string.h>

struct credential {
    const struct delivery *delivery;
};

char *credential_read_line(const char *path)
{
    _cleanup_fclose_ FILE *f = fopen(path, "re");
    _cleanup_free_ char *line = NULL;
    size_t size = 0;

    if (!f || getline(&line, &size, f) < 0)
        return NULL;
    line[strcspn(line, "\r\n")] = '\0';
    return *line ? TAKE_PTR(line) : NULL;
}

/* Forget a secret before its memory is given back. */
static void wipe(char **secret)
{
    if (*secret)
        explicit_bzero(*secret, strlen(*secret));
    free(*secret);
}

static const char *secret_file(const struct delivery *d)
{
    switch (d->authentication) {
    case AUTH_BEARER:
        return d->token_file;
    case AUTH_BASIC:
        return d->password_file;
    default:
        return NULL;
    }
}

int credential_new(const struct delivery *d, struct credential **ret, char **ret_message)
{
    const char *path = secret_file(d);
    __attribute__((cleanup(wipe))) char *secret = path ? credential_read_line(path) : NULL;

    if (path && !secret) {
        *ret_message = memory_print("%s cannot be read or is empty", path);
        return -EINVAL;
    }
    *ret = memory_new(sizeof **ret);
    (*ret)->delivery = d;
    return 0;
}

struct credential *credential_free(struct credential *c)
{
    free(c);
    return NULL;
}

/* The file is read for each request: it is small, and a new token counts at once. */
int credential_apply(struct credential *c, CURL *curl)
{
    const struct delivery *d = c->delivery;
    const char *path = secret_file(d);
    __attribute__((cleanup(wipe))) char *secret = path ? credential_read_line(path) : NULL;

    if (path && !secret)
        return -EAGAIN;
    if (d->authentication == AUTH_BEARER) {
        (void)curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        (void)curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, secret);
    } else if (d->authentication == AUTH_BASIC) {
        (void)curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        (void)curl_easy_setopt(curl, CURLOPT_USERNAME, d->user);
        (void)curl_easy_setopt(curl, CURLOPT_PASSWORD, secret);
    }
    return 0;
}

/* Somebody may be writing a new token at this moment: one more trial is cheap. */
bool credential_renew(struct credential *c)
{
    return c->delivery->authentication == AUTH_BEARER;
}
