#include "fhir/settings.h"
#include "fhir/endpoint.h"
#include "fhir/fingerprint.h"
#include "fhir/memory.h"
#include "fhir/reading.h"
#include "fhir/uri.h"
#include "fhir/when.h"
#include "store/base/cleanup.h"

#include <errno.h>
#include <string.h>

static const char *const system_options[KIND_COUNT] = {
    [KIND_PATIENT] = "default_system_patient",
    [KIND_ACCESSION] = "default_system_accession",
    [KIND_PLACER] = "default_system_placer",
    [KIND_FILLER] = "default_system_filler",
    [KIND_REQUESTED_PROCEDURE] = "default_system_requested_procedure",
    [KIND_SPECIMEN] = "default_system_specimen",
    [KIND_STAFF] = "default_system_staff",
    [KIND_STUDY_ID] = "default_system_study_id",
    [KIND_LOCATION] = "default_system_location",
};

#define REFUSE(...) (*ret_message = memory_print(__VA_ARGS__), -EINVAL)

size_t settings_count(const struct conf *c)
{
    return conf_titled_count(c, "target");
}

/* The position of @option's value in @choices. */
static int chosen(const struct conf *c, size_t i, const char *option, const char *const *choices)
{
    const char *value = conf_titled_string(c, "target", i, option);

    for (int n = 0; choices[n]; n++)
        if (strcmp(choices[n], value) == 0)
            return n;
    return 0;
}

static struct map map_of(const struct conf *c, const char *option)
{
    struct map map;

    map.n = conf_list(c, "fhir", option, &map.entries);
    return map;
}

static void read_fhir(const struct conf *c, struct mapping *m)
{
    const char *type = conf_string(c, "fhir", "patient_identifier_type");
    const char *state = conf_string(c, "fhir", "order_state_system");

    for (int kind = 0; kind < KIND_COUNT; kind++)
        m->systems[kind] = conf_string(c, "fhir", system_options[kind]);
    m->issuers = map_of(c, "issuer_map");
    m->issuer_template = conf_string(c, "fhir", "issuer_template");
    m->code_systems = map_of(c, "code_system_map");
    m->code_template = conf_string(c, "fhir", "code_system_template");
    m->zones = map_of(c, "time_zone_of_sender");
    m->zone = conf_string(c, "fhir", "time_zone");
    m->publisher_system = conf_string(c, "fhir", "publisher_system");
    m->patient_type = strcmp(type, "none") == 0 ? NULL : type;
    m->request_status = conf_string(c, "fhir", "request_status");
    m->study_profile = conf_string(c, "fhir", "imaging_study_profile");
    m->order_state_system = strcmp(state, "none") == 0 ? NULL : state;
    m->accession_always = strcmp(conf_string(c, "fhir", "accession_in_identifier"), "always") == 0;
    m->ethnicity = conf_bool(c, "fhir", "ethnicity");
    m->roles = conf_bool(c, "fhir", "roles");
    m->orphan_observations = conf_bool(c, "fhir", "orphan_observations");
    m->hold_patient_differs = strcmp(conf_string(c, "fhir", "patient_differs"), "hold") == 0;
    m->show_quality_rejected = conf_bool(c, "fhir", "show_quality_rejected");
    m->hide_unauthorised = !conf_bool(c, "fhir", "publish_unauthorised");
    m->delete_expired = strcmp(conf_string(c, "fhir", "retention_expired"), "delete") == 0;
    m->extension_base = conf_string(c, "fhir", "extension_base");
    m->dicomweb_url = conf_string(c, "fhir", "dicomweb_url");
    m->n_dicomweb_connections =
        conf_list(c, "fhir", "dicomweb_connections", &m->dicomweb_connections);
}

void settings_orders(const struct conf *c, struct order_rules *ret)
{
    *ret = (struct order_rules){.station_system = conf_string(c, "orders", "station_system")};
    read_fhir(c, &ret->mapping);
    ret->stations.n = conf_list(c, "orders", "stations", &ret->stations.entries);
    ret->modalities.n = conf_list(c, "orders", "modalities", &ret->modalities.entries);
}

/* What a target says about DICOMweb takes the place of what fhir says. */
static void read_dicomweb(const struct conf *c, size_t i, struct mapping *m)
{
    const char *url = conf_titled_string(c, "target", i, "dicomweb_url");
    const char *const *connections;
    size_t n = conf_titled_list(c, "target", i, "dicomweb_connections", &connections);

    if (url)
        m->dicomweb_url = url;
    if (n > 0) {
        m->dicomweb_connections = connections;
        m->n_dicomweb_connections = n;
    }
    if (m->dicomweb_url && strcmp(m->dicomweb_url, "none") == 0)
        m->dicomweb_url = NULL;
}

