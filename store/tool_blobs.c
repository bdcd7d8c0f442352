#include "store/tool_blobs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_ROWS 50000

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static int add_page(struct blobs *b, const PGresult *rows)
{
    size_t more = (size_t)PQntuples(rows);

    if (b->n + more > b->room) {
        size_t room = 2 * b->room + more;
        uint64_t *grown = reallocarray(b->ids, room, sizeof *grown);

        if (!grown)
            return -ENOMEM;
        b->ids = grown;
        b->room = room;
    }
    for (size_t row = 0; row < more; row++)
        b->ids[b->n++] = strtoull(PQgetvalue(rows, (int)row, 1), NULL, 10);
    return 0;
}

/* By key, since there is no index by blob. */
static int load_table(const struct tool *t, const char *select, struct blobs *b)
{
    char last[24] = "0", limit[16];
    const char *const values[] = {last, limit};
    int n = PAGE_ROWS, r = 0;

    (void)snprintf(limit, sizeof limit, "%d", PAGE_ROWS);
    while (r == 0 && n == PAGE_ROWS) {
        PGresult *rows;
        int code = tool_query(t, select, 2, values, &rows);

        if (code != TOOL_FINE)
            return code;
        n = PQntuples(rows);
        if (n > 0)
            (void)snprintf(last, sizeof last, "%s", PQgetvalue(rows, n - 1, 0));
        r = add_page(b, rows);
        PQclear(rows);
    }
    return r == 0 ? TOOL_FINE : tool_fail(t, TOOL_CANNOT, "no memory");
}

int blobs_load(const struct tool *t, struct blobs *ret)
{
    int code = load_table(t,
                          "select instance_key, blob from isthmus.instance "
                          "where instance_key > $1 order by instance_key limit $2",
                          ret);

    if (code == TOOL_FINE)
        code = load_table(t,
                          "select conflict_key, blob from isthmus.conflict "
                          "where conflict_key > $1 order by conflict_key limit $2",
                          ret);
    if (code == TOOL_FINE && ret->n > 0)
        qsort(ret->ids, ret->n, sizeof *ret->ids, compare);
    return code;
}

bool blobs_have(const struct blobs *b, uint64_t id)
{
    return b->n > 0 && bsearch(&id, b->ids, b->n, sizeof id, compare) != NULL;
}

void blobs_done(struct blobs *b)
{
    free(b->ids);
    *b = (struct blobs){.ids = NULL};
}
