/* Any bytes as a data set, in any cuts: the header reader, then the keys of the index. The first
 * byte says the transfer syntax, the second how the rest is cut. */
#include "store/header.h"
#include "store/keys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char *const syntaxes[] = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1",
                                       "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99",
                                       "1.2.840.10008.1.2.4.70"};

/* A copy of its own for each piece, so that reading past it is seen. */
static int feed(struct header *h, const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    int r;

    if (!copy)
        abort();
    if (n)
        memcpy(copy, bytes, n);
    r = header_feed(h, copy, n);
    free(copy);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct header *h = NULL;
    struct instance i = {0};
    struct keys keys;
    size_t cut;

    if (n < 2)
        return 0;
    cut = bytes[1] ? bytes[1] : n;
    if (header_new(syntaxes[bytes[0] % 5], &h) < 0)
        abort();
    for (size_t at = 2; at < n; at += cut)
        (void)feed(h, bytes + at, n - at < cut ? n - at : cut);
    if (header_finish(h, &i) == 0) {
        (void)keys_take(&i, &keys);
        keys_done(&keys);
    }
    instance_done(&i);
    header_free(h);
    return 0;
}
