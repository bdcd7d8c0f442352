#include "store/caller.h"

#include <string.h>

static const char *const services[] = {"store", "find", "worklist", NULL};

static const char *const shown_rejections[] = {"default",  "quality",   "safety",
                                               "worklist", "retention", NULL};

static const struct conf_option ae_options[] = {
    {.name = "allow",
     .type = CONF_LIST,
     .fallback = "{\"store\", \"find\", \"worklist\"}",
     .choices = services,
     .help = "what this calling AE title may do; C-ECHO is always answered"},
    {.name = "charset",
     .type = CONF_STRING,
     .max = 128,
     .help = "Specific Character Set of answers to it, values joined with \\\\; without it the "
             "requestor's own where every character fits, else ISO_IR 192"},
    {.name = "show_rejected",
     .type = CONF_LIST,
     .fallback = "{\"default\"}",
     .choices = shown_rejections,
     .help = "C-FIND: which rejected instances it is shown; \"default\": those that scp says"},
    {.name = "worklist_own_stations",
     .type = CONF_BOOL,
     .fallback = "false",
     .help = "it sees only steps that are scheduled for itself, for a station_group that it is in, "
             "or for worklist_stations"},
    {.name = "worklist_stations",
     .type = CONF_LIST,
     .fallback = "{}",
     .max = 16,
     .help = "AE titles and station groups whose steps it sees beside its own"},
    {0},
};

static const struct conf_option callers_options[] = {CALLING_AE_TITLES_OPTION, {0}};

const struct conf_section conf_ae = {.name = "ae", .titled = true, .options = ae_options};
const struct conf_section conf_callers = {
    .name = "scp", .partial = true, .options = callers_options};

bool caller_known(const struct conf *c, const char *calling)
{
    const char *const *values;
    size_t n = conf_list(c, "scp", "calling_ae_titles", &values);

    for (size_t i = 0; i < n; i++)
        if (strcmp(values[i], "any") == 0 || strcmp(values[i], calling) == 0)
            return true;
    return false;
}

int caller_find(const struct conf *c, const char *calling)
{
    size_t n = conf_titled_count(c, "ae");

    for (size_t i = 0; i < n; i++)
        if (strcmp(conf_title(c, "ae", i), calling) == 0)
            return (int)i;
    return -1;
}

bool caller_may(const struct conf *c, const char *calling, const char *service)
{
    const char *const *allowed;
    int ae = caller_find(c, calling);
    size_t n = ae < 0 ? 0 : conf_titled_list(c, "ae", (size_t)ae, "allow", &allowed);

    for (size_t i = 0; i < n; i++)
        if (strcmp(allowed[i], service) == 0)
            return true;
    return ae < 0;
}

const char *caller_string(const struct conf *c, const char *calling, const char *option)
{
    int ae = caller_find(c, calling);

    return ae < 0 ? NULL : conf_titled_string(c, "ae", (size_t)ae, option);
}
