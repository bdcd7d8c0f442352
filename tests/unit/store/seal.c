#include "store/seal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static const struct seal example = {
    .file_bytes = 0x1234,
    .digest = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xa, 0xb, 0xc, 0xd, 0xe, 0xff},
};
static const char text[] = "isthmus sealed 0000000000001234 000102030405060708090a0b0c0d0eff\n";

Test(seal, it_is_text_and_zeros)
{
    uint8_t preamble[SEAL_BYTES];

    memset(preamble, 'x', sizeof preamble);
    seal_write(&example, preamble);
    cr_assert_eq(memcmp(preamble, text, sizeof text), 0);
    for (size_t i = sizeof text; i < sizeof preamble; i++)
        cr_assert_eq(preamble[i], 0);
}

Test(seal, what_was_written_is_read)
{
    uint8_t preamble[SEAL_BYTES];
    struct seal s = {0};

    seal_write(&example, preamble);
    cr_assert_eq(seal_read(preamble, sizeof preamble, &s), 0);
    cr_assert_eq(s.file_bytes, example.file_bytes);
    cr_assert_eq(memcmp(s.digest, example.digest, sizeof s.digest), 0);
}

Test(seal, anything_else_is_none)
{
    static const char *const others[] = {
        "",
        "isthmus sealed",
        "isthmus sealed 000000000000123  000102030405060708090a0b0c0d0eff\n",
        "isthmus sealed 0000000000001234 000102030405060708090A0B0C0D0EFF\n",
        "isthmus sealed 0000000000001234 000102030405060708090a0b0c0d0ef\n",
        "isthmus sealed -000000000001234 000102030405060708090a0b0c0d0eff\n"};
    uint8_t preamble[SEAL_BYTES];
    struct seal s;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        memset(preamble, 0, sizeof preamble);
        memcpy(preamble, others[i], strlen(others[i]));
        cr_assert_eq(seal_read(preamble, sizeof preamble, &s), -ENODATA, "%s", others[i]);
    }
    seal_write(&example, preamble);
    cr_assert_eq(seal_read(preamble, sizeof preamble - 1, &s), -ENODATA);
    preamble[SEAL_BYTES - 1] = 1;
    cr_assert_eq(seal_read(preamble, sizeof preamble, &s), -ENODATA);
}
