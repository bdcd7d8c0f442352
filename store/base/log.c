#include "store/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* sd_journal_send() would add this file and line to every entry, whoever logs. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define SUBJECT_MAX 128
#define MESSAGE_MAX 2048

static struct {
    const char *program;
    int max_priority;
    bool to_journal;
    char subject[SUBJECT_MAX];
} state = {"isthmus", LOG_INFO, false, ""};

static int priority_of(const char *level)
{
    static const struct {
        const char *name;
        int priority;
    } levels[] = {
        {"error", LOG_ERR}, {"warning", LOG_WARNING}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}};

    for (size_t i = 0; level && i < sizeof levels / sizeof *levels; i++)
        if (strcmp(level, levels[i].name) == 0)
            return levels[i].priority;
    return LOG_INFO;
}

static const char *level_name(int priority)
{
    switch (priority) {
    case LOG_ERR:
        return "error";
    case LOG_WARNING:
        return "warning";
    case LOG_INFO:
        return "info";
    default:
        return "debug";
    }
}

/* JOURNAL_STREAM is "device:inode" of the stream that systemd connected us to; it is inherited
 * by children whose standard error goes elsewhere, so it is compared (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;

    if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
        return false;
    return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_open(const char *program, const char *max_level)
{
    state.program = program;
    state.max_priority = priority_of(max_level);
    state.to_journal = stderr_is_journal();
}

/* C0 and DEL become '?': a peer's bytes in an AE title cannot begin a line of their own. So do
 * the C1 controls, which are C2 80 to C2 9F in UTF-8. */
static void replace_controls(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p == 0x7f)
            *p = '?';
        else if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
            p[0] = p[1] = '?';
    }
}

void log_subject(const char *format, ...)
{
    va_list ap;

    state.subject[0] = '\0';
    if (!format)
        return;
    va_start(ap, format);
    (void)vsnprintf(state.subject, sizeof state.subject, format, ap);
    va_end(ap);
    replace_controls(state.subject);
}

static void send_to_journal(int priority, const char *message)
{
    if (state.subject[0])
        (void)sd_journal_send("PRIORITY=%i", priority, "SYSLOG_IDENTIFIER=%s", state.program,
                              "ISTHMUS_SUBJECT=%s", state.subject, "MESSAGE=%s: %s", state.subject,
                              message, NULL);
    else
        (void)sd_journal_send("PRIORITY=%i", priority, "SYSLOG_IDENTIFIER=%s", state.program,
                              "MESSAGE=%s", message, NULL);
}

/* One write(2) per line, so that lines of several processes do not mix. */
static void send_to_stderr(int priority, const char *message)
{
    char line[MESSAGE_MAX + SUBJECT_MAX + 64];
    struct timespec now;
    struct tm utc;
    size_t n;
    int length;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (!gmtime_r(&now.tv_sec, &utc))
        return;
    n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
    length = snprintf(line + n, sizeof line - n, ".%03ldZ %s %s%s%s\n", now.tv_nsec / 1000000,
                      level_name(priority), state.subject, state.subject[0] ? ": " : "", message);
    if (length > 0 && n + (size_t)length < sizeof line)
        (void)!write(STDERR_FILENO, line, n + (size_t)length);
}

static void log_write(int priority, const char *format, va_list ap)
{
    int saved_errno = errno;
    char message[MESSAGE_MAX];

    if (priority > state.max_priority)
        return;
    (void)vsnprintf(message, sizeof message, format, ap);
    replace_controls(message);
    if (state.to_journal)
        send_to_journal(priority, message);
    else
        send_to_stderr(priority, message);
    errno = saved_errno;
}

void log_error(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    log_write(LOG_ERR, format, ap);
    va_end(ap);
}

void log_warning(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    log_write(LOG_WARNING, format, ap);
    va_end(ap);
}

void log_info(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    log_write(LOG_INFO, format, ap);
    va_end(ap);
}

void log_debug(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    log_write(LOG_DEBUG, format, ap);
    va_end(ap);
}
