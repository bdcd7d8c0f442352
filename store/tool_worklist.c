#include "store/tool_worklist.h"
#include "store/base/cleanup.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void tool_worklist_filters(const struct worklist_request *q, const char *values[WORKLIST_FILTERS])
{
    const char *const given[WORKLIST_FILTERS] = {q->date,    q->station,   q->modality,
                                                 q->patient, q->accession, q->status};

    memcpy((void *)values, (const void *)given, sizeof given);
}

static const char select_list[] =
    "select order_key as order, to_char(start_date, 'YYYY-MM-DD') as date, "
    "to_char(start_time, 'HH24:MI') as time, "
    "array_to_string(scheduled_station_ae_titles, ' ') as station, modality, accession_number as "
    "accession, scheduled_procedure_step_id as step, patient_id as patient, patient_name as name, "
    "step_status as status, order_status "
    "from isthmus.worklist w where " WORKLIST_CONDITION
    "order by start_date, start_time, station, order_key, step_key";

static int list(const struct tool *t, const struct worklist_request *q)
{
    const char *values[WORKLIST_FILTERS];
    PGresult *rows;
    int code;

    tool_worklist_filters(q, values);
    code = tool_query(t, select_list, WORKLIST_FILTERS, values, &rows);
    if (code != TOOL_FINE)
        return code;
    code = tool_print_rows(t, rows);
    PQclear(rows);
    return code;
}

static const char select_order[] =
    "select order_key::text, accession_number from isthmus.worklist_order "
    "where accession_number = $1 or study_instance_uid = $1 or source_reference = $1 "
    "or requested_procedure_id = $1 or placer_order_number = $1 or filler_order_number = $1 "
    "or order_key::text = $1 order by order_key";

/* The order that a person means; says what is wrong with it. */
static int find_order(const struct tool *t, struct worklist_request *q)
{
    PGresult *rows;
    int code = tool_query(t, select_order, 1, &q->order, &rows);

    if (code != TOOL_FINE)
        return code;
    if (PQntuples(rows) == 0) {
        code = tool_fail(t, TOOL_WRONG, "no order has this number or UID");
    } else if (PQntuples(rows) > 1) {
        code = tool_fail(t, TOOL_USAGE,
                         "%d orders have this number; name one by the first:", PQntuples(rows));
        for (int i = 0; i < PQntuples(rows); i++)
            (void)fprintf(stderr, "  %s  accession number %s\n", PQgetvalue(rows, i, 0),
                          PQgetvalue(rows, i, 1));
    } else {
        (void)snprintf(q->order_key, sizeof q->order_key, "%s", PQgetvalue(rows, 0, 0));
    }
    PQclear(rows);
    return code;
}

static const char select_show[] =
    "select e.key as what, e.value from isthmus.worklist_order o, "
    "jsonb_each_text(to_jsonb(o) - '{patient_name_folded,patient_name_alphabetic,"
    "patient_name_ideographic,patient_name_phonetic,content}'::text[]) e "
    "where o.order_key = $1::bigint and e.value is not null union all "
    "select 'step ' || scheduled_procedure_step_id || ' ' || e.key, e.value "
    "from isthmus.worklist_step s, jsonb_each_text(to_jsonb(s) - "
    "'{order_key,scheduled_procedure_step_id,performing_physician_name_folded}'::text[]) e "
    "where s.order_key = $1::bigint and e.value is not null";

static const char select_show_json[] =
    "select (to_jsonb(o) - '{content}'::text[] || jsonb_build_object('steps', "
    "(select jsonb_agg(to_jsonb(s) order by step_key) from isthmus.worklist_step s "
    " where s.order_key = o.order_key)))::text from isthmus.worklist_order o "
    "where o.order_key = $1::bigint";

static int show(const struct tool *t, const struct worklist_request *q)
{
    const char *const values[] = {q->order_key};
    PGresult *rows;
    int code = tool_query(t, t->json ? select_show_json : select_show, 1, values, &rows);

    if (code != TOOL_FINE)
        return code;
    code = t->json ? tool_print_json(t, json_loads(PQgetvalue(rows, 0, 0), 0, NULL))
                   : tool_print_rows(t, rows);
    PQclear(rows);
    return code;
}

static int set_step(const struct tool *t, const struct worklist_request *q, const char *status)
{
    const char *const values[] = {q->order_key, q->step, status};
    PGresult *rows;
    int code = tool_query(t,
                          "select isthmus.worklist_set_step_status(step_key, $3) "
                          "from isthmus.worklist_step where order_key = $1::bigint "
                          "and scheduled_procedure_step_id = $2",
                          3, values, &rows);

    if (code != TOOL_FINE)
        return code;
    if (PQntuples(rows) == 0)
        code = tool_fail(t, TOOL_WRONG, "the order has no such step");
    else if (strcmp(PQgetvalue(rows, 0, 0), "t") != 0)
        code = tool_fail(t, TOOL_WRONG, "the step is %s already, or has gone further", status);
    PQclear(rows);
    return code;
}

static int set_order(const struct tool *t, const struct worklist_request *q, const char *status)
{
    const char *const values[] = {q->order_key, status};
    PGresult *rows;
    int code =
        tool_query(t, "select isthmus.worklist_set_status($1::bigint, $2)", 2, values, &rows);

    if (code != TOOL_FINE)
        return code;
    if (strcmp(PQgetvalue(rows, 0, 0), "t") != 0)
        code = tool_fail(t, TOOL_WRONG, "the order is %s already", status);
    PQclear(rows);
    return code;
}

static int cancel(const struct tool *t, const struct worklist_request *q)
{
    return q->step ? set_step(t, q, "CANCELED") : set_order(t, q, "revoked");
}

