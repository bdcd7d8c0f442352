#include "store/worklist_view.h"
#include "store/caller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int read_groups(const struct conf *c, struct worklist_view *v)
{
    size_t n = conf_titled_count(c, "station_group");
    struct station_group *groups = calloc(n + 1, sizeof *groups);

    if (!groups)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        groups[i].title = conf_title(c, "station_group", i);
        groups[i].n = conf_titled_list(c, "station_group", i, "members", &groups[i].members);
    }
    v->groups = groups;
    v->n_groups = n;
    return 0;
}

/* Its own title comes first. */
static int read_stations(const struct conf *c, const char *calling, struct worklist_view *v)
{
    int ae = caller_find(c, calling);
    const char *const *others;
    const char **stations;
    size_t n;

    v->own_stations = ae >= 0 && conf_titled_bool(c, "ae", (size_t)ae, "worklist_own_stations");
    if (!v->own_stations)
        return 0;
    n = conf_titled_list(c, "ae", (size_t)ae, "worklist_stations", &others);
    stations = calloc(n + 1, sizeof *stations);
    if (!stations)
        return -ENOMEM;
    stations[0] = calling;
    for (size_t i = 0; i < n; i++)
        stations[i + 1] = others[i];
    v->stations = stations;
    v->n_stations = n + 1;
    return 0;
}

int worklist_view_read(const struct conf *c, const char *calling, struct worklist_view *ret)
{
    int r;

    *ret = (struct worklist_view){.n_states = 0};
    ret->n_states = conf_list(c, "worklist", "show_states", &ret->states);
    r = read_groups(c, ret);
    return r < 0 ? r : read_stations(c, calling, ret);
}

void worklist_view_done(struct worklist_view *v)
{
    free((void *)v->stations);
    free((void *)v->groups);
    *v = (struct worklist_view){.n_states = 0};
}

static bool has_member(const struct station_group *g, const char *title)
{
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->members[i], title) == 0)
            return true;
    return false;
}

const char *worklist_view_title(const struct worklist_view *v, const char *title, size_t index)
{
    if (index-- == 0)
        return title;
    for (size_t i = 0; i < v->n_groups; i++)
        if (has_member(&v->groups[i], title) && index-- == 0)
            return v->groups[i].title;
    for (size_t i = 0; i < v->n_groups; i++) {
        if (strcmp(v->groups[i].title, title) != 0)
            continue;
        if (index < v->groups[i].n)
            return v->groups[i].members[index];
        index -= v->groups[i].n;
    }
    return NULL;
}
