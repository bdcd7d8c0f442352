#include "store/base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int pipe_ends[2], writes;

static void setup(void)
{
    (void)unsetenv("JOURNAL_STREAM");
    cr_assert_eq(pipe2(pipe_ends, O_NONBLOCK), 0);
    cr_assert_eq(dup2(pipe_ends[1], STDERR_FILENO), STDERR_FILENO);
    log_open("isthmus-test", "info");
    writes = 0;
}

TestSuite(log, .init = setup);

ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    writes += fd == STDERR_FILENO;
    return __real_write(fd, bytes, n);
}

/* What was written since the last call, behind the time stamp. */
static const char *written(void)
{
    static char text[8192];
    ssize_t n = read(pipe_ends[0], text, sizeof text - 1);

    if (n <= 0)
        return "";
    text[n] = '\0';
    cr_assert_gt(n, 25);
    return text + 25;
}

Test(log, a_line_has_time_level_subject_and_message)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ ";
    const char *line;

    log_subject("assoc %d %s", 17, "CT1@10.1.2.3");
    log_info("stored %d instances", 3);
    line = written();
    cr_assert_str_eq(line, "info assoc 17 CT1@10.1.2.3: stored 3 instances\n");
    for (size_t i = 0; form[i]; i++)
        cr_assert(form[i] == 'd' ? line[(long)i - 25] >= '0' && line[(long)i - 25] <= '9'
                                 : line[(long)i - 25] == form[i],
                  "%s", line - 25);
}

Test(log, a_line_is_one_write)
{
    log_subject("subject");
    log_error("one %s", "line");
    cr_assert_eq(writes, 1);
}

Test(log, lines_below_the_level_are_not_written)
{
    static const struct {
        const char *level, *expected;
    } rows[] = {
        {"error", "error e\n"},
        {"warning", "error e\nwarning w\n"},
        {"info", "error e\nwarning w\ninfo i\n"},
        {"debug", "error e\nwarning w\ninfo i\ndebug d\n"},
        {"loud", "error e\nwarning w\ninfo i\n"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char all[200] = "";
        char line[4][100] = {"", "", "", ""};
        const char *at;

        log_open("isthmus-test", rows[i].level);
        log_error("e");
        (void)snprintf(line[0], sizeof line[0], "%s", written());
        log_warning("w");
        (void)snprintf(line[1], sizeof line[1], "%s", written());
        log_info("i");
        (void)snprintf(line[2], sizeof line[2], "%s", written());
        log_debug("d");
        (void)snprintf(line[3], sizeof line[3], "%s", written());
        for (int n = 0; n < 4; n++) {
            at = line[n];
            (void)strncat(all, at, sizeof all - strlen(all) - 1);
        }
        cr_assert_str_eq(all, rows[i].expected, "%s", rows[i].level);
    }
}

Test(log, control_characters_begin_no_line_and_move_no_cursor)
{
    log_subject("AE\nerror forged");
    log_info("a\r\nb\x1b[2J\x7f\xc2\x9bz Zoë");
    cr_assert_str_eq(written(), "info AE?error forged: a??b?[2J???z Zoë\n");
}

Test(log, subjects_and_messages_of_any_length_are_one_line)
{
    char text[5000];
    const char *line;

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_subject("%s", text);
    log_info("%s", text);
    line = written();
    cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1);
    cr_assert_eq(strcspn(line, ":"), strlen("info ") + 127);
    cr_assert_lt(strlen(line), 2500);
}

Test(log, a_subject_is_taken_off_again)
{
    log_subject("subject");
    log_subject(NULL);
    log_info("message");
    cr_assert_str_eq(written(), "info message\n");
}

Test(log, errno_is_kept_even_when_the_line_is_not_written)
{
    errno = EXDEV;
    (void)close(STDERR_FILENO);
    log_info("message");
    cr_assert_eq(errno, EXDEV);
}

Test(log, a_journal_stream_of_another_process_is_not_ours)
{
    (void)setenv("JOURNAL_STREAM", "1:1", 1);
    log_open("isthmus-test", "info");
    log_info("message");
    cr_assert_str_eq(written(), "info message\n");
}

Test(log, a_journal_stream_that_is_ours_takes_the_lines_away_from_stderr)
{
    char stream[64];
    struct stat st;

    cr_assert_eq(fstat(STDERR_FILENO, &st), 0);
    (void)snprintf(stream, sizeof stream, "%lu:%lu", (unsigned long)st.st_dev,
                   (unsigned long)st.st_ino);
    (void)setenv("JOURNAL_STREAM", stream, 1);
    log_open("isthmus-test", "info");
    log_subject("subject");
    log_info("message");
    cr_assert_str_eq(written(), "");
}
