#include "store/dicomdir.h"
#include "dataset.h"
#include "store/part10.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void begin(struct dataset *d)
{
    static const uint8_t preamble[128];

    put_bytes(d, preamble, sizeof preamble);
    put_bytes(d, "DICM", 4);
    put_text(d, 0x00020002, "UI", MEDIA_STORAGE_DIRECTORY);
    put_text(d, 0x00020010, "UI", EXPLICIT);
    put_text(d, 0x00041130, "CS", "DISC");
}

static void put_record(struct dataset *d, const char *file_id, bool undefined)
{
    size_t item = put_item(d, undefined);

    put_us(d, 0x00041410, 0xFFFF);
    put_text(d, 0x00041500, "CS", file_id);
    put_procedure(d, undefined, undefined);
    end_item(d, item, undefined);
}

static int add(void *context, const char *path)
{
    char *all = context;

    (void)strcat(strcat(all, path ? path : "?"), "|");
    return strcmp(path ? path : "", "STOP") == 0 ? 42 : 0;
}

/* In memory of its own, so that nothing is read behind it. */
static int read_listed(const struct dataset *d, size_t n, char *all)
{
    uint8_t *bytes = malloc(n);
    int r;

    *all = '\0';
    if (n > 0)
        memcpy(bytes, d->bytes, n);
    r = dicomdir_read(bytes, n, add, all);
    free(bytes);
    return r;
}

static void put_directory(struct dataset *d, const char *const *ids, size_t n, bool undefined)
{
    size_t sequence;

    begin(d);
    sequence = put_sequence(d, 0x00041220, undefined);
    for (size_t i = 0; i < n; i++)
        put_record(d, ids[i], undefined);
    end_sequence(d, sequence, undefined);
}

Test(dicomdir, every_file_is_told_whatever_the_lengths_are)
{
    static const char *const ids[] = {"A", "IMAGES\\CT\\I0001 ", "DIR \\I2", ""};

    for (int undefined = 0; undefined <= 1; undefined++) {
        _cleanup_dataset_ struct dataset d = {.n = 0};
        char all[400];

        put_directory(&d, ids, 4, undefined);
        cr_assert_eq(read_listed(&d, d.n, all), 0);
        cr_assert_str_eq(all, "A|IMAGES/CT/I0001|DIR/I2|");
    }
}

Test(dicomdir, nothing_leads_elsewhere)
{
    static const char *const ids[] = {"..\\X", "A\\..\\B", "/etc", "A/../B",
                                      "\\A",   "A\\",      ".X",   "B"};
    _cleanup_dataset_ struct dataset d = {.n = 0};
    char all[400];

    put_directory(&d, ids, sizeof ids / sizeof *ids, false);
    cr_assert_eq(read_listed(&d, d.n, all), 0);
    cr_assert_str_eq(all, "?|?|?|?|?|?|?|B|");
}

Test(dicomdir, the_callback_may_end_it)
{
    static const char *const ids[] = {"A", "STOP", "B"};
    _cleanup_dataset_ struct dataset d = {.n = 0};
    char all[400];

    put_directory(&d, ids, 3, true);
    cr_assert_eq(read_listed(&d, d.n, all), 42);
    cr_assert_str_eq(all, "A|STOP|");
}

Test(dicomdir, what_is_cut_anywhere_or_is_none_is_no_crash)
{
    static const char *const ids[] = {"A", "B\\C"};
    _cleanup_dataset_ struct dataset d = {.n = 0}, image = {.n = 0};
    char all[400];

    put_directory(&d, ids, 2, true);
    for (size_t n = 0; n < d.n; n++) {
        int r = read_listed(&d, n, all);

        cr_assert(r == 0 || r == -EBADMSG, "%zu: %d", n, r);
    }
    for (size_t at = 140; at < d.n; at++) {
        uint8_t old = d.bytes[at];

        d.bytes[at] = 0xFF;
        (void)read_listed(&d, d.n, all);
        d.bytes[at] = old;
    }
    put_first_uids(&image);
    cr_assert_eq(read_listed(&image, image.n, all), -EBADMSG);
}
