#include "store/header.h"

#include <criterion/criterion.h>
#include <string.h>
#include <zlib.h>

#define ZEROS (300u * 1024 * 1024) /* of a private element behind the UIDs */

static size_t element(uint8_t *to, uint16_t group, uint16_t number, const char *vr,
                      const char *value)
{
    size_t n = strlen(value), even = n + (n & 1);

    memcpy(to,
           (uint8_t[]){(uint8_t)group, (uint8_t)(group >> 8), (uint8_t)number,
                       (uint8_t)(number >> 8), (uint8_t)vr[0], (uint8_t)vr[1], (uint8_t)even, 0},
           8);
    memset(to + 8, 0, even);
    memcpy(to + 8, value, n);
    return 8 + even;
}

/* Deflate @bytes and then as many zeros as the element they end with declares. */
static size_t deflate_with_zeros(uint8_t *bytes, size_t n, uint8_t *to, size_t room)
{
    static uint8_t zeros[65536];
    z_stream z = {.next_in = bytes, .avail_in = (uInt)n, .next_out = to, .avail_out = (uInt)room};

    cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    cr_assert_eq(deflate(&z, Z_NO_FLUSH), Z_OK);
    for (size_t done = 0; done < ZEROS; done += sizeof zeros) {
        z.next_in = zeros;
        z.avail_in = sizeof zeros;
        cr_assert_eq(deflate(&z, Z_NO_FLUSH), Z_OK);
    }
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    (void)deflateEnd(&z);
    return room - z.avail_out;
}

Test(header_inflate, a_deflate_bomb_is_read_up_to_a_limit_and_flagged)
{
    static uint8_t plain[512], deflated[4 * 1024 * 1024];
    struct header *h = NULL;
    struct instance i = {0};
    size_t n = 0;

    n += element(plain + n, 0x0008, 0x0016, "UI", "1.2.840.10008.5.1.4.1.1.2");
    n += element(plain + n, 0x0008, 0x0018, "UI", "1.2.3.4");
    n += element(plain + n, 0x0010, 0x0020, "LO", "P1");
    n += element(plain + n, 0x0020, 0x000D, "UI", "1.2.3");
    n += element(plain + n, 0x0020, 0x000E, "UI", "1.2.3.1");
    memcpy(plain + n, "\x21\0\x10\x10OB\0\0\0\0\xc0\x12", 12); /* (0021,1010) of 300 MiB */
    n += 12;
    size_t size = deflate_with_zeros(plain, n, deflated, sizeof deflated);

    cr_assert_eq(header_new("1.2.840.10008.1.2.1.99", &h), 0);
    cr_assert_eq(header_feed(h, deflated, size), 0);
    cr_assert_eq(header_finish(h, &i), 0);
    cr_assert(i.flags & INSTANCE_HEADER_CUT);
    cr_assert_str_eq(i.series_instance_uid, "1.2.3.1");
    instance_done(&i);
    header_free(h);
}
