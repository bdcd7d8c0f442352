#include "store/file_meta.h"
#include "store/part10.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct file_meta example = {.sop_class_uid = "1.2.840.10008.5.1.4.1.1.2",
                                         .sop_instance_uid = "1.2.3.4",
                                         .transfer_syntax_uid = "1.2.840.10008.1.2.1",
                                         .source_ae_title = "CT1"};

Test(file_meta, the_data_set_begins_where_the_group_length_says)
{
    uint8_t bytes[FILE_META_MAX];
    size_t n = file_meta_write(&example, bytes);
    struct part10 p;

    cr_assert_eq(memcmp(bytes + 128, "DICM", 4), 0);
    cr_assert_eq(144u + (bytes[140] | (unsigned)bytes[141] << 8), n);
    cr_assert_eq(part10_read(bytes, n, false, &p), 0);
    cr_assert_eq(p.offset, n);
    cr_assert_str_eq(p.transfer_syntax_uid, "1.2.840.10008.1.2.1");
    cr_assert_str_eq(p.source_ae_title, "CT1");
}

Test(file_meta, values_are_padded_to_even_length)
{
    uint8_t bytes[FILE_META_MAX];
    size_t n = file_meta_write(&example, bytes);

    cr_assert_not_null(memmem(bytes, n,
                              "\2\0\3\0UI\x8\0"
                              "1.2.3.4\0",
                              16));
    cr_assert_not_null(memmem(bytes, n, "\2\0\x16\0AE\4\0CT1 ", 12));
}

Test(file_meta, an_unknown_source_is_left_out)
{
    struct file_meta m = example;
    uint8_t bytes[FILE_META_MAX];
    struct part10 p;
    size_t n;

    m.source_ae_title = NULL;
    n = file_meta_write(&m, bytes);
    cr_assert_null(memmem(bytes, n, "\2\0\x16\0", 4));
    cr_assert_eq(part10_read(bytes, n, false, &p), 0);
    cr_assert_eq(p.offset, n);
}

Test(file_meta, the_longest_values_fit)
{
    char uid[129], ae[17];
    uint8_t bytes[FILE_META_MAX];

    memset(uid, '1', 128);
    memset(ae, 'A', 16);
    uid[128] = ae[16] = '\0';
    struct file_meta m = {uid, uid, uid, ae};
    cr_assert_leq(file_meta_write(&m, bytes), sizeof bytes);
}
