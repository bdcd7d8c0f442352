#include "store/array_text.h"
#include "store/query_condition.h"

#include <errno.h>

static char *array_of_states(const struct worklist_view *view)
{
    struct array_text a;

    if (!array_begin(&a))
        return NULL;
    for (size_t i = 0; i < view->n_states; i++)
        array_put(&a, view->states[i]);
    return array_end(&a);
}

static char *array_of_stations(const struct worklist_view *view)
{
    struct array_text a;

    if (!array_begin(&a))
        return NULL;
    for (size_t i = 0; i < view->n_stations; i++) {
        const char *title;

        for (size_t j = 0; (title = worklist_view_title(view, view->stations[i], j)); j++)
            array_put(&a, title);
    }
    return array_end(&a);
}

/* An order that is on hold, revoked, completed … is not one to be performed. */
int condition_add_visible(struct conditions *c, const struct worklist_view *view,
                          enum visible_rule rule, FILE *out)
{
    int number;

    if (rule == VISIBLE_ORDER || (rule == VISIBLE_STATION && !view->own_stations)) {
        (void)fputs(rule == VISIBLE_ORDER ? "o.status = 'active'" : "true", out);
        return 0;
    }
    number =
        condition_value(c, rule == VISIBLE_STATE ? array_of_states(view) : array_of_stations(view));
    if (number < 0)
        return number;
    (void)fprintf(out,
                  rule == VISIBLE_STATE ? "w.status = any($%d::text[])"
                                        : "w.scheduled_station_ae_titles && $%d::text[]",
                  number);
    return 0;
}
