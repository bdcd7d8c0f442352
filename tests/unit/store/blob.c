#include "store/seal.h"
#include "tests/unit/store/blobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

TestSuite(blob, .init = open_store, .fini = close_store, .timeout = 600);

Test(blob, the_file_is_meta_and_data_and_the_digest_is_of_the_data_whatever_the_cut)
{
    static const struct {
        size_t total, piece;
    } rows[] = {
        {0, 1},
        {1, 1},
        {8192, 8192},
        {100000, 333},
        {130940, 130940}, /* with what is before it, the first piece of direct.h */
        {130941, 130941},
        {130941, 1},
        {262012, 262012}, /* with what is before it, as much as the buffer of blob_write.c */
        {262013, 262013},
        {262013, 1},
        {300000, 16384},
        {393084, 131072}, /* two */
        {393085, 131072},
        {397180, 131066}, /* and a block */
        {524156, 131072},
        {524157, 131072},
        {528252, 131066},
        {655228, 77777}, /* three */
        {786300, 77777},
        {1000000, 65536},
        {1000000, 131072},
        {1000000, 65535},
        {3000000, 1000000}};
    static char data[3000000], read_back[3000000 + META_BYTES];
    struct seal sealed;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * i >> 7);
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        size_t total = rows[row].total, piece = rows[row].piece;
        struct blob *b = begin("", 0);
        XXH128_canonical_t digest;
        struct sealed s, before;
        int fd;

        for (size_t at = 0; at < total; at += piece)
            cr_assert_eq(blob_append(b, data + at, at + piece < total ? piece : total - at), 0);
        blob_describe(b, &before.id, &before.size, before.digest);
        s = seal(b);
        blob_release(b);
        cr_assert_eq(s.size, total);
        cr_assert_eq(memcmp(&s, &before, sizeof s), 0, "as it was described");
        XXH128_canonicalFromHash(&digest, XXH3_128bits(data, total));
        cr_assert_arr_eq(s.digest, digest.digest, 16);
        cr_assert_eq(store_read(store, s.id, &fd), 0);
        cr_assert_eq(read(fd, read_back, sizeof read_back), (ssize_t)total + META_BYTES);
        cr_assert_eq(read(fd, read_back, 1), 0);
        (void)close(fd);
        cr_assert_eq(seal_read(read_back, META_BYTES, &sealed), 0);
        cr_assert_eq(sealed.file_bytes, total + META_BYTES);
        cr_assert_arr_eq(sealed.digest, digest.digest, 16);
        cr_assert_eq(memcmp(read_back + 128, "meta", 4), 0);
        cr_assert_eq(memcmp(read_back + META_BYTES, data, total), 0, "row %zu", row);
    }
}

/* One file at a time goes past the page cache. */
Test(blob, long_files_that_come_side_by_side_are_whole)
{
    static char data[600000], read_back[sizeof data + META_BYTES];
    const size_t cuts[] = {100000, 130000, 200000, 300000, sizeof data};

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * i >> 7);
    for (size_t first = 0; first < sizeof cuts / sizeof *cuts; first++)
        for (size_t second = 0; second < sizeof cuts / sizeof *cuts; second++) {
            struct blob *one = begin(data, cuts[first]), *other = begin(data, cuts[second]);
            struct sealed s;
            int fd;

            (void)seal(one);
            blob_release(one);
            cr_assert_eq(blob_append(other, data + cuts[second], sizeof data - cuts[second]), 0);
            s = seal(other);
            blob_release(other);
            cr_assert_eq(store_read(store, s.id, &fd), 0);
            cr_assert_eq(read(fd, read_back, sizeof read_back), (ssize_t)sizeof read_back);
            (void)close(fd);
            cr_assert_eq(memcmp(read_back + META_BYTES, data, sizeof data), 0, "%zu and %zu",
                         cuts[first], cuts[second]);
        }
}

