#include "store/study_sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { INSTANCE_UID, SOURCE_UID };

const char study_select_sources[] =
    "select i.sop_instance_uid, r.sop_instance_uid "
    "from isthmus.series s join isthmus.instance i using (series_key) "
    "join isthmus.reference r using (instance_key) "
    "where s.study_key = $1 and isthmus.is_conversion(r.kind, r.purpose) "
    "group by i.series_key, i.instance_number, i.sop_instance_uid, r.sop_instance_uid "
    "order by i.series_key, i.instance_number nulls last, i.sop_instance_uid collate \"C\", "
    "r.sop_instance_uid collate \"C\"";

/* How many rows from @row on are of the instance with @uid. */
static size_t rows_of(const PGresult *rows, int row, const char *uid)
{
    size_t n = 0;

    while (row + (int)n < PQntuples(rows) &&
           strcmp(PQgetvalue(rows, row + (int)n, INSTANCE_UID), uid) == 0)
        n++;
    return n;
}

static int take(struct study_instance *i, const PGresult *rows, int row, size_t n)
{
    i->sources = calloc(n, sizeof *i->sources);
    if (!i->sources)
        return -ENOMEM;
    for (; i->n_sources < n; i->n_sources++) {
        const char *uid = PQgetvalue(rows, row + (int)i->n_sources, SOURCE_UID);

        i->sources[i->n_sources] = strdup(uid);
        if (!i->sources[i->n_sources])
            return -ENOMEM;
    }
    return 0;
}

int study_take_sources(struct study *s, const PGresult *rows)
{
    int row = 0;

    for (size_t k = 0; k < s->n_series; k++)
        for (size_t i = 0; i < s->series[k].n_instances; i++) {
            struct study_instance *instance = &s->series[k].instances[i];
            size_t n = rows_of(rows, row, instance->sop_instance_uid);

            if (n > 0 && take(instance, rows, row, n) < 0)
                return -ENOMEM;
            row += (int)n;
        }
    return 0;
}

void study_sources_done(struct study_instance *i)
{
    for (size_t n = 0; n < i->n_sources; n++)
        free(i->sources[n]);
    free(i->sources);
}
