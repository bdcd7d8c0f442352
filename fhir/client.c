#include "fhir/client.h"
#include "fhir/credential.h"
#include "fhir/memory.h"
#include "fhir/stop.h"
#include "fhir/transport.h"
#include "store/base/cleanup.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <stdint.h>
#include <zlib.h>

#define RETRY_AFTER_MAX_S 86400

struct client {
    const struct delivery *delivery;
    enum release release;
    CURL *curl;
    struct credential *credential;
    char *body;
    size_t n_body;
    bool cut; /* the answer was longer than we read */
    char *etag;
};

int client_begin(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *context)
{
    struct client *c = context;
    size_t room = c->delivery->answer_max_bytes - c->n_body, taken = size * n;

    if (taken > room) {
        c->cut = true;
        return 0; /* ends the transfer; the status is known and decides */
    }
    c->body = memory_resize(c->body, c->n_body + taken + 1);
    memcpy(c->body + c->n_body, bytes, taken);
    c->n_body += taken;
    c->body[c->n_body] = '\0';
    return taken;
}

static int watch(void *context, curl_off_t to_get, curl_off_t got, curl_off_t to_put,
                 curl_off_t put)
{
    (void)context, (void)to_get, (void)got, (void)to_put, (void)put;
    return stop_overdue();
}

static void set_always(struct client *c)
{
    CURL *curl = c->curl;

    transport_apply(c->delivery, curl);
    (void)curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, c);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

static int check_readable(const char *path, char **ret_message)
{
    if (!path || access(path, R_OK) == 0)
        return 0;
    *ret_message = memory_print("%s cannot be read", path);
    return -EINVAL;
}

int client_new(const struct delivery *d, enum release release, struct client **ret,
               char **ret_message)
{
    struct client *c;
    int r = check_readable(d->client_certificate, ret_message);

    if (r >= 0)
        r = check_readable(d->client_key, ret_message);
    if (r >= 0)
        r = check_readable(d->ca_file, ret_message);
    if (r < 0)
        return r;
    c = memory_new(sizeof *c);
    *c = (struct client){.delivery = d, .release = release, .curl = curl_easy_init()};
    if (!c->curl)
        abort();
    r = credential_new(d, &c->credential, ret_message);
    if (r < 0) {
        (void)client_free(c);
        return r;
    }
    set_always(c);
    *ret = c;
    return 0;
}

struct client *client_free(struct client *c)
{
    if (c) {
        curl_easy_cleanup(c->curl);
        (void)credential_free(c->credential);
        free(c->body);
        free(c->etag);
    }
    free(c);
    return NULL;
}

void client_set_release(struct client *c, enum release release)
{
    c->release = release;
}

static void append(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*headers, line);

    if (!longer)
        abort();
    *headers = longer;
}

static struct curl_slist *headers_of(const struct client *c, bool body, bool gzip, const char *etag)
{
    const char *version = c->delivery->accept_version ? release_version(c->release) : NULL;
    _cleanup_free_ char *suffix = version ? memory_print("; fhirVersion=%s", version) : NULL;
    _cleanup_free_ char *accept =
        memory_print("Accept: application/fhir+json%s", suffix ? suffix : "");
    _cleanup_free_ char *content =
        memory_print("Content-Type: application/fhir+json; charset=utf-8%s", suffix ? suffix : "");
    _cleanup_free_ char *condition = etag ? memory_print("If-None-Match: %s", etag) : NULL;
    struct curl_slist *headers = NULL;

    append(&headers, accept);
    append(&headers, "Expect:");
    if (body) {
        append(&headers, content);
        append(&headers, "Prefer: return=minimal");
    }
    if (gzip)
        append(&headers, "Content-Encoding: gzip");
    if (condition)
        append(&headers, condition);
    return headers;
}

/* @text as one gzip member (RFC 1952); malloc'ed. */
static char *compress_text(const char *text, size_t *ret_n)
{
    z_stream z = {0};
    size_t n = strlen(text), bound;
    char *bytes;

    if (n > UINT32_MAX || deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    bound = deflateBound(&z, n);
    bytes = memory_new(bound);
    z.next_in = (unsigned char *)(uintptr_t)text;
    z.avail_in = (unsigned)n;
    z.next_out = (unsigned char *)bytes;
    z.avail_out = (unsigned)bound;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    *ret_n = z.total_out;
    (void)deflateEnd(&z);
    return bytes;
}

static void reply_without_answer(struct client *c, CURLcode code, struct reply *ret)
{
    long status = 0;
    double before = 0;

    (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    if (c->cut && status >= 200) {
        ret->status = (int)status;
        ret->body = NULL;
        return;
    }
    (void)curl_easy_getinfo(c->curl, CURLINFO_PRETRANSFER_TIME, &before);
    *ret = (struct reply){.sent = before > 0, .trouble = curl_easy_strerror(code)};
}

/* What a later request may refer to: the version of the answer, and the server's clock. */
static void read_headers(struct client *c, struct reply *ret)
{
    struct curl_header *header;

    if (curl_easy_header(c->curl, "ETag", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        ret->etag = c->etag = memory_text(header->value, strlen(header->value));
    if (curl_easy_header(c->curl, "Date", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
        time_t date = curl_getdate(header->value, NULL);

        ret->date_s = date > 0 ? date : 0;
    }
}

static void perform(struct client *c, struct reply *ret)
{
    CURLcode code;
    long status = 0;
    curl_off_t retry_after = 0;

    free(TAKE_PTR(c->body));
    free(TAKE_PTR(c->etag));
    c->n_body = 0;
    c->cut = false;
    *ret = (struct reply){.trouble = "the credentials cannot be had"};
    if (credential_apply(c->credential, c->curl) < 0)
        return;
    code = curl_easy_perform(c->curl);
    ret->trouble = NULL;
    (void)curl_easy_getinfo(c->curl, CURLINFO_RETRY_AFTER, &retry_after);
    if (code != CURLE_OK) {
        reply_without_answer(c, code, ret);
        return;
    }
    (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    ret->status = (int)status;
    ret->body = c->body;
    read_headers(c, ret);
    if (retry_after > 0)
        ret->retry_after_s = retry_after < RETRY_AFTER_MAX_S ? (int)retry_after : RETRY_AFTER_MAX_S;
}

static void send_request(struct client *c, const char *method, const char *path, const char *body,
                         const char *etag, struct reply *ret_reply)
{
    _cleanup_free_ char *url =
        memory_print("%s%s%s", c->delivery->url, *path && *path != '?' ? "/" : "", path);
    _cleanup_free_ char *packed = NULL;
    bool gzip = body && c->delivery->compress;
    size_t n = body ? strlen(body) : 0;
    struct curl_slist *headers = headers_of(c, body != NULL, gzip, etag);

    if (gzip)
        packed = compress_text(body, &n);
    (void)curl_easy_setopt(c->curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    if (body) {
        (void)curl_easy_setopt(c->curl, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
        (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, packed ? packed : body);
    } else {
        (void)curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
    }
    (void)curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
    perform(c, ret_reply);
    if (ret_reply->status == 401 && credential_renew(c->credential))
        perform(c, ret_reply);
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
}

void client_send(struct client *c, const char *method, const char *path, const char *body,
                 struct reply *ret_reply)
{
    send_request(c, method, path, body, NULL, ret_reply);
}

void client_get(struct client *c, const char *path, const char *etag, struct reply *ret_reply)
{
    send_request(c, "GET", path, NULL, etag, ret_reply);
}
