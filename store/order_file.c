#include "store/order_file.h"
#include "store/base/cleanup.h"
#include "store/identifier.h"
#include "store/order_dump.h"
#include "store/part10.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPLICIT_LITTLE_ENDIAN "1.2.840.10008.1.2.1"

static int fail(char **ret_problem, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(char **ret_problem, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = vasprintf(ret_problem, format, ap);
    va_end(ap);
    return n < 0 ? -ENOMEM : -EBADMSG;
}

static bool is_tag(const char *text)
{
    return strlen(text) >= 11 && text[0] == '(' && text[5] == ',' && text[10] == ')';
}

enum order_form order_form(const void *bytes, size_t n)
{
    const char *text = bytes;
    char head[16] = {0};
    size_t skip = 0;

    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        skip = 3;
    while (skip < n && strchr(" \t\r\n", text[skip]) && text[skip])
        skip++;
    memcpy(head, text + skip, n - skip < sizeof head - 1 ? n - skip : sizeof head - 1);
    if (head[0] == '#' || is_tag(head))
        return ORDER_DUMP;
    if (head[0] != '{' && head[0] != '[')
        return ORDER_DICOM;
    return memmem(bytes, n, "\"resourceType\"", 14) ? ORDER_FHIR : ORDER_JSON;
}

/* {"source": …, "attributes": @attributes}, which is taken over. */
static int make_order(const char *source, json_t *attributes, json_t **ret)
{
    *ret = json_pack("[{s:s, s:o}]", "source", source, "attributes", attributes);
    return *ret ? 0 : -ENOMEM;
}

static int read_data_set(const char *transfer_syntax_uid, const uint8_t *bytes, size_t n,
                         const char *source, json_t **ret, char **ret_problem)
{
    json_t *attributes = NULL;
    const char *problem = NULL;
    int r;

    if (n > IDENTIFIER_BYTES_MAX)
        return fail(ret_problem, "a worklist item is not longer than 1 MiB");
    r = identifier_parse(transfer_syntax_uid, bytes, n, &attributes, &problem);
    if (r == -EBADMSG)
        return fail(ret_problem, "it cannot be read as DICOM: %s", problem);
    return r < 0 ? r : make_order(source, attributes, ret);
}

static int read_dicom(const uint8_t *bytes, size_t n, json_t **ret, char **ret_problem)
{
    struct part10 head;
    int r = part10_read(bytes, n, true, &head);

    if (r < 0)
        return fail(ret_problem, "it is neither a DICOM file, nor the text of dcmdump, nor JSON");
    return read_data_set(head.transfer_syntax_uid, bytes + head.offset, n - head.offset, "dicom",
                         ret, ret_problem);
}

static int read_dump(const char *text, size_t n, json_t **ret, char **ret_problem)
{
    _cleanup_free_ uint8_t *bytes = NULL;
    size_t n_bytes = 0, line = 0;
    int r = order_dump_read(text, n, &bytes, &n_bytes, &line);

    if (r == -EBADMSG)
        return fail(ret_problem, "line %zu is not an element as dcmdump prints it", line);
    return r < 0 ? r
                 : read_data_set(EXPLICIT_LITTLE_ENDIAN, bytes, n_bytes, "dicom", ret, ret_problem);
}

static int read_json(const char *text, size_t n, json_t **ret, char **ret_problem)
{
    size_t skip = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    json_error_t error;
    json_t *root = json_loadb(text + skip, n - skip, JSON_REJECT_DUPLICATES, &error);

    if (!root)
        return fail(ret_problem, "it is not JSON in UTF-8 from line %d on", error.line);
    if (!json_is_array(root))
        root = json_pack("[o]", root);
    *ret = root;
    return root ? 0 : -ENOMEM;
}

int order_file_read(enum order_form form, const void *bytes, size_t n, json_t **ret,
                    char **ret_problem)
{
    switch (form) {
    case ORDER_DUMP:
        return read_dump(bytes, n, ret, ret_problem);
    case ORDER_JSON:
        return read_json(bytes, n, ret, ret_problem);
    default:
        return read_dicom(bytes, n, ret, ret_problem);
    }
}
