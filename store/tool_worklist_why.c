/* isthmus worklist why: does a modality see an order, and what hides it if not. The conditions are
 * those of the query that the modality would ask (query_why.h). */
#include "store/caller.h"
#include "store/identifier.h"
#include "store/query_why.h"
#include "store/tool_worklist.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATION "00400001"
#define DATE "00400002"
#define MODALITY "00080060"

struct asking {
    const struct tool *t;
    const struct worklist_request *q;
    const char *station; /* it asks for the steps of; NULL: of any */
    const char *date;
    struct worklist_view view;
    json_t *steps; /* of query_why(), with "seen" and "reasons" added */
};

/* --- Sentences ------------------------------------------------------------------------------ */

/* Add a reason to @reasons. @fits: it does not hide the step. */
static void add_reason(json_t *reasons, const char *what, bool fits, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add_reason(json_t *reasons, const char *what, bool fits, const char *format, ...)
{
    char *text;
    va_list ap;
    int n;

    va_start(ap, format);
    n = vasprintf(&text, format, ap);
    va_end(ap);
    if (n < 0)
        return;
    (void)json_array_append_new(
        reasons, json_pack("{s:s, s:b, s:s}", "what", what, "fits", (int)fits, "text", text));
    free(text);
}

static const char *text_of(const json_t *step, const char *name)
{
    const char *text = json_string_value(json_object_get(step, name));

    return text && *text ? text : "nothing";
}

static const char *stations_of(const json_t *step)
{
    const char *stations = json_string_value(json_object_get(step, "stations"));

    return stations && *stations ? stations : "no station";
}

static bool fits(const json_t *step, const char *group, const char *name)
{
    const json_t *value = json_object_get(json_object_get(step, group), name);

    return !value || json_is_true(value);
}

/* The texts of @titles with what stands for them, ", " between; malloc'ed. */
static char *join_stations(const struct worklist_view *v)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    const char *comma = "", *title;

    if (!out)
        return NULL;
    for (size_t i = 0; i < v->n_stations; i++)
        for (size_t j = 0; (title = worklist_view_title(v, v->stations[i], j)); j++) {
            (void)fprintf(out, "%s%s", comma, title);
            comma = ", ";
        }
    (void)fclose(out);
    return text;
}

static void explain_own_stations(const struct asking *a, const json_t *step, json_t *reasons)
{
    char *own = a->view.own_stations ? join_stations(&a->view) : NULL;

    if (own)
        add_reason(reasons, "own stations", fits(step, "rules", "station"),
                   "it is for %s; worklist_own_stations lets %s see only the steps of %s",
                   stations_of(step), a->q->aet, own);
    free(own);
}

static void explain_rules(const struct asking *a, const json_t *step, json_t *reasons)
{
    bool active = fits(step, "rules", "order"), shown = fits(step, "rules", "state");

    add_reason(reasons, "order", active, "the order is %s%s", text_of(step, "order_status"),
               active ? "" : "; only those of active orders are shown");
    add_reason(reasons, "status", shown, "the step is %s%s", text_of(step, "status"),
               shown ? "" : ", which is not in show_states of section worklist");
    explain_own_stations(a, step, reasons);
}

static void explain_keys(const struct asking *a, const json_t *step, json_t *reasons)
{
    if (a->station)
        add_reason(reasons, "station", fits(step, "keys", STATION),
                   "it is scheduled for %s; %s asks for %s", stations_of(step), a->q->aet,
                   a->station);
    add_reason(reasons, "date", fits(step, "keys", DATE), "it starts on %s; %s asks for %s",
               text_of(step, "date"), a->q->aet, a->date);
    if (a->q->modality)
        add_reason(reasons, "modality", fits(step, "keys", MODALITY),
                   "its modality is %s; %s asks for %s", text_of(step, "modality"), a->q->aet,
                   a->q->modality);
}

/* --- The query ------------------------------------------------------------------------------ */

static int set_key(json_t *object, const char *tag, const char *vr, const char *value)
{
    return json_object_set_new(object, tag,
                               value ? json_pack("{s:s, s:[s]}", "vr", vr, "Value", value)
                                     : json_pack("{s:s}", "vr", vr));
}

/* What the modality asks; with @step all of that one step that may be written in letters. */
static json_t *identifier_of(const struct asking *a, const json_t *step)
{
    json_t *item = json_object(), *identifier = json_object();

    (void)set_key(item, STATION, "AE", a->station);
    (void)set_key(item, DATE, "DA", a->date);
    (void)set_key(item, MODALITY, "CS", a->q->modality);
    if (step) {
        (void)set_key(item, "00400009", "SH", json_string_value(json_object_get(step, "step")));
        (void)set_key(item, "00400006", "PN", NULL);
        (void)set_key(item, "00400007", "LO", NULL);
        (void)set_key(identifier, "00080050", "SH", a->q->accession);
        (void)set_key(identifier, "00401001", "SH",
                      json_string_value(json_object_get(step, "requested_procedure_id")));
        (void)set_key(identifier, "00100010", "PN", NULL);
        (void)set_key(identifier, "00080090", "PN", NULL);
        (void)set_key(identifier, "00321060", "LO", NULL);
    }
    (void)json_object_set_new(identifier, "00400100",
                              json_pack("{s:s, s:[o]}", "vr", "SQ", "Value", item));
    return identifier;
}

static struct query_options options_of(const struct asking *a)
{
    return (struct query_options){.root = QUERY_WORKLIST, .view = &a->view};
}