Test(blob, each_end_leaves_the_names_it_should)
{
    struct blob *b = begin("x", 1);
    struct sealed s;
    int error = 1;

    cr_assert_eq(count_incoming(), 1);
    cr_assert_null(blob_abandon(b));
    cr_assert_eq(count_incoming(), 0);

    b = begin("x", 1);
    s = seal(b);
    cr_assert(has_incoming(s.id) && has_object(s.id));
    cr_assert_eq(spooled(), 1);
    cr_assert_null(blob_release(b));
    cr_assert(!has_incoming(s.id) && has_object(s.id));
    cr_assert_eq(spooled(), 0);

    b = begin("x", 1);
    s = seal(b);
    cr_assert_null(blob_spool(b, &error));
    cr_assert_eq(error, 0);
    cr_assert(has_incoming(s.id) && has_object(s.id));

    b = begin("x", 1);
    s = seal(b);
    cr_assert_null(blob_abandon(b));
    cr_assert(!has_incoming(s.id) && !has_object(s.id));

    cr_assert_null(blob_release(NULL));
    cr_assert_null(blob_abandon(NULL));
    cr_assert_null(blob_spool(NULL, &error));
}

Test(blob, the_path_is_made_of_the_time_in_the_id)
{
    static const struct {
        uint64_t ms, random;
        const char *path;
    } rows[] = {
        {0, 0, "objects/19700101/0000/0000000000000000.dcm"},
        {1767323045678, 0xabcde, "objects/20260102/0304/19b7ca98f2eabcde.dcm"},
        {4102444799999, 1, "objects/20991231/2359/3bb2cc3d7ff00001.dcm"},
    };
    char path[STORE_PATH_MAX];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        store_path(rows[i].ms << 20 | rows[i].random, path);
        cr_assert_str_eq(path, rows[i].path);
    }
}

Test(blob, others_may_not_read_what_is_stored)
{
    struct sealed s;
    struct blob *b = begin("x", 1);
    char path[128], below[STORE_PATH_MAX];
    struct stat st;
    int fd;

    s = seal(b);
    blob_release(b);
    cr_assert_eq(store_read(store, s.id, &fd), 0);
    cr_assert_eq(fstat(fd, &st), 0);
    (void)close(fd);
    cr_assert_eq(st.st_mode & 07777, 0640);
    store_path(s.id, below);
    (void)snprintf(path, sizeof path, "%s/%.16s", directory, below);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0750);
}

static uint64_t only_incoming(void)
{
    char path[128];
    struct dirent **entries;
    uint64_t id;
    int n;

    (void)snprintf(path, sizeof path, "%s/incoming", directory);
    n = scandir(path, &entries, NULL, alphasort);
    cr_assert_eq(n, 3);
    id = strtoull(entries[2]->d_name, NULL, 16);
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    return id;
}

Test(blob, a_taken_id_is_left_to_its_owner_and_another_one_taken)
{
    struct blob *first = begin("first", 5), *b;
    struct sealed one = seal(first), two;
    char from[128], to[128], below[STORE_PATH_MAX], byte;
    uint64_t id;
    int fd;

    blob_release(first);
    b = begin("second", 6);
    id = only_incoming();
    store_path(one.id, below);
    (void)snprintf(from, sizeof from, "%s/%s", directory, below);
    store_path(id, below);
    (void)snprintf(to, sizeof to, "%s/%.21s", directory, below);
    (void)mkdir(to, 0750);
    (void)snprintf(to, sizeof to, "%s/%s", directory, below);
    cr_assert_eq(rename(from, to), 0);
    two = seal(b);
    blob_release(b);
    cr_assert_neq(two.id, id);
    cr_assert_eq(count_incoming(), 0);
    cr_assert_eq(store_read(store, id, &fd), 0);
    cr_assert_eq(pread(fd, &byte, 1, META_BYTES), 1);
    cr_assert_eq(byte, 'f');
    (void)close(fd);
    cr_assert_eq(store_read(store, two.id, &fd), 0);
    cr_assert_eq(pread(fd, &byte, 1, META_BYTES), 1);
    cr_assert_eq(byte, 's');
    (void)close(fd);
}

Test(blob, a_deleted_file_is_gone)
{
    struct blob *b = begin("x", 1);
    struct sealed s = seal(b);
    int fd;

    blob_release(b);
    cr_assert_eq(store_delete(store, s.id), 0);
    cr_assert_eq(store_delete(store, s.id), -ENOENT);
    cr_assert_eq(store_read(store, s.id, &fd), -ENOENT);
}

Test(blob, nothing_is_begun_when_only_the_reserve_is_left)
{
    struct store *full;
    struct blob *b;
    uint64_t bytes = 1;

    cr_assert_eq(store_open(directory, UINT64_MAX, &full), 0);
    cr_assert_eq(blob_create(full, some_meta, META_BYTES, &b), -ENOSPC);
    cr_assert_eq(store_free_bytes(full, &bytes), 0);
    cr_assert_eq(bytes, 0);
    store_free(full);
    cr_assert_eq(count_incoming(), 0);
}

