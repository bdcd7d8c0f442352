#include "store/tool_reconcile.h"
#include "store/base/cleanup.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT "1000" /* studies that are listed */

static const char select_rows[] =
    "select study, to_char(received at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') "
    "as received, state, case when open then 'yes' else 'no' end as open, why, "
    "array_to_string(accession_numbers, ', ') as accession_numbers, "
    "concat_ws(' ', patient_id, patient_name) as patient, "
    "coalesce((select string_agg(concat(c ->> 'order', ': ', c ->> 'accession_number', ' ', "
    "  c ->> 'requested_procedure_id', case when c ->> 'linked' = 'true' then ' (linked)' "
    "  when c ->> 'same_patient' = 'false' then ' (another patient)' end), ', ') "
    "  from jsonb_array_elements(candidates) c), '') as orders "
    "from isthmus.reconcile_list where (open or $1 = 'all') and ($2::text is null or state = $2) "
    "order by received desc, study_key desc limit $3::bigint";
static const char select_json[] =
    "select coalesce(jsonb_agg(to_jsonb(r) - 'study_key' order by received desc, study_key desc), "
    "'[]') from (select * from isthmus.reconcile_list "
    "where (open or $1 = 'all') and ($2::text is null or state = $2) "
    "order by received desc, study_key desc limit $3::bigint) r";
static const char select_history[] =
    "select to_char(decided_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') as decided, "
    "who, action, coalesce(why, '') as why, old_values as \"from\", new_values as \"to\" "
    "from isthmus.reconciliation where study_key = $1 order by reconciliation_key";
static const char select_history_json[] =
    "select coalesce(jsonb_agg(to_jsonb(r) - '{reconciliation_key,study_key}'::text[] "
    "order by reconciliation_key), '[]') from isthmus.reconciliation r where study_key = $1";

/* The JSON in the only cell of @sql's answer. */
static int print_cell(const struct tool *t, const char *sql, int n, const char *const *values)
{
    PGresult *rows;
    int code = tool_query(t, sql, n, values, &rows);

    if (code != TOOL_FINE)
        return code;
    code = tool_print_json(t, json_loads(PQgetvalue(rows, 0, 0), 0, NULL));
    PQclear(rows);
    return code;
}

static int print_table(const struct tool *t, const char *sql, int n, const char *const *values)
{
    PGresult *rows;
    int code = tool_query(t, sql, n, values, &rows);

    if (code != TOOL_FINE)
        return code;
    code = tool_print_rows(t, rows);
    PQclear(rows);
    return code;
}

static int list(const struct tool *t, const struct decision *d)
{
    const char *limit = d->limit ? d->limit : LIMIT;
    const char *const values[] = {d->all ? "all" : "open", d->state, limit};
    size_t digits = strspn(limit, "0123456789");

    if (digits == 0 || digits > 9 || limit[digits])
        return tool_usage(t, "--limit is a number");
    return t->json ? print_cell(t, select_json, 3, values) : print_table(t, select_rows, 3, values);
}

static int history(const struct tool *t, const struct decision *d)
{
    const char *const values[] = {d->study_key};

    return t->json ? print_cell(t, select_history_json, 1, values)
                   : print_table(t, select_history, 1, values);
}

static int print_state(const struct tool *t, const struct decision *d)
{
    static const char select_line[] =
        "select study || ': ' || state || coalesce((select ', order ' || string_agg(concat_ws(' ', "
        "c ->> 'order', c ->> 'reference'), ', ') from jsonb_array_elements(candidates) c "
        "where c ->> 'linked' = 'true'), '') || case when open then '; still open: ' || why "
        "else '' end from isthmus.reconcile_list where study_key = $1";
    static const char select_values[] =
        "select jsonb_build_object('study', study_instance_uid) || "
        "isthmus.reconcile_values(study_key) from isthmus.study where study_key = $1";
    const char *const values[] = {d->study_key};
    PGresult *rows;
    int code;

    if (t->json)
        return print_cell(t, select_values, 1, values);
    code = tool_query(t, select_line, 1, values, &rows);
    if (code != TOOL_FINE)
        return code;
    (void)puts(PQgetvalue(rows, 0, 0));
    PQclear(rows);
    return TOOL_FINE;
}

int reconcile_decide(const struct tool *t, const struct decision *d, const char *sql, int n,
                     const char **values)
{
    char who[128];

    tool_user(who, sizeof who);
    values[0] = d->study_key;
    values[n - 2] = who;
    values[n - 1] = d->why;
    if (db_query(t->db, sql, n, values, NULL) == 0)
        return print_state(t, d);
    if (strncmp(db_problem(t->db), "IS001", 5) == 0)
        return tool_fail(t, TOOL_WRONG,
                         "another patient is known by this Patient ID: name and birth date differ; "
                         "nothing was changed");
    return tool_fail(t, TOOL_CANNOT, "the database says %s; nothing was changed",
                     db_problem(t->db));
}

static int accept_study(const struct tool *t, const struct decision *d)
{
    const char *values[3];

    return reconcile_decide(t, d, "select isthmus.reconcile_accept($1, $2, $3)", 3, values);
}

static int link_orders(const struct tool *t, const struct decision *d, const char *orders)
{
    const char *values[4] = {NULL, orders};

    return reconcile_decide(t, d, "select isthmus.reconcile_link($1, $2, $3, $4)", 4, values);
}

static int unlink_study(const struct tool *t, const struct decision *d)
{
    return link_orders(t, d, "{}");
}

