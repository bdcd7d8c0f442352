#include "scp/settings.h"
#include "store/caller.h"
#include "store/rejection.h"
#include "store/worklist_settings.h"

#include <string.h>

static const char *const when_down[] = {"spool", "refuse", NULL};

static const struct conf_option options[] = {
    {.name = "ae_title",
     .type = CONF_STRING,
     .fallback = "ISTHMUS",
     .min = 1,
     .max = 16,
     .help = "our AE title; also Source AE Title of stored files without one"},
    {.name = "port",
     .type = CONF_INT,
     .fallback = "11112",
     .min = 1,
     .max = 65535,
     .help = "TCP port of the listener (not used with systemd's socket)"},
    {.name = "bind",
     .type = CONF_LIST,
     .fallback = "{\"0.0.0.0\", \"::\"}",
     .max = 64,
     .help = "addresses to listen on (not used with systemd's socket)"},
    {.name = "reuse_port",
     .type = CONF_BOOL,
     .fallback = "false",
     .help = "share the port with other isthmus-scp processes (SO_REUSEPORT)"},
    {.name = "called_ae_titles",
     .type = CONF_LIST,
     .fallback = "{\"any\"}",
     .max = 16,
     .help = "AE titles we answer to; \"any\" answers to every name"},
    CALLING_AE_TITLES_OPTION,
    {.name = "sop_classes",
     .type = CONF_LIST,
     .fallback = "{\"any\"}",
     .max = 64,
     .help = "storage SOP class UIDs we accept; \"any\": standard, private and unknown ones"},
    {.name = "transfer_syntaxes",
     .type = CONF_LIST,
     .fallback = "{\"any\"}",
     .max = 64,
     .help = "transfer syntax UIDs we accept"},
    {.name = "workers_min",
     .type = CONF_INT,
     .fallback = "4",
     .min = 1,
     .max = 1000,
     .help = "worker processes kept ready"},
    {.name = "workers_max",
     .type = CONF_INT,
     .fallback = "400",
     .min = 1,
     .max = 10000,
     .help = "associations served at once, each with up to one database connection; more are "
             "rejected (local limit exceeded)"},
    {.name = "associations_per_address",
     .type = CONF_INT,
     .fallback = "350",
     .min = 1,
     .max = 10000,
     .help =
         "associations served at once for one address, so that one peer cannot take all workers"},
    {.name = "associations_per_worker",
     .type = CONF_INT,
     .fallback = "10000",
     .min = 1,
     .max = 1000000,
     .help = "a worker is replaced by a fresh one after so many"},
    {.name = "max_pdu",
     .type = CONF_INT,
     .fallback = "131072",
     .min = 4096,
     .max = 131072,
     .unit = "bytes",
     .help = "largest PDU we offer to receive"},
    {.name = "artim_timeout",
     .type = CONF_INT,
     .fallback = "30",
     .min = 1,
     .max = 3600,
     .unit = "seconds",
     .help = "from the connection to the complete A-ASSOCIATE-RQ"},
    {.name = "idle_timeout",
     .type = CONF_INT,
     .fallback = "600",
     .min = 1,
     .max = 86400,
     .unit = "seconds",
     .help = "an association without traffic is aborted"},
    {.name = "pdu_timeout",
     .type = CONF_INT,
     .fallback = "60",
     .min = 1,
     .max = 3600,
     .unit = "seconds",
     .help = "a PDU begun and not finished"},
    {.name = "association_timeout",
     .type = CONF_INT,
     .fallback = "86400",
     .min = 0,
     .max = 604800,
     .unit = "seconds",
     .help = "the whole association; 0: no limit"},
    {.name = "drain_timeout",
     .type = CONF_INT,
     .fallback = "30",
     .min = 1,
     .max = 3600,
     .unit = "seconds",
     .help = "SIGTERM: time for associations at work to end by themselves"},
    {.name = "when_database_down",
     .type = CONF_CHOICE,
     .fallback = "spool",
     .choices = when_down,
     .help = "spool: store the file, answer Success, index later; refuse: answer A700H"},
    {.name = "tolerate_relational",
     .type = CONF_BOOL,
     .fallback = "true",
     .help = "C-FIND: answer queries that lack the unique keys above their level even when "
             "relational queries were not negotiated"},
    {.name = "find_limit",
     .type = CONF_INT,
     .fallback = "0",
     .min = 0,
     .max = 10000000,
     .help = "C-FIND: matches after which a query ends with A700H; 0: no limit"},
    {.name = "show_rejected",
     .type = CONF_LIST,
     .fallback = "{}",
     .choices = rejection_words,
     .help = "C-FIND: show also what notes reject for these reasons: quality, safety (of the "
             "patient), worklist (entry incorrect), retention (expired)"},
    {.name = "restore_rejected",
     .type = CONF_LIST,
     .fallback = "{\"retention\"}",
     .choices = rejection_words,
     .help = "instances rejected for these reasons are shown again when they are sent again"},
    {0},
};

