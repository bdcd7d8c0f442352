#include "store/fixity.h"
#include "tests/unit/store/directory.h"

#include <fcntl.h>
#include <string.h>

#define CT "1.2.840.10008.5.1.4.1.1.2"
#define EXPLICIT "1.2.840.10008.1.2.1"
#define DATA_BYTES 600000

static struct store *store;
static struct fixity_row good;
static char data[DATA_BYTES];
static uint8_t meta[400];
static size_t meta_bytes;

static void add_element(size_t element, const char *vr, const char *value)
{
    size_t n = (strlen(value) + 1) / 2 * 2;
    const uint8_t header[] = {
        2,          0, (uint8_t)element, (uint8_t)(element >> 8), (uint8_t)vr[0], (uint8_t)vr[1],
        (uint8_t)n, 0};

    memcpy(meta + meta_bytes, header, 8);
    memset(meta + meta_bytes + 8, 0, n);
    (void)snprintf((char *)meta + meta_bytes + 8, n + 1, "%s", value);
    meta_bytes += 8 + n;
}

static void make_meta(void)
{
    static const uint8_t magic[] = {'D', 'I', 'C', 'M'};
    static const uint8_t group_length[] = {2, 0, 0, 0, 'U', 'L', 4, 0, 0, 0, 0, 0};
    static const uint8_t version[] = {2, 0, 1, 0, 'O', 'B', 0, 0, 2, 0, 0, 0, 0, 1};

    memset(meta, 0, sizeof meta);
    memcpy(meta + 128, magic, sizeof magic);
    memcpy(meta + 132, group_length, sizeof group_length);
    memcpy(meta + 144, version, sizeof version);
    meta_bytes = 144 + sizeof version;
    add_element(0x0002, "UI", CT);
    add_element(0x0003, "UI", "1.2.3");
    add_element(0x0010, "UI", EXPLICIT);
    meta[140] = (uint8_t)(meta_bytes - 144);
}

static void store_file(void)
{
    struct blob *b;

    cr_assert_eq(blob_create(store, meta, meta_bytes, &b), 0);
    cr_assert_eq(blob_append(b, data, sizeof data), 0);
    cr_assert_eq(blob_seal(b, &good.blob, &good.size_bytes, good.digest), 0);
    blob_release(b);
    good.sop_class_uid = CT;
    good.sop_instance_uid = "1.2.3";
    good.transfer_syntax_uid = EXPLICIT;
}

static void setup(void)
{
    make_directory();
    cr_assert_eq(store_open(directory, 0, &store), 0);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i >> 3);
    make_meta();
    store_file();
}

static void teardown(void)
{
    store_free(store);
    remove_directory();
}

TestSuite(fixity, .init = setup, .fini = teardown);

static int open_file(void)
{
    char path[200], below[STORE_PATH_MAX];
    int fd;

    store_path(good.blob, below);
    (void)snprintf(path, sizeof path, "%s/%s", directory, below);
    fd = open(path, O_RDWR);
    cr_assert_geq(fd, 0);
    return fd;
}

static void count(void *context, size_t bytes)
{
    *(size_t *)context += bytes;
}

Test(fixity, a_file_as_it_was_received_is_good_and_every_byte_was_read)
{
    size_t bytes = 0;

    cr_assert_eq(fixity_check(store, &good, count, &bytes), FIXITY_GOOD);
    cr_assert_eq(bytes, DATA_BYTES);
}

Test(fixity, one_changed_bit_anywhere_in_the_data_set_is_found)
{
    static const long places[] = {0, 1000, 262144, DATA_BYTES - 1};
    int fd = open_file();

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        long at = (long)meta_bytes + places[i];
        uint8_t byte, changed;

        cr_assert_eq(pread(fd, &byte, 1, at), 1);
        changed = byte ^ 0x10;
        cr_assert_eq(pwrite(fd, &changed, 1, at), 1);
        cr_assert_eq(fixity_check(store, &good, NULL, NULL), FIXITY_DIGEST);
        cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
        cr_assert_eq(fixity_check(store, &good, NULL, NULL), FIXITY_GOOD);
    }
    (void)close(fd);
}

Test(fixity, a_longer_a_shorter_and_an_empty_file_are_found)
{
    int fd = open_file();
    off_t whole = (off_t)(meta_bytes + DATA_BYTES);

    cr_assert_eq(ftruncate(fd, whole + 1), 0);
    cr_assert_eq(fixity_check(store, &good, NULL, NULL), FIXITY_SIZE);
    cr_assert_eq(ftruncate(fd, whole - 1), 0);
    cr_assert_eq(fixity_check(store, &good, NULL, NULL), FIXITY_SIZE);
    for (off_t n = (off_t)meta_bytes - 1; n >= 0; n--) {
        cr_assert_eq(ftruncate(fd, n), 0);
        cr_assert_eq(fixity_check(store, &good, NULL, NULL), FIXITY_NOT_PART10, "%ld bytes",
                     (long)n);
    }
    (void)close(fd);
    cr_assert_eq(store_delete(store, good.blob), 0);
    cr_assert_eq(fixity_check(store, &good, NULL, NULL), FIXITY_MISSING);
}

Test(fixity, file_meta_of_another_object_is_found)
{
    struct fixity_row rows[] = {good, good, good};

    rows[0].sop_class_uid = "1.2.840.10008.5.1.4.1.1.4";
    rows[1].sop_instance_uid = "1.2.30";
    rows[2].transfer_syntax_uid = "1.2.840.10008.1.2";
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(fixity_check(store, &rows[i], NULL, NULL), FIXITY_META, "row %zu", i);
}

Test(fixity, lengths_that_lead_out_of_the_file_meta_group_are_not_followed)
{
    static const struct {
        size_t at;
        uint8_t byte;
    } rows[] = {{143, 0xff}, {140, 3}, {152, 0xff}, {155, 0xff}, {164, 0xff}, {165, 0xff}};
    int fd = open_file();

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum fixity f;
        uint8_t kept = meta[rows[i].at];

        cr_assert_eq(pwrite(fd, &rows[i].byte, 1, (off_t)rows[i].at), 1);
        f = fixity_check(store, &good, NULL, NULL);
        cr_assert(f == FIXITY_NOT_PART10 || f == FIXITY_META, "row %zu: %s", i, fixity_words(f));
        cr_assert_eq(pwrite(fd, &kept, 1, (off_t)rows[i].at), 1);
    }
    (void)close(fd);
    cr_assert_eq(fixity_check(store, &good, NULL, NULL), FIXITY_GOOD);
}
