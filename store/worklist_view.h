/* What one calling AE title sees of the worklist: the states of steps that are shown, the stations
 * whose steps it may see, and groups of stations. */
#ifndef ISTHMUS_STORE_WORKLIST_VIEW_H
#define ISTHMUS_STORE_WORKLIST_VIEW_H

#include "store/base/conf.h"

#include <stdbool.h>
#include <stddef.h>

/* A step that is scheduled for @title is scheduled for each of @members. */
struct station_group {
    const char *title;
    const char *const *members;
    size_t n;
};

struct worklist_view {
    const char *const *states; /* of (0040,0020) */
    size_t n_states;
    bool own_stations; /* only steps for @stations are shown */
    const char *const *stations;
    size_t n_stations;
    const struct station_group *groups;
    size_t n_groups;
};

/* Sections worklist, station_group and ae: what @calling sees. The strings are those of @c and
 * @calling. 0 or -ENOMEM; @ret is to be freed with worklist_view_done(). */
int worklist_view_read(const struct conf *c, const char *calling, struct worklist_view *ret);
void worklist_view_done(struct worklist_view *v);

/* The titles that a step may be scheduled for when it is one of @title's: by @index @title itself,
 * the groups that it is in, and when it is a group its members; NULL past the end. */
const char *worklist_view_title(const struct worklist_view *v, const char *title, size_t index);

#endif
