/* What the listener reads from the configuration: section scp {…}; ae "TITLE" {…} is in
 * store/caller.h. */
#ifndef ISTHMUS_SCP_SETTINGS_H
#define ISTHMUS_SCP_SETTINGS_H

#include "scp/dimse.h"
#include "store/base/conf.h"

extern const struct conf_section conf_scp;

/* Those that isthmus-scp reads; NULL-terminated, for conf_load(). */
extern const struct conf_section *const scp_sections[];

struct settings {
    const struct conf *conf; /* borrowed; the strings below live as long */
    const char *ae_title;
    int port;
    struct dimse_limits limits;
    int workers_min, workers_max, associations_per_worker, associations_per_address;
    int drain_ms;
    bool spool; /* when_database_down = spool */
    bool tolerate_relational;
    int find_limit;           /* matches, 0: none */
    unsigned restored_titles; /* enum rejection: shown again when they are sent again */
    bool reuse_port;          /* share the port with other instances */
};

void settings_read(const struct conf *c, struct settings *ret);

/* Is @value in the list option @option of scp {…}, or is "any"? */
bool settings_allow(const struct settings *s, const char *option, const char *value);

/* Which rejected instances queries of the AE @calling do not show (see rejection_hidden). */
unsigned settings_hidden(const struct settings *s, const char *calling);

#endif
