#include "fhir/smart.h"
#include "fhir/identifier.h"
#include "fhir/jwt.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/stop.h"
#include "fhir/transport.h"
#include "store/base/cleanup.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <uuid/uuid.h>

#define ASSERTION "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#define ASSERTION_S 240 /* life of an assertion; at most five minutes are allowed */
#define EARLY_S 30      /* so long before its end a token is not used any more */
#define LIFE_S 300      /* of a token whose server does not say */
#define ANSWER_MAX 65536

struct smart {
    const struct delivery *delivery;
    struct jwt_key *key;
    char *token_url;
    char *token;
    time_t until; /* of CLOCK_MONOTONIC */
};

static time_t monotonic_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

int smart_new(const struct delivery *d, struct smart **ret, char **ret_message)
{
    struct jwt_key *key;
    int r = jwt_key_load(d->smart_key_file, &key, ret_message);

    if (r < 0)
        return r;
    *ret = memory_new(sizeof **ret);
    **ret = (struct smart){.delivery = d, .key = key};
    return 0;
}

void smart_forget(struct smart *s)
{
    if (s->token)
        explicit_bzero(s->token, strlen(s->token));
    free(TAKE_PTR(s->token));
}

struct smart *smart_free(struct smart *s)
{
    if (s) {
        smart_forget(s);
        (void)jwt_key_free(s->key);
        free(s->token_url);
    }
    free(s);
    return NULL;
}

struct text {
    char *bytes;
    size_t n;
};

static size_t take(char *bytes, size_t size, size_t n, void *context)
{
    struct text *t = context;
    size_t taken = size * n;

    if (taken > ANSWER_MAX - t->n)
        return 0;
    t->bytes = memory_resize(t->bytes, t->n + taken + 1);
    memcpy(t->bytes + t->n, bytes, taken);
    t->n += taken;
    t->bytes[t->n] = '\0';
    return taken;
}

static int watch(void *context, curl_off_t to_get, curl_off_t got, curl_off_t to_put,
                 curl_off_t put)
{
    (void)context, (void)to_get, (void)got, (void)to_put, (void)put;
    return stop_overdue();
}

/* GET @url, or POST @form to it, on a connection of its own: these are rare. The JSON of a 200
 * answer, or NULL. */
static json_t *ask(const struct delivery *d, const char *url, const char *form)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");
    struct text answer = {NULL, 0};
    json_t *json = NULL;
    long status = 0;

    if (!curl || !headers)
        abort();
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (form)
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form);
    transport_apply(d, curl);
    if (curl_easy_perform(curl) == CURLE_OK &&
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200)
        json = json_loads(answer.bytes ? answer.bytes : "", 0, NULL);
    if (answer.bytes)
        explicit_bzero(answer.bytes, answer.n);
    free(answer.bytes);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return json;
}

/* From the configuration, else from the server's own description. */
static int find_token_url(struct smart *s)
{
    _cleanup_json_ json_t *description = NULL;
    _cleanup_free_ char *url = NULL;
    const char *found = s->delivery->smart_token_url;

    if (s->token_url)
        return 0;
    if (!found) {
        url = memory_print("%s/.well-known/smart-configuration", s->delivery->url);
        description = ask(s->delivery, url, NULL);
        found = node_get_text(description, "token_endpoint");
    }
    if (!found || !settings_is_private(found))
        return -EAGAIN;
    s->token_url = memory_text(found, strlen(found));
    return 0;
}

static char *assertion(const struct smart *s)
{
    _cleanup_json_ json_t *claims = json_object();
    char id[UUID_TEXT];
    uuid_t uuid;

    uuid_generate_random(uuid);
    uuid_unparse_lower(uuid, id);
    node_set_text(claims, "iss", s->delivery->smart_client_id);
    node_set_text(claims, "sub", s->delivery->smart_client_id);
    node_set_text(claims, "aud", s->token_url);
    node_set(claims, "exp", json_integer(time(NULL) + ASSERTION_S));
    node_set_text(claims, "jti", id);
    return jwt_sign(s->key, s->delivery->smart_key_id, claims);
}

static json_t *request_token(const struct smart *s)
{
    _cleanup_free_ char *signed_text = assertion(s), *form = NULL, *scope = NULL;

    if (!signed_text)
        return NULL;
    scope = curl_easy_escape(NULL, s->delivery->smart_scope, 0);
    form = memory_print("grant_type=client_credentials&scope=%s&client_assertion_type=" ASSERTION
                        "&client_assertion=%s",
                        scope ? scope : "", signed_text);
    return ask(s->delivery, s->token_url, form);
}

const char *smart_token(struct smart *s)
{
    _cleanup_json_ json_t *answer = NULL;
    const char *token;
    json_int_t life_s;

    if (s->token && monotonic_s() < s->until)
        return s->token;
    smart_forget(s);
    if (find_token_url(s) < 0)
        return NULL;
    answer = request_token(s);
    token = node_get_text(answer, "access_token");
    if (!token || !*token)
        return NULL;
    life_s = json_integer_value(json_object_get(answer, "expires_in"));
    life_s = life_s > 0 && life_s < 86400 ? life_s : LIFE_S;
    s->until = monotonic_s() + (time_t)(life_s > 2 * EARLY_S ? life_s - EARLY_S : life_s / 2);
    s->token = memory_text(token, strlen(token));
    return s->token;
}
