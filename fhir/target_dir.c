/* A directory with one file per study, <id of the ImagingStudy>.json (mapping 9.4). A reader
 * sees the old file or the new one, whole; an unchanged study keeps its file untouched. */
#include "fhir/bundle.h"
#include "fhir/memory.h"
#include "fhir/target.h"
#include "store/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct target_dir {
    struct target target;
};

static int open_directory(const struct target *t, int *ret)
{
    const char *path = t->settings->directory;
    int fd;

    if (mkdir(path, 0750) < 0 && errno != EEXIST)
        return -errno;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret = fd;
    return 0;
}

static void dir_check(struct target *t, struct answer *ret)
{
    _cleanup_close_ int fd = -1;
    int r = open_directory(t, &fd);

    if (r >= 0 && faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
        r = -errno;
    if (r < 0)
        answer_make(ret, VERDICT_WAIT, "%s: %s", t->settings->directory, strerror(-r));
    else
        answer_make(ret, VERDICT_DONE, "%s can be written", t->settings->directory);
}

static bool has_content(int directory, const char *name, const char *text, size_t n)
{
    _cleanup_close_ int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    _cleanup_free_ char *there = NULL;
    struct stat st;
    size_t done = 0;

    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size != (off_t)n)
        return false;
    there = memory_new(n);
    while (done < n) {
        ssize_t got = read(fd, there + done, n - done);

        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return memcmp(there, text, n) == 0;
}

static int write_all(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, text, n);

        if (done < 0 && errno != EINTR)
            return -errno;
        if (done > 0) {
            text += done;
            n -= (size_t)done;
        }
    }
    return fsync(fd) < 0 ? -errno : 0;
}

/* Under a temporary name first. A process that is killed on the way leaves it to the next one,
 * which begins with a new file of the same name. */
static int replace(int directory, const char *name, const char *text, size_t n)
{
    _cleanup_free_ char *temporary = memory_print(".%s.new", name);
    _cleanup_close_ int fd = -1;
    int r;

    (void)unlinkat(directory, temporary, 0);
    fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    r = write_all(fd, text, n);
    if (r >= 0 && renameat(directory, temporary, directory, name) < 0)
        r = -errno;
    if (r < 0)
        (void)unlinkat(directory, temporary, 0);
    return r;
}

/* Indented: people read these files. */
static void dir_send(struct target *t, const char *id, const json_t *bundle, const char *compact,
                     struct answer *ret)
{
    _cleanup_free_ char *name = memory_print("%s.json", id);
    _cleanup_free_ char *text = bundle_text(bundle, true);
    _cleanup_close_ int fd = -1;
    int r = open_directory(t, &fd);

    (void)compact;
    if (r >= 0 && !has_content(fd, name, text, strlen(text)))
        r = replace(fd, name, text, strlen(text));
    if (r >= 0 && fsync(fd) < 0) /* also when a killed process left it undone */
        r = -errno;
    if (r < 0)
        answer_make(ret, VERDICT_WAIT, "%s: %s", t->settings->directory, strerror(-r));
    else
        answer_make(ret, VERDICT_DONE, "there");
}

static void dir_free(struct target *t)
{
    free(t);
}

int target_dir_new(const struct settings *s, struct target **ret, char **ret_message)
{
    static const struct target_kind kind = {dir_check, NULL,     dir_send,
                                            NULL,      dir_free, .knows = true};
    struct target_dir *t = memory_new(sizeof *t);

    (void)ret_message;
    t->target = (struct target){.kind = &kind, .settings = s, .mapping = s->mapping};
    *ret = &t->target;
    return 0;
}
