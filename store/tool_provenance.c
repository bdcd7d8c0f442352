/* What an instance refers to and what refers to it, and so on in both directions, as the table
 * `reference` has it. */
#include "store/base/cleanup.h"
#include "store/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS_MAX 64 /* of the tree that is printed */

enum { FROM, TO, KIND, PURPOSE, FRAMES, OTHER_FRAMES, FROM_STUDY, TO_STUDY, TO_HERE };

/* All edges that can be reached from $1 in the direction of the references, or against it; each
 * once, so that cycles end. %s: the step from one node to the next, and the order. */
#define SELECT(step, key, other)                                                                   \
    "with recursive node (uid) as ("                                                               \
    "  select $1::text collate \"C\" union " step "), "                                            \
    "edge as (select i.sop_instance_uid as from_uid, r.sop_instance_uid as to_uid, "               \
    "  r.kind, r.purpose, r.frames, r.other_frames, i.series_key "                                 \
    "  from isthmus.reference r join isthmus.instance i using (instance_key)) "                    \
    "select e.from_uid, e.to_uid, e.kind, e.purpose, e.frames, e.other_frames, "                   \
    "  f.study_instance_uid, t.study_instance_uid, o.instance_key is not null "                    \
    "from node n join edge e on e." key " = n.uid "                                                \
    "left join isthmus.series fs on fs.series_key = e.series_key "                                 \
    "left join isthmus.study f on f.study_key = fs.study_key "                                     \
    "left join isthmus.instance o on o.sop_instance_uid = e.to_uid "                               \
    "left join isthmus.series ts on ts.series_key = o.series_key "                                 \
    "left join isthmus.study t on t.study_key = ts.study_key "                                     \
    "order by e." key " collate \"C\", e.kind, e." other " collate \"C\", e.purpose"

static const char select_forward[] = SELECT("select r.sop_instance_uid from node n "
                                            "join isthmus.instance i on i.sop_instance_uid = n.uid "
                                            "join isthmus.reference r using (instance_key)",
                                            "from_uid", "to_uid");
static const char select_backward[] =
    SELECT("select i.sop_instance_uid from node n "
           "join isthmus.reference r on r.sop_instance_uid = n.uid "
           "join isthmus.instance i using (instance_key)",
           "to_uid", "from_uid");
static const char select_instance[] =
    "select t.study_instance_uid from isthmus.instance i left join isthmus.series s using "
    "(series_key) left join isthmus.study t using (study_key) where i.sop_instance_uid = $1";

/* The edges of one direction, in order of @key. A node is the first of its rows. */
struct direction {
    PGresult *rows;
    int key, other; /* columns: where we stand, where an edge leads */
    bool *shown, *on_path;
};

struct graph {
    const char *uid;
    PGresult *instance;
    struct direction forward, backward;
};

static const char *cell(const struct direction *d, int row, int column)
{
    return PQgetvalue(d->rows, row, column);
}

