/* A repeated instance is only dropped when the file that is there still has its bytes. */
#include "store/file_meta.h"
#include "tests/db/database.h"
#include "tests/db/sample.h"
#include "tests/unit/store/directory.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct database d;
static struct store *store;

static void setup(void)
{
    d = make_database();
    make_directory();
    cr_assert_eq(store_open(directory, 0, &store), 0);
}

static void teardown(void)
{
    store_free(store);
    remove_directory();
    drop_database(&d);
}

TestSuite(keep, .init = setup, .fini = teardown, .timeout = 600);

static const struct sample first = {.sop = "1.1", .study = "2.1", .series = "3.1"};
static const struct sample elsewhere = {.sop = "1.1", .study = "2.2", .series = "3.1"};

static void path_of(uint64_t blob, char path[256])
{
    char name[STORE_PATH_MAX];

    store_path(blob, name);
    (void)snprintf(path, 256, "%s/%s", directory, name);
}

/* Write a file of @s whose data set is @data, and index it. Returns its blob. */
static uint64_t keep(const struct sample *s, const char *data, enum index_result expected,
                     uint64_t expected_old)
{
    struct instance i = make_instance(s, 0);
    uint8_t meta[FILE_META_MAX];
    size_t n = file_meta_write(&(struct file_meta){.sop_class_uid = CT,
                                                   .sop_instance_uid = s->sop,
                                                   .transfer_syntax_uid = i.transfer_syntax_uid,
                                                   .source_ae_title = "CT1"},
                               meta);
    enum index_result result = (enum index_result)99;
    uint64_t blob, old = 0;
    struct blob *b;

    cr_assert_eq(blob_create(store, meta, n, &b), 0);
    cr_assert_eq(blob_append(b, data, strlen(data)), 0);
    cr_assert_eq(blob_seal(b, &i.blob_id, &i.size_bytes, i.digest), 0);
    cr_assert_eq(index_keep(d.db, store, NULL, &i, 0, &result, &old), 0, "%s", db_problem(d.db));
    cr_assert_eq(result, expected, "result %d, not %d", (int)result, (int)expected);
    if (expected_old)
        cr_assert_eq(old, expected_old);
    blob = i.blob_id;
    if (result == INDEX_DUPLICATE)
        blob_abandon(b);
    else
        blob_release(b);
    instance_done(&i);
    return blob;
}

static void remove_file(const char *path)
{
    cr_assert_eq(unlink(path), 0);
}

static void cut_file(const char *path)
{
    struct stat st;

    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(truncate(path, st.st_size - 1), 0);
}

static void change_file(const char *path)
{
    int fd = open(path, O_WRONLY);

    cr_assert_geq(fd, 0);
    cr_assert_geq(lseek(fd, -1, SEEK_END), 0);
    cr_assert_eq(write(fd, "X", 1), 1);
    (void)close(fd);
}

static void empty_file(const char *path)
{
    cr_assert_eq(truncate(path, 0), 0);
}

static void (*const damages[])(const char *) = {remove_file, cut_file, change_file, empty_file};

static void expect_blob(const char *table, uint64_t blob)
{
    char sql[100], expected[24];

    (void)snprintf(sql, sizeof sql, "select blob from isthmus.%s", table);
    (void)snprintf(expected, sizeof expected, "%llu", (unsigned long long)blob);
    cr_assert_answer(d.db, sql, expected);
}

Test(keep, a_duplicate_of_a_good_file_is_not_needed)
{
    uint64_t blob = keep(&first, "pixels", INDEX_STORED, 0);

    keep(&first, "pixels", INDEX_DUPLICATE, blob);
    expect_blob("instance", blob);
}

static int count_file(void *context, uint64_t id)
{
    (void)id;
    ++*(size_t *)context;
    return 0;
}

Test(keep, the_newcomer_takes_the_place_of_a_file_that_is_gone_or_damaged)
{
    uint64_t blob = keep(&first, "pixels", INDEX_STORED, 0);
    size_t files = 0;
    char path[256];

    for (size_t n = 0; n < sizeof damages / sizeof *damages; n++) {
        path_of(blob, path);
        damages[n](path);
        blob = keep(&first, "pixels", INDEX_REPAIRED, blob);
        expect_blob("instance", blob);
        path_of(blob, path);
        cr_assert_eq(access(path, F_OK), 0, "damage %zu", n);
        cr_assert_eq(store_walk(store, count_file, &files), 0);
        cr_assert_eq(files, n + 1, "the damaged file is set aside");
        keep(&first, "pixels", INDEX_DUPLICATE, blob);
    }
    cr_assert_answer(d.db, "select number_of_study_related_instances from isthmus.study_count",
                     "1");
}

Test(keep, the_newcomer_takes_the_place_of_a_damaged_file_of_a_conflict_too)
{
    char path[256];
    uint64_t blob, there = keep(&first, "pixels", INDEX_STORED, 0);

    blob = keep(&elsewhere, "pixels", INDEX_CONFLICT, 0);
    keep(&elsewhere, "pixels", INDEX_DUPLICATE, blob);
    for (size_t n = 0; n < sizeof damages / sizeof *damages; n++) {
        path_of(blob, path);
        damages[n](path);
        blob = keep(&elsewhere, "pixels", INDEX_REPAIRED, blob);
        expect_blob("conflict", blob);
    }
    expect_blob("instance", there);
}

Test(keep, what_is_repaired_is_available_again_and_published)
{
    uint64_t blob = keep(&first, "pixels", INDEX_STORED, 0);
    char path[256];

    run_sql(d.db, "select isthmus.register_target('t', '', '0s', '0s')");
    run_sql(d.db, "update isthmus.instance set available = false");
    path_of(blob, path);
    remove_file(path);
    run_sql(d.db, "set role isthmus_scp");
    keep(&first, "pixels", INDEX_REPAIRED, blob);
    cr_assert_answer(d.db, "select available from isthmus.instance", "t");
    cr_assert_answer(d.db, "select count(*) from isthmus.outbox", "1");
}
