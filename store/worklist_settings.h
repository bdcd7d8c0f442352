/* Sections worklist and station_group "TITLE" of the configuration. */
#ifndef ISTHMUS_STORE_WORKLIST_SETTINGS_H
#define ISTHMUS_STORE_WORKLIST_SETTINGS_H

#include "store/base/conf.h"

extern const struct conf_section conf_worklist, conf_station_group;

#endif
