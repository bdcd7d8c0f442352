#include "fhir/uri.h"
#include "fhir/memory.h"
#include "store/base/cleanup.h"

#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define UNRESERVED LETTERS "0123456789-._~"
#define RESERVED ":/?#[]@!$&'()*+,;=%"

bool uri_is_absolute(const char *uri)
{
    size_t scheme = strspn(uri, LETTERS "0123456789+-.");

    return scheme > 0 && strchr(LETTERS, uri[0]) && uri[scheme] == ':' && uri[scheme + 1] != '\0' &&
           uri[strspn(uri, UNRESERVED RESERVED)] == '\0';
}

bool uri_is_oid(const char *text)
{
    if (!strchr("012", *text) || !*text || text[1] != '.')
        return false;
    for (text++; *text == '.';) {
        size_t n = strspn(++text, "0123456789");

        if (n == 0 || (n > 1 && *text == '0'))
            return false;
        text += n;
    }
    return *text == '\0';
}

char *uri_encode(const char *text)
{
    char *encoded = memory_new(3 * strlen(text) + 1), *to = encoded;

    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (strchr(UNRESERVED, *text)) {
            *to++ = *text;
        } else {
            *to++ = '%';
            *to++ = "0123456789ABCDEF"[byte >> 4];
            *to++ = "0123456789ABCDEF"[byte & 15];
        }
    }
    *to = '\0';
    return encoded;
}

char *uri_from_template(const char *template, const char *name, const char *value)
{
    _cleanup_free_ char *mark = memory_print("{%s}", name), *encoded = uri_encode(value);
    const char *at = template ? strstr(template, mark) : NULL;
    _cleanup_free_ char *uri = NULL;

    if (!at)
        return NULL;
    uri = memory_print("%.*s%s%s", (int)(at - template), template, encoded, at + strlen(mark));
    return uri_is_absolute(uri) ? TAKE_PTR(uri) : NULL;
}
