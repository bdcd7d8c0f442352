/* Who calls and what they may do: sections ae "TITLE", and calling_ae_titles of scp. */
#ifndef ISTHMUS_STORE_CALLER_H
#define ISTHMUS_STORE_CALLER_H

#include "store/base/conf.h"

/* conf_callers is of section scp only what is asked here, for programs that know no more of it. */
extern const struct conf_section conf_ae, conf_callers;

#define CALLING_AE_TITLES_OPTION                                                                   \
    {                                                                                              \
        .name = "calling_ae_titles", .type = CONF_LIST, .fallback = "{\"any\"}", .max = 16,        \
        .help = "AE titles that may call us"                                                       \
    }

/* May @calling associate at all? */
bool caller_known(const struct conf *c, const char *calling);

/* May @calling use @service ("store", "find", "worklist")? All that section ae of its title does
 * not take away. */
bool caller_may(const struct conf *c, const char *calling, const char *service);

/* Which section ae is @calling's, for conf_titled_…(); -1: none. */
int caller_find(const struct conf *c, const char *calling);

/* An option of section ae "@calling", NULL: not set. */
const char *caller_string(const struct conf *c, const char *calling, const char *option);

#endif
