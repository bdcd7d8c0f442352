#include "store/seal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FORMAT "isthmus sealed %016" PRIx64 " %016" PRIx64 "%016" PRIx64 "\n"
#define TEXT_BYTES 65

static uint64_t half(const uint8_t *digest)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 8 | digest[i];
    return value;
}

void seal_write(const struct seal *s, uint8_t preamble[SEAL_BYTES])
{
    memset(preamble, 0, SEAL_BYTES);
    (void)snprintf((char *)preamble, SEAL_BYTES, FORMAT, s->file_bytes, half(s->digest),
                   half(s->digest + 8));
}

static void set_half(uint8_t *digest, uint64_t value)
{
    for (int i = 8; i-- > 0; value >>= 8)
        digest[i] = (uint8_t)value;
}

/* What is read must be what would be written, to the last byte. */
int seal_read(const void *bytes, size_t n, struct seal *ret)
{
    uint8_t again[SEAL_BYTES];
    char text[TEXT_BYTES + 1] = "";
    uint64_t first, second;
    struct seal s;

    if (n < SEAL_BYTES)
        return -ENODATA;
    memcpy(text, bytes, TEXT_BYTES);
    if (sscanf(text, "isthmus sealed %16" SCNx64 " %16" SCNx64 "%16" SCNx64, &s.file_bytes, &first,
               &second) != 3)
        return -ENODATA;
    set_half(s.digest, first);
    set_half(s.digest + 8, second);
    seal_write(&s, again);
    if (memcmp(again, bytes, SEAL_BYTES) != 0)
        return -ENODATA;
    *ret = s;
    return 0;
}