/* Orders by key, reference on the FHIR server, or accession number: one, or all procedures of one
 * patient under one accession number. */
static int link_study(const struct tool *t, const struct decision *d)
{
    static const char select_orders[] =
        "select array_agg(order_key order by order_key), "
        "count(distinct (patient_id, issuer_of_patient_id, accession_issuer)), "
        "string_agg(order_key::text, ', ' order by order_key) from isthmus.worklist_order "
        "where order_key::text = $1 or source_reference = $1 or accession_number = $2";
    const char *const values[] = {d->order, d->accession};
    PGresult *rows;
    int code, different;

    if (!d->order == !d->accession)
        return tool_usage(t, "link needs --order or --accession");
    code = tool_query(t, select_orders, 2, values, &rows);
    if (code != TOOL_FINE)
        return code;
    different = atoi(PQgetvalue(rows, 0, 1));
    if (different == 0)
        code = tool_fail(t, TOOL_WRONG, "there is no such order");
    else if (different > 1)
        code = tool_fail(t, TOOL_USAGE, "these orders differ, name one by --order: %s",
                         PQgetvalue(rows, 0, 2));
    else
        code = link_orders(t, d, PQgetvalue(rows, 0, 0));
    PQclear(rows);
    return code;
}

/* --- The command line --- */

static int resolve(const struct tool *t, const char *study, struct decision *d)
{
    long long key;
    int code = tool_find_study(t, study, &key);

    if (code == TOOL_FINE)
        (void)snprintf(d->study_key, sizeof d->study_key, "%lld", key);
    return code;
}

static bool take_option(int option, struct decision *d)
{
    const struct {
        int option;
        const char **value;
    } places[] = {{'w', &d->why},          {'o', &d->order},
                  {'a', &d->accession},    {'A', &d->accession_issuer},
                  {'p', &d->patient_id},   {'P', &d->patient_issuer},
                  {'n', &d->patient_name}, {'b', &d->birth_date},
                  {'x', &d->sex},          {'s', &d->state},
                  {'m', &d->limit}};

    if (option == 'l')
        d->all = true;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i].option == option)
            *places[i].value = optarg;
    return option != '?';
}

static int run_action(const struct tool *t, const char *name, const char *study, struct decision *d)
{
    static const struct {
        const char *name;
        int (*run)(const struct tool *t, const struct decision *d);
    } actions[] = {{"list", list},           {"accept", accept_study},       {"link", link_study},
                   {"unlink", unlink_study}, {"correct", reconcile_correct}, {"history", history}};

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        int code;

        if (strcmp(actions[i].name, name) != 0)
            continue;
        if (!study == (actions[i].run != list))
            return tool_usage(t, study ? "list takes no study" : "%s needs a study", name);
        code = tool_check_schema(t);
        if (code == TOOL_FINE && study)
            code = resolve(t, study, d);
        return code == TOOL_FINE ? actions[i].run(t, d) : code;
    }
    return tool_usage(t, "there is no reconcile %s", name);
}

static int run(struct tool *t, int argc, char **argv)
{
    static const struct option options[] = {{"why", required_argument, NULL, 'w'},
                                            {"order", required_argument, NULL, 'o'},
                                            {"accession", required_argument, NULL, 'a'},
                                            {"accession-issuer", required_argument, NULL, 'A'},
                                            {"patient-id", required_argument, NULL, 'p'},
                                            {"patient-issuer", required_argument, NULL, 'P'},
                                            {"patient-name", required_argument, NULL, 'n'},
                                            {"birth-date", required_argument, NULL, 'b'},
                                            {"sex", required_argument, NULL, 'x'},
                                            {"state", required_argument, NULL, 's'},
                                            {"limit", required_argument, NULL, 'm'},
                                            {"all", no_argument, NULL, 'l'},
                                            {NULL, 0, NULL, 0}};
    struct decision d = {0};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!take_option(option, &d))
            return TOOL_USAGE;
    if (optind == argc || argc - optind > 2)
        return tool_usage(t, "say what to do, and with which study");
    return run_action(t, argv[optind], argv[optind + 1], &d);
}

const struct tool_command tool_reconcile = {
    "reconcile", "list|accept|link|unlink|correct|history [STUDY] …",
    "Settle studies whose order or patient is not certain",
    "  list            studies that wait for a person, why, and the orders they may be of\n"
    "    --all         also those that do not wait\n"
    "    --state S     only 'patient differs', 'unknown accession number' …\n"
    "    --limit N     the latest N (default " LIMIT ")\n"
    "  accept STUDY    it is right as it is\n"
    "  link STUDY --order KEY|ServiceRequest/ID, or --accession NUMBER\n"
    "                  it is of this order, whatever the images say\n"
    "  unlink STUDY    it is of no order that is known\n"
    "  correct STUDY   other values than the images have, for queries and publishing:\n"
    "    --accession NUMBER [--accession-issuer ISSUER]\n"
    "    --patient-id ID [--patient-issuer ISSUER]  and where the ID is not yet known:\n"
    "    --patient-name 'Doe^Jane'  --birth-date 19701231  --sex M|F|O\n"
    "  history STUDY   who decided what, when and why\n"
    "  --why TEXT      the reason, for the history\n"
    "  --json          as JSON\n"
    "\n"
    "STUDY is a Study Instance UID or an accession number. No stored file is changed; later\n"
    "images do not undo a decision, but what contradicts it is listed again. Names and IDs of\n"
    "patients are shown.\n",
    run};
