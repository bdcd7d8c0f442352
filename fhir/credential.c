#include "fhir/credential.h"
#include "fhir/memory.h"
#include "fhir/smart.h"
#include "store/base/cleanup.h"

#include <errno.h>
#include <string.h>

struct credential {
    const struct delivery *delivery;
    struct smart *smart; /* or NULL */
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
    struct smart *smart = NULL;

    if (path && !secret) {
        *ret_message = memory_print("%s cannot be read or is empty", path);
        return -EINVAL;
    }
    if (d->authentication == AUTH_SMART && smart_new(d, &smart, ret_message) < 0)
        return -EINVAL;
    *ret = memory_new(sizeof **ret);
    **ret = (struct credential){.delivery = d, .smart = smart};
    return 0;
}

struct credential *credential_free(struct credential *c)
{
    if (c)
        (void)smart_free(c->smart);
    free(c);
    return NULL;
}

static void set_bearer(CURL *curl, const char *token)
{
    (void)curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
    (void)curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token);
}

/* A file is read for each request: it is small, and a new secret counts at once. */
int credential_apply(struct credential *c, CURL *curl)
{
    const struct delivery *d = c->delivery;
    const char *path = secret_file(d), *token;
    __attribute__((cleanup(wipe))) char *secret = path ? credential_read_line(path) : NULL;

    if (path && !secret)
        return -EAGAIN;
    switch (d->authentication) {
    case AUTH_NONE:
        break;
    case AUTH_BEARER:
        set_bearer(curl, secret);
        break;
    case AUTH_BASIC:
        (void)curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        (void)curl_easy_setopt(curl, CURLOPT_USERNAME, d->user);
        (void)curl_easy_setopt(curl, CURLOPT_PASSWORD, secret);
        break;
    case AUTH_SMART:
        token = smart_token(c->smart);
        if (!token)
            return -EAGAIN;
        set_bearer(curl, token);
    }
    return 0;
}

/* Somebody may be writing a new token file at this moment: one more trial is cheap. */
bool credential_renew(struct credential *c)
{
    if (c->smart)
        smart_forget(c->smart);
    return c->smart || c->delivery->authentication == AUTH_BEARER;
}