const struct conf_section conf_scp = {.name = "scp", .options = options};

const struct conf_section *const scp_sections[] = {
    &conf_database, &conf_store,         &conf_log, &conf_scp,
    &conf_worklist, &conf_station_group, &conf_ae,  NULL};

static int seconds(const struct conf *c, const char *option)
{
    return (int)conf_int(c, "scp", option) * 1000;
}

/* The titles that words of a list stand for. */
static unsigned titles_of(const char *const *words, size_t n)
{
    unsigned titles = 0, title;

    for (size_t i = 0; i < n; i++)
        if (rejection_of_word(words[i], &title))
            titles |= title;
    return titles;
}

static unsigned titles_option(const struct conf *c, const char *option)
{
    const char *const *words;
    size_t n = conf_list(c, "scp", option, &words);

    return titles_of(words, n);
}

void settings_read(const struct conf *c, struct settings *ret)
{
    *ret = (struct settings){
        .conf = c,
        .ae_title = conf_string(c, "scp", "ae_title"),
        .port = (int)conf_int(c, "scp", "port"),
        .limits = {.max_pdu_bytes = (uint32_t)conf_int(c, "scp", "max_pdu"),
                   .artim_ms = seconds(c, "artim_timeout"),
                   .idle_ms = seconds(c, "idle_timeout"),
                   .pdu_ms = seconds(c, "pdu_timeout"),
                   .association_ms = seconds(c, "association_timeout")},
        .workers_min = (int)conf_int(c, "scp", "workers_min"),
        .workers_max = (int)conf_int(c, "scp", "workers_max"),
        .associations_per_address = (int)conf_int(c, "scp", "associations_per_address"),
        .associations_per_worker = (int)conf_int(c, "scp", "associations_per_worker"),
        .drain_ms = seconds(c, "drain_timeout"),
        .spool = strcmp(conf_string(c, "scp", "when_database_down"), "spool") == 0,
        .tolerate_relational = conf_bool(c, "scp", "tolerate_relational"),
        .find_limit = (int)conf_int(c, "scp", "find_limit"),
        .reuse_port = conf_bool(c, "scp", "reuse_port"),
        .restored_titles = titles_option(c, "restore_rejected"),
    };
    if (ret->workers_min > ret->workers_max)
        ret->workers_min = ret->workers_max;
}

bool settings_allow(const struct settings *s, const char *option, const char *value)
{
    const char *const *values;
    size_t n = conf_list(s->conf, "scp", option, &values);

    for (size_t i = 0; i < n; i++)
        if (strcmp(values[i], "any") == 0 || strcmp(values[i], value) == 0)
            return true;
    return false;
}

unsigned settings_hidden(const struct settings *s, const char *calling)
{
    int ae = caller_find(s->conf, calling);
    const char *const *words;
    size_t n = ae < 0 ? 0 : conf_titled_list(s->conf, "ae", (size_t)ae, "show_rejected", &words);

    if (n > 0 && strcmp(words[0], "default") != 0)
        return rejection_hidden(titles_of(words, n));
    return rejection_hidden(titles_option(s->conf, "show_rejected"));
}
