#include "fhir/digest.h"
#include "fhir/bundle.h"
#include "store/base/cleanup.h"

#include <string.h>
#include <xxhash.h>

void digest_of(const json_t *bundle, const char *target, char ret[DIGEST_TEXT])
{
    _cleanup_free_ char *text = bundle_text(bundle, false);
    XXH64_hash_t seed = XXH3_64bits(target, strlen(target));
    XXH128_canonical_t bytes;

    XXH128_canonicalFromHash(&bytes, XXH3_128bits_withSeed(text, strlen(text), seed));
    for (size_t i = 0; i < sizeof bytes.digest; i++)
        (void)snprintf(ret + 2 * i, 3, "%02x", bytes.digest[i]);
}