static void read_target_mapping(const struct conf *c, size_t i, struct mapping *m)
{
    static const char *const modes[] = {"create", "existing", "logical", "update", NULL};
    static const char *const forms[] = {"full", "series", NULL};
    const char *contained = conf_titled_string(c, "target", i, "self_contained");
    bool automatic;

    m->release =
        strcmp(conf_titled_string(c, "target", i, "release"), "R4") == 0 ? RELEASE_R4 : RELEASE_R5;
    m->search_identity = strcmp(conf_titled_string(c, "target", i, "identity"), "search") == 0;
    m->patient = (enum mode)chosen(c, i, "patient", modes);
    m->request = (enum mode)chosen(c, i, "request", modes);
    m->self_contained = strcmp(contained, "auto") == 0
                            ? conf_titled_string(c, "target", i, "directory") != NULL
                            : strcmp(contained, "on") == 0;
    automatic = strcmp(conf_titled_string(c, "target", i, "instance_level"), "auto") == 0;
    m->level = (enum form)chosen(c, i, "instance_level", forms);
    m->full_limit =
        automatic ? (size_t)conf_titled_int(c, "target", i, "instance_limit") : SIZE_MAX;
}

static void read_delivery(const struct conf *c, size_t i, struct delivery *d)
{
    static const char *const kinds[] = {"none", "bearer", "basic", "smart", NULL};

    d->connect_timeout_s = (int)conf_titled_int(c, "target", i, "connect_timeout");
    d->timeout_s = (int)conf_titled_int(c, "target", i, "timeout");
    d->answer_max_bytes = (size_t)conf_titled_int(c, "target", i, "answer_max");
    d->compress = conf_titled_bool(c, "target", i, "compress");
    d->accept_version = conf_titled_bool(c, "target", i, "accept_version");
    d->authentication = (enum authentication)chosen(c, i, "authentication", kinds);
    d->token_file = conf_titled_string(c, "target", i, "token_file");
    d->user = conf_titled_string(c, "target", i, "user");
    d->password_file = conf_titled_string(c, "target", i, "password_file");
    d->client_certificate = conf_titled_string(c, "target", i, "client_certificate");
    d->client_key = conf_titled_string(c, "target", i, "client_key");
    d->ca_file = conf_titled_string(c, "target", i, "ca_file");
    d->smart_client_id = conf_titled_string(c, "target", i, "smart_client_id");
    d->smart_key_file = conf_titled_string(c, "target", i, "smart_key_file");
    d->smart_key_id = conf_titled_string(c, "target", i, "smart_key_id");
    d->smart_scope = conf_titled_string(c, "target", i, "smart_scope");
    d->smart_token_url = conf_titled_string(c, "target", i, "smart_token_url");
}

static int check_map(const struct map *map, const char *option, char **ret_message)
{
    for (size_t i = 0; i < map->n; i++) {
        const char *value = strrchr(map->entries[i], '=');

        if (!value || value == map->entries[i] || value[1] == '\0')
            return REFUSE("fhir: \"%s\" in %s is not of the form \"key=value\"", map->entries[i],
                          option);
    }
    return 0;
}

static int check_zones(const struct mapping *m, char **ret_message)
{
    if (m->zone && !when_zone_exists(m->zone))
        return REFUSE("fhir: time_zone \"%s\" is not known to this system", m->zone);
    for (size_t i = 0; i < m->zones.n; i++) {
        const char *zone = strchr(m->zones.entries[i], '=') + 1;

        if (!when_zone_exists(zone))
            return REFUSE("fhir: \"%s\" in time_zone_of_sender is not known to this system", zone);
    }
    return 0;
}

static int check_systems(const struct mapping *m, char **ret_message)
{
    if (!m->systems[KIND_PATIENT] || !m->systems[KIND_ACCESSION])
        return REFUSE("fhir: default_system_patient and default_system_accession must be set, for "
                      "example to \"http://hospital.example/mrn\" and "
                      "\"http://hospital.example/accession\": an identifier without a system "
                      "would match strangers");
    for (int kind = 0; kind < KIND_COUNT; kind++)
        if (m->systems[kind] && !uri_is_absolute(m->systems[kind]))
            return REFUSE("fhir: %s \"%s\" is not an absolute URI", system_options[kind],
                          m->systems[kind]);
    if (m->publisher_system && !uri_is_absolute(m->publisher_system))
        return REFUSE("fhir: publisher_system \"%s\" is not an absolute URI", m->publisher_system);
    if (m->order_state_system && !uri_is_absolute(m->order_state_system))
        return REFUSE("fhir: order_state_system \"%s\" is neither an absolute URI nor none",
                      m->order_state_system);
    if (m->extension_base && (!uri_is_absolute(m->extension_base) ||
                              m->extension_base[strlen(m->extension_base) - 1] == '/'))
        return REFUSE("fhir: extension_base \"%s\" must be an absolute URI without a slash at the "
                      "end",
                      m->extension_base);
    if (m->issuer_template && !strstr(m->issuer_template, "{local}"))
        return REFUSE("fhir: issuer_template must contain {local}");
    if (m->code_template && !strstr(m->code_template, "{designator}"))
        return REFUSE("fhir: code_system_template must contain {designator}");
    return 0;
}

