#include "fhir/digest.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

void digest_of(const char *text, const char *target, char ret[DIGEST_TEXT])
{
    XXH64_hash_t seed = XXH3_64bits(target, strlen(target));
    XXH128_canonical_t bytes;

    XXH128_canonicalFromHash(&bytes, XXH3_128bits_withSeed(text, strlen(text), seed));
    for (size_t i = 0; i < sizeof bytes.digest; i++)
        (void)snprintf(ret + 2 * i, 3, "%02x", bytes.digest[i]);
}
