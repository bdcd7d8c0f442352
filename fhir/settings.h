/* The sections of the configuration that belong to the publisher, and one target's share of
 * them as plain values (mapping 13). */
#ifndef ISTHMUS_FHIR_SETTINGS_H
#define ISTHMUS_FHIR_SETTINGS_H

#include "fhir/digest.h"
#include "fhir/mapping.h"
#include "store/base/conf.h"

/* fhir {…}: how DICOM becomes FHIR; target "name" {…}: where it goes and how. */
extern const struct conf_section settings_fhir, settings_target;

enum authentication { AUTH_NONE, AUTH_BEARER, AUTH_BASIC, AUTH_SMART };

/* How to reach a FHIR server. */
struct delivery {
    const char *url; /* base, without a slash at the end (NULL: a directory) */
    int connect_timeout_s, timeout_s;
    size_t answer_max_bytes;
    bool compress;       /* send gzip */
    bool accept_version; /* name the release in Accept and Content-Type */
    enum authentication authentication;
    const char *token_file, *user, *password_file;
    const char *client_certificate, *client_key, *ca_file;
    const char *smart_client_id, *smart_key_file, *smart_key_id, *smart_scope, *smart_token_url;
};

struct settings {
    const char *name;
    char *description;             /* URL or directory; not a secret */
    char fingerprint[DIGEST_TEXT]; /* of what decides about the content of Bundles */
    const char *directory;
    bool release_from_server;
    int quiet_period_s, longest_delay_s, senders;
    int pause_max_s, retry_max_s;
    bool reads_orders;
    int orders_interval_s;
    const char *orders_query; /* search parameters of ServiceRequest */
    int orders_overlap_s, orders_check_interval_s;
    bool orders_patient_data;
    const char *orders_scope; /* of SMART, for reading orders */
    struct mapping mapping;
    struct delivery delivery;
    char *url; /* owned copy for delivery.url */
};

/* Number of targets. */
size_t settings_count(const struct conf *c);

/* The settings of target @i, which borrow from @c. -EINVAL: they do not fit together, and
 * @ret_message (malloc'ed) is a sentence for the user. */
int settings_read(const struct conf *c, size_t i, struct settings *ret, char **ret_message);
void settings_done(struct settings *s);

/* Whether a secret may be sent to @url: by TLS, or to this machine itself, where nobody hears it.
 */
bool settings_is_private(const char *url);

struct order_rules;
/* What the sections orders {…} and fhir {…} say about reading orders; lives as long as @c. */
void settings_orders(const struct conf *c, struct order_rules *ret);

#endif
