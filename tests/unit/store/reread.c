#include "store/reread.h"

#include "store/file_meta.h"
#include "store/seal.h"
#include "tests/unit/store/blobs.h"
#include "tests/unit/store/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

TestSuite(reread, .init = open_store, .fini = close_store, .timeout = 600);

#define EXPLICIT "1.2.840.10008.1.2.1"

/* A CT image of @pixels bytes, and the path of its file. */
static struct sealed store_image(size_t pixels, char path[STORE_PATH_MAX + 64])
{
    static char data[400000];
    static const char head[] = "\10\0\26\0UI\32\0"
                               "1.2.840.10008.5.1.4.1.1.2\0"
                               "\10\0\30\0UI\4\0"
                               "1.2\0"
                               "\x20\0\15\0UI\4\0"
                               "1.3\0"
                               "\x20\0\16\0UI\4\0"
                               "1.4\0"
                               "\xe0\x7f\20\0OB\0\0";
    uint8_t meta[FILE_META_MAX];
    size_t n = file_meta_write(&(struct file_meta){.sop_class_uid = "1.2.840.10008.5.1.4.1.1.2",
                                                   .sop_instance_uid = "1.2",
                                                   .transfer_syntax_uid = EXPLICIT},
                               meta);
    uint32_t length = (uint32_t)pixels;
    struct blob *b = NULL;
    struct sealed s;

    cr_assert_eq(blob_create(store, meta, n, &b), 0);
    cr_assert_eq(blob_append(b, head, sizeof head - 1), 0);
    cr_assert_eq(blob_append(b, &length, 4), 0);
    for (size_t at = 0; at < pixels; at += 100000)
        cr_assert_eq(blob_append(b, data, pixels - at < 100000 ? pixels - at : 100000), 0);
    s = seal(b);
    blob_release(b);
    (void)snprintf(path, STORE_PATH_MAX + 64, "%s/", directory);
    store_path(s.id, path + strlen(path));
    return s;
}

static int reread(const char *path, struct instance *i, struct reread *about)
{
    int fd = open(path, O_RDONLY), r;

    cr_assert_geq(fd, 0);
    r = instance_reread_sealed(fd, i, about);
    (void)close(fd);
    return r;
}

static void overwrite(const char *path, off_t at)
{
    int fd = open(path, O_WRONLY);

    cr_assert_eq(pwrite(fd, "x", 1, at), 1);
    (void)close(fd);
}

Test(reread, a_sealed_file_is_read_as_it_came)
{
    static const size_t pixels[] = {8, 1000, 400000};

    for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++) {
        char path[STORE_PATH_MAX + 64];
        struct instance instance = {0};
        struct reread about = {.sealed = false};
        struct sealed s = store_image(pixels[i], path);

        cr_assert_eq(reread(path, &instance, &about), 0, "%zu", pixels[i]);
        cr_assert(about.sealed);
        cr_assert_str_eq(instance.sop_instance_uid, "1.2");
        cr_assert_eq(instance.size_bytes, s.size);
        cr_assert_arr_eq(instance.digest, s.digest, 16);
        instance_done(&instance);
    }
}

Test(reread, other_bytes_are_found_and_the_digest_is_that_of_what_came)
{
    char path[STORE_PATH_MAX + 64];
    struct instance instance = {0};
    struct sealed s = store_image(1000, path);
    struct stat st;

    cr_assert_eq(stat(path, &st), 0);
    overwrite(path, st.st_size - 1);
    cr_assert_eq(reread(path, &instance, NULL), -EILSEQ);
    cr_assert_arr_eq(instance.digest, s.digest, 16);
    instance_done(&instance);
}

Test(reread, a_part_an_empty_file_and_one_without_seal_are_not_whole)
{
    static const off_t lengths[] = {0, 127, 200, 1000};
    struct reread about = {.sealed = false};
    struct instance instance = {0};
    char path[STORE_PATH_MAX + 64];

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        (void)store_image(1000, path);
        cr_assert_eq(truncate(path, lengths[i]), 0);
        cr_assert_eq(reread(path, &instance, &about), -ENODATA);
        cr_assert_eq(about.sealed, lengths[i] != 127, "%d", (int)lengths[i]);
    }
    (void)store_image(1000, path);
    overwrite(path, 3);
    cr_assert_eq(reread(path, &instance, &about), -ENODATA);
    cr_assert_not(about.sealed);
}

Test(reread, a_file_that_still_came_says_so_whatever_of_it_the_disk_has)
{
    static const char zeros[200];
    struct reread about = {.sealed = false};
    struct instance instance = {0};
    char path[STORE_PATH_MAX + 64];
    uint8_t unsealed[SEAL_BYTES];
    int fd;

    (void)store_image(1000, path);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    seal_write(&(struct seal){.file_bytes = 0}, unsealed);
    cr_assert_eq(pwrite(fd, unsealed, SEAL_BYTES, 0), SEAL_BYTES);
    cr_assert_eq(reread(path, &instance, &about), -ENODATA);
    cr_assert(about.sealed);
    about.sealed = false;
    cr_assert_eq(pwrite(fd, zeros, sizeof zeros, 0), (ssize_t)sizeof zeros);
    cr_assert_eq(reread(path, &instance, &about), -ENODATA);
    cr_assert(about.sealed);
    (void)close(fd);
}
