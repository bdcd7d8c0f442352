/* One line per event, to the journal when systemd gave us one, else to standard error.
 * No patient attribute may appear in any line at any level: callers name associations,
 * AE titles, our own file ids, UIDs and counts; never a name, an ID, an accession number or
 * a message text that a peer or PostgreSQL composed from data. */
#ifndef ISTHMUS_STORE_BASE_LOG_H
#define ISTHMUS_STORE_BASE_LOG_H

/* Begin logging as @program ("isthmus-scp"); @max_level is "error", "warning", "info" or
 * "debug". May be called again (SIGHUP). @program must stay valid. An unknown level is
 * taken as "info". Not thread-safe. */
void log_open(const char *program, const char *max_level);

/* What the following lines are about ("assoc 17 CT1@10.1.2.3"), put before each message of
 * this process; control characters are replaced. NULL: nothing. At most 127 bytes are kept. */
void log_subject(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Write one line; a trailing newline is not wanted. Keeps errno. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