static int check_mapping(const struct mapping *m, char **ret_message)
{
    int r = check_systems(m, ret_message);

    if (r >= 0)
        r = check_map(&m->issuers, "issuer_map", ret_message);
    if (r >= 0)
        r = check_map(&m->code_systems, "code_system_map", ret_message);
    if (r >= 0)
        r = check_map(&m->zones, "time_zone_of_sender", ret_message);
    if (r >= 0)
        r = check_zones(m, ret_message);
    return r < 0 ? r : endpoint_check(m, ret_message);
}

bool settings_is_private(const char *url)
{
    static const char *const safe[] = {"https://", "http://127.0.0.1", "http://[::1]",
                                       "http://localhost"};

    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++) {
        size_t n = strlen(safe[i]);

        if (strncasecmp(url, safe[i], n) == 0 && (i == 0 || strchr(":/", url[n])))
            return true;
    }
    return false;
}

static int check_authentication(const struct settings *s, char **ret_message)
{
    const struct delivery *d = &s->delivery;

    if (d->authentication == AUTH_BEARER && !d->token_file)
        return REFUSE("target \"%s\": authentication bearer needs token_file", s->name);
    if (d->authentication == AUTH_BASIC && (!d->user || !d->password_file))
        return REFUSE("target \"%s\": authentication basic needs user and password_file", s->name);
    if (d->authentication == AUTH_SMART &&
        (!d->smart_client_id || !d->smart_key_file || !d->smart_key_id))
        return REFUSE("target \"%s\": authentication smart needs smart_client_id, smart_key_file "
                      "and smart_key_id",
                      s->name);
    if (d->authentication != AUTH_NONE && !settings_is_private(d->url))
        return REFUSE("target \"%s\": a secret is not sent over plain HTTP, use https", s->name);
    if (d->smart_token_url && !settings_is_private(d->smart_token_url))
        return REFUSE("target \"%s\": smart_token_url must be https", s->name);
    return 0;
}

static int check_target(const struct settings *s, char **ret_message)
{
    if ((s->delivery.url != NULL) == (s->directory != NULL))
        return REFUSE("target \"%s\": either url or directory must be set", s->name);
    if (s->mapping.search_identity && !s->mapping.publisher_system)
        return REFUSE("target \"%s\": identity search needs publisher_system in fhir {}", s->name);
    if (s->directory && s->reads_orders)
        return REFUSE("target \"%s\": orders come from a url, not from a directory", s->name);
    if (s->directory)
        return 0;
    if (strncasecmp(s->delivery.url, "http://", 7) != 0 &&
        strncasecmp(s->delivery.url, "https://", 8) != 0)
        return REFUSE("target \"%s\": url must begin with https:// or http://", s->name);
    if (strpbrk(s->delivery.url, "?#@ "))
        return REFUSE("target \"%s\": url must be a base URL without ?, # and credentials",
                      s->name);
    return check_authentication(s, ret_message);
}

static char *without_slash(const char *url)
{
    size_t n = strlen(url);

    while (n > 0 && url[n - 1] == '/')
        n--;
    return memory_text(url, n);
}

int settings_read(const struct conf *c, size_t i, struct settings *ret, char **ret_message)
{
    const char *url = conf_titled_string(c, "target", i, "url");
    struct settings s = {.name = conf_title(c, "target", i)};
    int r;

    s.directory = conf_titled_string(c, "target", i, "directory");
    s.release_from_server =
        url && strcmp(conf_titled_string(c, "target", i, "release"), "auto") == 0;
    s.reads_orders = strcmp(conf_titled_string(c, "target", i, "orders"), "none") != 0;
    s.orders_interval_s = (int)conf_titled_int(c, "target", i, "orders_interval");
    s.orders_query = conf_titled_string(c, "target", i, "orders_query");
    s.orders_overlap_s = (int)conf_titled_int(c, "target", i, "orders_overlap");
    s.orders_check_interval_s = (int)conf_titled_int(c, "target", i, "orders_check_interval");
    s.orders_patient_data = conf_titled_bool(c, "target", i, "orders_patient_data");
    s.orders_scope = conf_titled_string(c, "target", i, "smart_scope_orders");
    s.quiet_period_s = (int)conf_titled_int(c, "target", i, "quiet_period");
    s.longest_delay_s = (int)conf_titled_int(c, "target", i, "longest_delay");
    s.senders = (int)conf_titled_int(c, "target", i, "senders");
    s.pause_max_s = (int)conf_titled_int(c, "target", i, "pause_max");
    s.retry_max_s = (int)conf_titled_int(c, "target", i, "retry_max");
    read_fhir(c, &s.mapping);
    read_target_mapping(c, i, &s.mapping);
    read_dicomweb(c, i, &s.mapping);
    read_delivery(c, i, &s.delivery);
    s.url = url ? without_slash(url) : NULL;
    s.delivery.url = s.mapping.server_url = s.url;
    r = check_mapping(&s.mapping, ret_message);
    if (r >= 0)
        r = check_target(&s, ret_message);
    if (r < 0) {
        free(s.url);
        return r;
    }
    s.description = memory_print("%s", s.url ? s.url : s.directory);
    fingerprint_of(c, i, s.fingerprint);
    *ret = s;
    return 0;
}

void settings_done(struct settings *s)
{
    free(s->description);
    free(s->url);
    *s = (struct settings){0};
}
