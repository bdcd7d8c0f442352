#include "store/access.h"
#include "store/base/cleanup.h"
#include "store/blob.h"
#include "store/document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BLOB, TRANSFER_SYNTAX, RATIO };

static const char select_instance[] =
    "select blob, transfer_syntax_uid, (attributes -> '00282112')::text "
    "from isthmus.instance where sop_instance_uid = $1";

/* What a path may have in a URI (RFC 3986 section 3.3). */
static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-._~/!$&'()*+,;=:@", c);
}

/* "file:///var/lib/isthmus/objects/…" of an absolute path below @root; NULL: no memory. */
static char *file_uri(const char *root, const char *path)
{
    static const char scheme[] = "file://", digits[] = "0123456789ABCDEF";
    char *uri = malloc(sizeof scheme + 3 * (strlen(root) + 1 + strlen(path))), *to = uri;

    if (!uri)
        return NULL;
    to = stpcpy(to, scheme);
    for (const char *part = root; part; part = part == root ? path : NULL) {
        for (const char *c = part; *c; c++) {
            if (is_plain(*c)) {
                *to++ = *c;
                continue;
            }
            *to++ = '%';
            *to++ = digits[(unsigned char)*c >> 4];
            *to++ = digits[(unsigned char)*c & 0xF];
        }
        if (part == root)
            *to++ = '/';
    }
    *to = '\0';
    return uri;
}

static int set_attribute(json_t *item, const char *tag, const char *vr, const char *value)
{
    return json_object_set_new(item, tag, json_pack("{s:s, s:[s]}", "vr", vr, "Value", value));
}

static int describe(const char *uri, const PGresult *rows, json_t **ret)
{
    json_t *item = json_object(), *ratio = NULL;
    int r = 0;

    if (!PQgetisnull(rows, 0, RATIO))
        r = document_parse(PQgetvalue(rows, 0, RATIO), &ratio);
    if (r == 0 && (set_attribute(item, "00080409", "UR", uri) < 0 ||
                   set_attribute(item, "0008040A", "CS", "INDIVIDUAL") < 0 ||
                   set_attribute(item, "0008040E", "UI", PQgetvalue(rows, 0, TRANSFER_SYNTAX)) < 0))
        r = -ENOMEM;
    if (r == 0 && ratio)
        r = json_object_set(item, "00282112", ratio) < 0 ? -ENOMEM : 0;
    json_decref(ratio);
    if (r < 0)
        json_decref(item);
    else
        *ret = item;
    return r;
}

int access_item(struct db *db, const char *root, const char *sop_instance_uid, json_t **ret,
                uint64_t *ret_blob)
{
    _cleanup_free_ char *absolute = realpath(root, NULL), *uri = NULL;
    char path[STORE_PATH_MAX];
    PGresult *rows;
    uint64_t blob;
    int r;

    if (!absolute)
        return -errno;
    r = db_query(db, select_instance, 1, &sop_instance_uid, &rows);
    if (r < 0)
        return r;
    if (PQntuples(rows) == 0) {
        PQclear(rows);
        return -ENOENT;
    }
    blob = strtoull(PQgetvalue(rows, 0, BLOB), NULL, 10);
    store_path(blob, path);
    uri = file_uri(absolute, path);
    r = uri ? describe(uri, rows, ret) : -ENOMEM;
    PQclear(rows);
    if (r == 0)
        *ret_blob = blob;
    return r;
}
