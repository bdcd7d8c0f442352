/* One header for many data sets: what it remembers of one must not show in another. */
#include "dataset.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static const struct row {
    const char *transfer_syntax_uid, *terms, *date, *name, *description;
    uint16_t rows;
    bool sequence;
} rows[] = {
    {EXPLICIT, "ISO_IR 100", "20260131", "M\xfcller^Zo\xeb", "Head", 512, false},
    {EXPLICIT, "ISO_IR 100", "20260131", "M\xfcller^Zo\xeb", "Head", 512, false},
    {EXPLICIT, "ISO_IR 101", "20260131", "M\xfcller^Zo\xeb", "Head", 512, false},
    {EXPLICIT, "", "20260132", "M\xfcller^Zo\xeb", "Head", 2, true},
    {EXPLICIT, "", "20260132", "M\xfcller^Zo\xeb", "", 2, true},
    {IMPLICIT, "", "20260132", "Mueller^Zoe", "Head", 2, false},
    {BIG_ENDIAN_EXPLICIT, "", "20260131", "Mueller^Zoe", "Head", 2, false},
    {EXPLICIT, "ISO_IR 999", "20260131", "Mueller^Zoe", "Head", 512, true},
    {EXPLICIT, "ISO_IR 192", "20260131", "",
     "A description of more than sixty-four bytes: "
     "abdomen, arterial phase, axial, 5 mm",
     512, false},
};

static void put_row(struct dataset *d, const struct row *r)
{
    put_text(d, 0x00080005, "CS", r->terms);
    put_first_uids(d);
    put_text(d, 0x00080020, "DA", r->date);
    put_text(d, 0x0008103E, "LO", r->description);
    if (r->sequence)
        put_procedure(d, false, true);
    put_text(d, 0x00100010, "PN", r->name);
    put_last_uids(d);
    put_us(d, 0x00280010, r->rows);
}

/* What @h finds. */
static char *read_with(struct header *h, const struct dataset *d)
{
    struct instance i = {.flags = 0};
    char *text;

    (void)header_feed(h, d->bytes, d->n);
    cr_assert_eq(header_finish(h, &i), 0);
    text = instance_text(&i);
    instance_done(&i);
    return text;
}

Test(header_again, each_data_set_is_read_as_if_it_were_the_first)
{
    struct header *used = NULL;

    cr_assert_eq(header_new(EXPLICIT, &used), 0);
    for (size_t n = 0; n < COUNT(rows) * COUNT(rows); n++) {
        const struct row *row = &rows[n % 2 ? n % COUNT(rows) : n / COUNT(rows)];
        _cleanup_dataset_ struct dataset d = {.transfer_syntax_uid = row->transfer_syntax_uid};
        struct header *fresh = NULL;
        char *expected, *found;

        put_row(&d, row);
        cr_assert_eq(header_new(d.transfer_syntax_uid, &fresh), 0);
        cr_assert_eq(header_again(used, d.transfer_syntax_uid), 0);
        expected = read_with(fresh, &d);
        found = read_with(used, &d);
        cr_assert_str_eq(found, expected, "%zu", n);
        free(found);
        free(expected);
        header_free(fresh);
    }
    header_free(used);
}
