#include "store/worklist_settings.h"

#include <stddef.h>

static const char *const states[] = {"SCHEDULED", "ARRIVED",  "READY",        "STARTED", "DEPARTED",
                                     "COMPLETED", "CANCELED", "DISCONTINUED", NULL};

static const struct conf_option worklist_options[] = {
    {.name = "show_states",
     .type = CONF_LIST,
     .fallback = "{\"SCHEDULED\", \"ARRIVED\", \"READY\", \"STARTED\"}",
     .choices = states,
     .help = "states of scheduled procedure steps that modalities see"},
    {.name = "completed_after",
     .type = CONF_INT,
     .fallback = "1800",
     .min = 0,
     .max = 604800,
     .unit = "seconds",
     .help = "a step that was STARTED by an image is COMPLETED when its study got none for so "
             "long; 0: never"},
    {0},
};

static const struct conf_option station_group_options[] = {
    {.name = "members",
     .type = CONF_LIST,
     .fallback = "{}",
     .min = 1,
     .max = 16,
     .help = "a step that is scheduled for the title of this section is one of each of these AE "
             "titles; who asks for the steps of the title gets theirs too"},
    {0},
};

const struct conf_section conf_worklist = {.name = "worklist", .options = worklist_options};
const struct conf_section conf_station_group = {
    .name = "station_group", .titled = true, .options = station_group_options};
