/* HTTP with one FHIR server over libcurl: one request at a time on a connection that is kept.
 * Redirects are never followed, so no credential goes to another host. A request is abandoned
 * some seconds after the process was asked to stop (stop.h). */
#ifndef ISTHMUS_FHIR_CLIENT_H
#define ISTHMUS_FHIR_CLIENT_H

#include "fhir/answer.h"
#include "fhir/settings.h"

struct client;

/* Once per process, before others. 0 or -ENOMEM. */
int client_begin(void);

/* @d must outlive it. -EINVAL: a file that @d names cannot be used; *ret_message (malloc'ed)
 * says which. */
int client_new(const struct delivery *d, enum release release, struct client **ret,
               char **ret_message);
struct client *client_free(struct client *c);

/* The release that is named in media types, once it is known. */
void client_set_release(struct client *c, enum release release);

/* Send @method to <base>/@path ("" is the base itself, "?…" a search of it) with @body (FHIR JSON;
 * may be NULL).
 * @ret_reply is valid until the next call; its body is cut at answer_max. */
void client_send(struct client *c, const char *method, const char *path, const char *body,
                 struct reply *ret_reply);

/* GET <base>/@path; when the server still has what it had with @etag (may be NULL), the status may
 * be 304 (RFC 9110 13.1.2). Otherwise as client_send(). */
void client_get(struct client *c, const char *path, const char *etag, struct reply *ret_reply);

#endif