Test(blob, an_object_that_would_use_the_reserve_ends_with_no_space)
{
    static char piece[1 << 20];
    struct store *tight;
    struct blob *b;
    struct sealed s;
    uint64_t bytes;
    int r = 0;

    cr_assert_eq(store_free_bytes(store, &bytes), 0);
    /* 8 MiB above the reserve; what else is written to this disk may only make it less. */
    cr_assert_eq(store_open(directory, bytes - (8 << 20), &tight), 0);
    r = blob_create(tight, some_meta, META_BYTES, &b);
    if (r == 0) {
        for (int i = 0; i < 200 && r == 0; i++)
            r = blob_append(b, piece, sizeof piece);
        cr_assert_eq(blob_append(b, piece, sizeof piece), -ENOSPC, "the first error stays");
        cr_assert_eq(blob_seal(b, &s.id, &s.size, s.digest), -ENOSPC);
        blob_abandon(b);
    }
    cr_assert_eq(r, -ENOSPC);
    store_free(tight);
}

Test(blob, opening_to_look_makes_nothing)
{
    struct store *s = NULL;
    char path[128];

    (void)snprintf(path, sizeof path, "%s/new", directory);
    cr_assert_eq(store_open_readonly(path, 0, &s), -ENOENT);
    cr_assert_eq(access(path, F_OK), -1);
    cr_assert_eq(store_open_readonly(directory, 0, &s), 0);
    store_free(s);
}

Test(blob, a_new_store_has_two_directories_and_nothing_else)
{
    static const char *const expected[] = {".", "..", "incoming", "objects"};
    struct dirent **names = NULL;
    int n = scandir(directory, &names, NULL, alphasort);

    cr_assert_eq(n, 4);
    for (int i = 0; i < n; i++) {
        cr_assert_str_eq(names[i]->d_name, expected[i]);
        free(names[i]);
    }
    free(names);
}

Test(blob, incoming_on_another_file_system_is_refused)
{
    struct store *s = NULL;
    char root[128], incoming[140];
    struct stat here, there;

    if (stat("/dev/shm", &there) < 0 || stat(directory, &here) < 0 || here.st_dev == there.st_dev)
        cr_skip("there is no second file system");
    (void)snprintf(root, sizeof root, "%s/other", directory);
    (void)snprintf(incoming, sizeof incoming, "%s/incoming", root);
    cr_assert_eq(mkdir(root, 0750), 0);
    cr_assert_eq(symlink("/dev/shm", incoming), 0);
    cr_assert_eq(store_open(root, 0, &s), -EXDEV);
}

struct visits {
    uint64_t ids[16];
    int n, stop_after;
};

static int visit(void *context, uint64_t id)
{
    struct visits *v = context;

    v->ids[v->n++] = id;
    return v->n == v->stop_after ? 77 : 0;
}

static void place(const char *below)
{
    char path[200];

    (void)snprintf(path, sizeof path, "%s/objects/%.8s", directory, below);
    (void)mkdir(path, 0750);
    (void)snprintf(path, sizeof path, "%s/objects/%.13s", directory, below);
    (void)mkdir(path, 0750);
    (void)snprintf(path, sizeof path, "%s/objects/%s", directory, below);
    cr_assert_geq(creat(path, 0640), 0, "%s", path);
}

Test(blob, walking_visits_every_object_in_order_of_id_and_nothing_else)
{
    struct visits v = {0}, stopped = {.stop_after = 2};

    place("20260102/0305/0000000000000003.dcm");
    place("20260102/0304/0000000000000002.dcm");
    place("20260102/0304/0000000000000001.dcm");
    place("20270101/0000/0000000000000004.dcm");
    place("20270101/0000/0000000000000005.tmp");
    place("20270101/0000/000000000000006.dcm");
    place("20270101/abcd/0000000000000007.dcm");
    cr_assert_eq(store_walk(store, visit, &v), 0);
    cr_assert_eq(v.n, 4);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(v.ids[i], (uint64_t)i + 1);
    cr_assert_eq(store_walk(store, visit, &stopped), 77);
    cr_assert_eq(stopped.n, 2);
}