/* The answer that the modality gets of @step; NULL: none. */
static json_t *ask(const struct asking *a, const json_t *step)
{
    struct query_options options = options_of(a);
    json_t *identifier = identifier_of(a, step), *answer = NULL;
    struct query_problem problem;
    struct query *query = NULL;

    if (query_begin(a->t->db, identifier, &options, &query, &problem) == 0)
        (void)query_next(query, &answer);
    query_end(query);
    json_decref(identifier);
    return answer;
}

static void explain_charset(const struct asking *a, const json_t *answer, json_t *reasons)
{
    const char *wanted =
        a->q->charset ? a->q->charset : caller_string(a->t->conf, a->q->aet, "charset");
    const char *used = wanted ? identifier_charset(answer, wanted, NULL) : "";

    if (!wanted && strcmp(identifier_charset(answer, "", NULL), "") != 0)
        add_reason(
            reasons, "charset", true,
            "its text is not all ASCII: answered in the character set that %s asks in, or in "
            "ISO_IR 192 where that lacks a character",
            a->q->aet);
    else if (wanted && strcmp(used, wanted) != 0)
        add_reason(reasons, "charset", true,
                   "%s lacks a character of its text: answered in %s, which %s has to know", wanted,
                   used, a->q->aet);
}

/* --- What is found -------------------------------------------------------------------------- */

/* Add "seen" and "reasons" to @step. */
static void explain_step(const struct asking *a, json_t *step)
{
    json_t *reasons = json_array(), *answer = ask(a, step);

    explain_rules(a, step, reasons);
    explain_keys(a, step, reasons);
    if (answer)
        explain_charset(a, answer, reasons);
    (void)json_object_set_new(step, "seen", json_boolean(answer != NULL));
    (void)json_object_set_new(step, "reasons", reasons);
    json_decref(answer);
}

static int explain_steps(struct asking *a)
{
    struct query_options options = options_of(a);
    struct query_problem problem = {0};
    json_t *identifier = identifier_of(a, NULL), *step;
    int r = query_why(a->t->db, identifier, &options, a->q->accession, &a->steps, &problem);
    size_t i;

    json_decref(identifier);
    if (r == -EBADMSG)
        return tool_usage(a->t, "(%04x,%04x): %s", problem.offending_tag >> 16,
                          problem.offending_tag & 0xffff, problem.comment);
    if (r < 0)
        return tool_fail(a->t, TOOL_CANNOT, "the database says %s", db_problem(a->t->db));
    json_array_foreach (a->steps, i, step)
        explain_step(a, step);
    return TOOL_FINE;
}

/* Why the modality sees no worklist at all; NULL: it does. */
static const char *refusal(const struct asking *a)
{
    if (!caller_known(a->t->conf, a->q->aet))
        return "may not associate: it is not in scp.calling_ae_titles";
    if (!caller_may(a->t->conf, a->q->aet, "worklist"))
        return "may not ask for the worklist: allow of its section ae lacks it";
    return NULL;
}

static void print_reasons(const json_t *step)
{
    const json_t *reasons = json_object_get(step, "reasons"), *reason;
    size_t i;

    json_array_foreach (reasons, i, reason)
        (void)printf("  %-3s  %-12s  %s\n",
                     json_is_true(json_object_get(reason, "fits")) ? "yes" : "no",
                     json_string_value(json_object_get(reason, "what")),
                     json_string_value(json_object_get(reason, "text")));
}

static int print(const struct asking *a, const char *refused, bool seen)
{
    const json_t *step;
    size_t i;

    if (a->t->json)
        return tool_print_json(a->t, json_pack("{s:s, s:s, s:s?, s:b, s:O}", "aet", a->q->aet,
                                               "accession_number", a->q->accession, "refused",
                                               refused, "seen", (int)seen, "steps", a->steps));
    if (refused)
        (void)printf("%s %s.\n", a->q->aet, refused);
    if (json_array_size(a->steps) == 0)
        (void)printf("No order has the accession number %s.\n", a->q->accession);
    json_array_foreach (a->steps, i, step) {
        bool shown = !refused && json_is_true(json_object_get(step, "seen"));

        (void)printf("%s %s step %s of requested procedure %s.\n", a->q->aet,
                     shown ? "sees" : "does not see", text_of(step, "step"),
                     text_of(step, "requested_procedure_id"));
        print_reasons(step);
    }
    return TOOL_FINE;
}

static int answer(struct asking *a)
{
    const char *refused = refusal(a);
    bool seen = false;
    json_t *step;
    size_t i;
    int code = explain_steps(a);

    if (code != TOOL_FINE)
        return code;
    json_array_foreach (a->steps, i, step)
        seen = seen || json_is_true(json_object_get(step, "seen"));
    seen = seen && !refused;
    code = print(a, refused, seen);
    json_decref(a->steps);
    return code != TOOL_FINE ? code : seen ? TOOL_FINE : TOOL_WRONG;
}

int tool_worklist_why(const struct tool *t, const struct worklist_request *q)
{
    struct asking a = {.t = t,
                       .q = q,
                       .station = q->station ? q->station : q->aet,
                       .date = q->date ? q->date : tool_worklist_today()};
    int code;

    if (!q->aet || !q->accession)
        return tool_usage(t, "why needs --aet and --accession");
    if (strcmp(a.station, "any") == 0)
        a.station = NULL;
    if (worklist_view_read(t->conf, q->aet, &a.view) < 0)
        code = tool_fail(t, TOOL_CANNOT, "no memory");
    else
        code = answer(&a);
    worklist_view_done(&a.view);
    return code;
}