static int complete(const struct tool *t, const struct worklist_request *q)
{
    return q->step ? set_step(t, q, "COMPLETED") : set_order(t, q, "completed");
}

/* YYYYMMDD or YYYYMMDD-YYYYMMDD, "today" already replaced. */
static bool is_date_range(const char *text)
{
    size_t n = strlen(text);

    return (n == 8 && strspn(text, "0123456789") == 8) ||
           (n == 17 && strspn(text, "0123456789") == 8 && text[8] == '-' &&
            strspn(text + 9, "0123456789") == 8);
}

static bool take_option(struct worklist_request *q, int option, const char *value)
{
    const char **const places[] = {
        ['d'] = &q->date,      ['s'] = &q->station, ['m'] = &q->modality, ['p'] = &q->patient,
        ['a'] = &q->accession, ['t'] = &q->status,  ['i'] = &q->step,     ['D'] = &q->directory,
        ['A'] = &q->aet,       ['c'] = &q->charset};

    if (option < 0 || (size_t)option >= sizeof places / sizeof *places || !places[option])
        return false;
    *places[option] = value;
    return true;
}

const char *tool_worklist_today(void)
{
    static char today[9];
    time_t now = time(NULL);
    struct tm local;

    if (!localtime_r(&now, &local) || strftime(today, sizeof today, "%Y%m%d", &local) == 0)
        today[0] = '\0';
    return today;
}

static int take_options(const struct tool *t, int argc, char **argv, struct worklist_request *q)
{
    static const struct option options[] = {{"date", required_argument, NULL, 'd'},
                                            {"station", required_argument, NULL, 's'},
                                            {"modality", required_argument, NULL, 'm'},
                                            {"patient", required_argument, NULL, 'p'},
                                            {"accession", required_argument, NULL, 'a'},
                                            {"status", required_argument, NULL, 't'},
                                            {"step", required_argument, NULL, 'i'},
                                            {"directory", required_argument, NULL, 'D'},
                                            {"aet", required_argument, NULL, 'A'},
                                            {"charset", required_argument, NULL, 'c'},
                                            {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!take_option(q, option, optarg))
            return TOOL_USAGE;
    if (q->date && strcmp(q->date, "today") == 0)
        q->date = tool_worklist_today();
    if (q->date && !is_date_range(q->date))
        return tool_usage(t, "--date is today, YYYYMMDD or YYYYMMDD-YYYYMMDD");
    return TOOL_FINE;
}

struct action {
    const char *name;
    enum { TAKES_NOTHING, TAKES_ORDER, TAKES_PATH } takes;
    int (*run)(const struct tool *t, const struct worklist_request *q);
};

static int act(const struct tool *t, const struct action *a, const char *argument,
               struct worklist_request *q)
{
    int code = tool_check_schema(t);

    if (!argument != (a->takes == TAKES_NOTHING))
        return tool_usage(t,
                          a->takes == TAKES_NOTHING ? "%s takes no argument"
                          : a->takes == TAKES_ORDER ? "%s needs an order"
                                                    : "%s needs a file, a directory or -",
                          a->name);
    q->path = q->order = argument;
    if (code == TOOL_FINE && a->takes == TAKES_ORDER)
        code = find_order(t, q);
    return code == TOOL_FINE ? a->run(t, q) : code;
}

static int run(struct tool *t, int argc, char **argv)
{
    static const struct action actions[] = {
        {"list", TAKES_NOTHING, list},
        {"show", TAKES_ORDER, show},
        {"cancel", TAKES_ORDER, cancel},
        {"complete", TAKES_ORDER, complete},
        {"import", TAKES_PATH, tool_worklist_import},
        {"export", TAKES_NOTHING, tool_worklist_export},
        {"why", TAKES_NOTHING, tool_worklist_why},
    };
    struct worklist_request q = {0};
    int code = take_options(t, argc, argv, &q);

    if (code != TOOL_FINE)
        return code;
    if (optind == argc || argc - optind > 2)
        return tool_usage(t, "say what to do, and with which order or file");
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].name, argv[optind]) == 0)
            return act(t, &actions[i], argv[optind + 1], &q);
    return tool_usage(t, "there is no worklist %s", argv[optind]);
}

const struct tool_command tool_worklist = {
    "worklist", "import|list|show|cancel|complete|export|why [ORDER|FILE|DIR|-] …",
    "Orders and their scheduled procedure steps",
    "  import FILE|DIR|-  orders as FHIR (Bundle, resources, NDJSON), as worklist items in\n"
    "                     DICOM files, as the text of dcmdump, as JSON of 'export'\n"
    "  list               steps, with the filters below\n"
    "  show ORDER         all that is known of an order\n"
    "  cancel ORDER       its steps are no longer shown to modalities\n"
    "  complete ORDER     it is done\n"
    "  export             orders as JSON that 'import' takes\n"
    "  why                does the modality --aet see the order --accession, and if not, what\n"
    "                     hides it, when it asks for --date (today) and --station (itself; any)\n"
    "  --aet AET          why: the AE title that the modality calls with\n"
    "  --charset CS       why: the character set that it asks in\n"
    "  --directory DIR    export: a DICOM file (.wl) for each step instead\n"
    "  --step ID          cancel, complete: this step only\n"
    "  --date D           today, YYYYMMDD or YYYYMMDD-YYYYMMDD\n"
    "  --station AET, --modality M, --patient ID, --accession A\n"
    "  --status S         of a step (SCHEDULED …) or of its order (active …)\n"
    "  --json             as JSON\n"
    "\n"
    "ORDER is an accession number, placer or filler order number, Requested Procedure ID,\n"
    "Study Instance UID, FHIR reference or the number in the first column of 'list'.\n",
    run};