/* The first row of a node, or -1: no edge leaves it. */
static int first_row(const struct direction *d, const char *uid)
{
    int low = 0, high = PQntuples(d->rows);

    while (low < high) {
        int middle = low + (high - low) / 2;

        if (strcmp(cell(d, middle, d->key), uid) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < PQntuples(d->rows) && strcmp(cell(d, low, d->key), uid) == 0 ? low : -1;
}

/* The node that @row leads to is not stored. */
static bool is_missing(const struct direction *d, int row)
{
    return d->other == TO && *cell(d, row, TO_HERE) == 'f';
}

/* --- Text ---------------------------------------------------------------------------------- */

static void print_frames(const struct direction *d, int row)
{
    if (!PQgetisnull(d->rows, row, PURPOSE))
        (void)printf(", purpose %s", cell(d, row, PURPOSE));
    if (!PQgetisnull(d->rows, row, FRAMES))
        (void)printf(", frames %s", cell(d, row, FRAMES));
    if (!PQgetisnull(d->rows, row, OTHER_FRAMES))
        (void)printf("%s %s", PQgetisnull(d->rows, row, FRAMES) ? ", frames of" : " of",
                     cell(d, row, OTHER_FRAMES));
}

static void print_edge(const struct direction *d, int row, int level, const char *remark)
{
    int study = d->other == TO ? TO_STUDY : FROM_STUDY;

    (void)printf("%*s%s %s", 2 * level, "", cell(d, row, KIND), cell(d, row, d->other));
    print_frames(d, row);
    if (strcmp(cell(d, row, FROM_STUDY), cell(d, row, TO_STUDY)) != 0 && *cell(d, row, study))
        (void)printf(", study %s", cell(d, row, study));
    (void)printf("%s\n", remark);
}

/* Why the tree ends with @row, which leads to node @next; "": it does not, or there is no more. */
static const char *remark(const struct direction *d, int row, int next, int level)
{
    if (is_missing(d, row))
        return "  (not here)";
    if (next < 0)
        return "";
    if (d->on_path[next])
        return "  (cycle)";
    if (d->shown[next])
        return "  (see above)";
    return level < LEVELS_MAX ? "" : "  (goes on)";
}

static void print_below(struct direction *d, const char *uid, int level)
{
    int first = first_row(d, uid);

    d->on_path[first] = d->shown[first] = true;
    for (int row = first; row < PQntuples(d->rows) && strcmp(cell(d, row, d->key), uid) == 0;
         row++) {
        int next = first_row(d, cell(d, row, d->other));
        const char *end = remark(d, row, next, level);

        print_edge(d, row, level, end);
        if (next >= 0 && *end == '\0')
            print_below(d, cell(d, row, d->other), level + 1);
    }
    d->on_path[first] = false;
}

static void print_direction(const char *title, struct direction *d, const char *uid)
{
    (void)printf("%s:%s\n", title, first_row(d, uid) < 0 ? " nothing" : "");
    if (first_row(d, uid) >= 0)
        print_below(d, uid, 1);
}

static void print_text(struct graph *g)
{
    bool here = PQntuples(g->instance) > 0;
    const char *study = here ? PQgetvalue(g->instance, 0, 0) : "";

    (void)printf("%s%s%s%s\n", g->uid, *study ? "  study " : "", study, here ? "" : "  (not here)");
    print_direction("refers to", &g->forward, g->uid);
    print_direction("referred to by", &g->backward, g->uid);
}

/* --- The edges of both directions, each once ----------------------------------------------- */

/* All edges of a node that can be reached forward are among the forward ones. */
static bool is_repeated(const struct graph *g, const struct direction *d, int row)
{
    return d == &g->backward && first_row(&g->forward, cell(d, row, FROM)) >= 0;
}

static int each_edge(const struct graph *g,
                     int (*visit)(void *context, const struct direction *d, int row), void *context)
{
    const struct direction *const both[] = {&g->forward, &g->backward};
    int r = 0;

    for (int i = 0; i < 2; i++)
        for (int row = 0; r == 0 && row < PQntuples(both[i]->rows); row++)
            if (!is_repeated(g, both[i], row))
                r = visit(context, both[i], row);
    return r;
}

static json_t *text_or_null(const struct direction *d, int row, int column)
{
    return PQgetisnull(d->rows, row, column) ? json_null() : json_string(cell(d, row, column));
}

static int add_edge(void *context, const struct direction *d, int row)
{
    json_t *edge = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "from", text_or_null(d, row, FROM), "to",
        text_or_null(d, row, TO), "kind", text_or_null(d, row, KIND), "purpose",
        text_or_null(d, row, PURPOSE), "frames", text_or_null(d, row, FRAMES), "other_frames",
        text_or_null(d, row, OTHER_FRAMES), "from_study", text_or_null(d, row, FROM_STUDY),
        "to_study", text_or_null(d, row, TO_STUDY), "to_here", *cell(d, row, TO_HERE) == 't');

    return json_array_append_new(context, edge);
}

static int print_json(const struct tool *t, const struct graph *g)
{
    bool here = PQntuples(g->instance) > 0;
    const char *study =
        here && !PQgetisnull(g->instance, 0, 0) ? PQgetvalue(g->instance, 0, 0) : NULL;
    json_t *edges = json_array();

    if (!edges || each_edge(g, add_edge, edges) < 0) {
        json_decref(edges);
        return tool_fail(t, TOOL_CANNOT, "no memory");
    }
    return tool_print_json(t, json_pack("{s:s, s:b, s:s?, s:o}", "instance", g->uid, "here", here,
                                        "study", study, "references", edges));
}

/* An edge points to what was made from the other, as pictures of provenance do. */
static int print_arrow(void *context, const struct direction *d, int row)
{
    (void)context;
    if (*cell(d, row, TO_HERE) == 'f')
        (void)printf("  \"%s\" [style=dashed, tooltip=\"not here\"];\n", cell(d, row, TO));
    (void)printf("  \"%s\" -> \"%s\" [label=\"%s%s%s\"];\n", cell(d, row, TO), cell(d, row, FROM),
                 cell(d, row, KIND), PQgetisnull(d->rows, row, FRAMES) ? "" : " ",
                 cell(d, row, FRAMES));
    return 0;
}

static void print_dot(const struct graph *g)
{
    (void)puts("digraph provenance {\n  rankdir=LR;\n  node [shape=box];");
    (void)printf("  \"%s\" [style=%s];\n", g->uid, PQntuples(g->instance) > 0 ? "bold" : "dashed");
    (void)each_edge(g, print_arrow, NULL);
    (void)puts("}");
}

/* ------------------------------------------------------------------------------------------- */

static void graph_done(struct graph *g)
{
    struct direction *const both[] = {&g->forward, &g->backward};

    PQclear(g->instance);
    for (int i = 0; i < 2; i++) {
        PQclear(both[i]->rows);
        free(both[i]->shown);
        free(both[i]->on_path);
    }
}

static int load(const struct tool *t, const char *sql, const char *uid, struct direction *d)
{
    int code = tool_query(t, sql, 1, &uid, &d->rows);
    size_t n;

    if (code != TOOL_FINE)
        return code;
    n = (size_t)PQntuples(d->rows) + 1;
    d->shown = calloc(n, sizeof *d->shown);
    d->on_path = calloc(n, sizeof *d->on_path);
    return d->shown && d->on_path ? TOOL_FINE : tool_fail(t, TOOL_CANNOT, "no memory");
}

static int run(struct tool *t, int argc, char **argv)
{
    bool dot = argc > 1 && strcmp(argv[argc - 1], "--dot") == 0;
    _cleanup_(graph_done) struct graph g = {.uid = argv[1],
                                            .forward = {.key = FROM, .other = TO},
                                            .backward = {.key = TO, .other = FROM}};
    int code;

    if (argc != (dot ? 3 : 2) || (dot && t->json) || *argv[1] == '-')
        return tool_usage(t, "name one instance by its SOP Instance UID");
    code = tool_check_schema(t);
    if (code == TOOL_FINE)
        code = tool_query(t, select_instance, 1, &g.uid, &g.instance);
    if (code == TOOL_FINE)
        code = load(t, select_forward, g.uid, &g.forward);
    if (code == TOOL_FINE)
        code = load(t, select_backward, g.uid, &g.backward);
    if (code != TOOL_FINE)
        return code;
    if (PQntuples(g.instance) == 0 && PQntuples(g.backward.rows) == 0)
        return tool_fail(t, TOOL_WRONG, "no instance with this UID is stored or referred to");
    if (t->json)
        return print_json(t, &g);
    if (dot)
        print_dot(&g);
    else
        print_text(&g);
    return TOOL_FINE;
}

const struct tool_command tool_provenance = {
    "provenance", "UID [--json | --dot]",
    "Show what an instance was made from, and what was made from it",
    "  UID     SOP Instance UID, of an instance that is stored or only referred to\n"
    "  --json  all references in both directions\n"
    "  --dot   the same for Graphviz: isthmus provenance UID --dot | dot -Tsvg >a.svg\n"
    "\nExit status 1: nobody knows the UID.\n",
    run};
