#include "store/tool_conflicts.h"
#include "store/base/cleanup.h"
#include "store/conflict.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 5 /* when others store into the study at the same time */

static const char select_conflicts[] =
    "select c.conflict_key as conflict, "
    "to_char(c.received_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') "
    "as received, c.sop_instance_uid, c.reason, coalesce(c.settlement, 'open') as state, "
    "coalesce(c.calling_ae_title, '') as \"from\", "
    "c.size_bytes, coalesce(t.study_instance_uid, '') as study, "
    "coalesce(c.study_instance_uid, '') as study_aside, coalesce(c.settled_by, '') as settled_by, "
    "coalesce(to_char(c.settled_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), '') "
    "as settled_at, coalesce(c.settled_why, '') as why "
    "from isthmus.conflict c left join isthmus.instance i using (sop_instance_uid) "
    "left join isthmus.series s using (series_key) "
    "left join isthmus.study t on t.study_key = s.study_key "
    "where c.settled_at is null or $1 = 'all' order by c.conflict_key";
/* The number of a conflict, or the only open one about an instance. */
static const char select_key[] =
    "select conflict_key from isthmus.conflict "
    "where conflict_key::text = $1 or (sop_instance_uid = $1 and settled_at is null)";
static const char select_study[] =
    "select coalesce(array_agg(c.conflict_key order by c.conflict_key), '{}')::text, "
    "array_to_string(array_agg(c.conflict_key), ' '), count(*) "
    "from isthmus.conflict c join isthmus.instance i using (sop_instance_uid) "
    "join isthmus.series s using (series_key) where c.settled_at is null and s.study_key = $1";

struct decision {
    const struct tool *tool;
    struct store *store;
    const char *word; /* "keep" */
    const char *why, *study;
    char who[128];
};

static int list(const struct tool *t, bool all)
{
    const char *const values[] = {all ? "all" : "open"};
    PGresult *rows;
    int code = tool_query(t, select_conflicts, 1, values, &rows);

    if (code != TOOL_FINE)
        return code;
    code = tool_print_rows(t, rows);
    PQclear(rows);
    return code;
}

static int find_key(const struct tool *t, const char *name, char key[24])
{
    PGresult *rows;
    int code = tool_query(t, select_key, 1, &name, &rows);

    if (code != TOOL_FINE)
        return code;
    if (PQntuples(rows) == 0)
        code = tool_fail(t, TOOL_WRONG,
                         "there is no open conflict %s: see 'isthmus conflicts list'", name);
    else if (PQntuples(rows) > 1)
        code = tool_fail(t, TOOL_USAGE, "%d conflicts are about this instance: name one by number",
                         PQntuples(rows));
    else
        (void)snprintf(key, 24, "%s", PQgetvalue(rows, 0, 0));
    PQclear(rows);
    return code;
}

static int explain(const struct decision *d, const char *keys, int e)
{
    if (e == -ENOENT)
        return tool_fail(d->tool, TOOL_WRONG, "conflict %s is not open: it was settled before",
                         keys);
    if (e == -EXDEV)
        return tool_fail(d->tool, TOOL_WRONG,
                         "conflicts %s are not of one study, or two are about one instance: settle "
                         "them one by one",
                         keys);
    if (e == -EIO)
        return tool_fail(
            d->tool, TOOL_WRONG,
            "conflict %s: the file that was kept aside is gone or damaged, and nothing "
            "is changed; 'isthmus verify' names it",
            keys);
    return tool_fail(d->tool, TOOL_CANNOT, "the database says %s; nothing is changed",
                     db_problem(d->tool->db));
}

/* @keys is one number, or for replace an array of them. */
static int settle(const struct decision *d, const char *keys)
{
    int e = -EAGAIN;

    for (int i = 0; i < TRIES && e == -EAGAIN; i++) {
        e = strcmp(d->word, "keep") == 0
                ? conflict_keep(d->tool->db, keys, d->who, d->why)
                : conflict_replace(d->tool->db, d->store, keys, d->who, d->why);
        if (!db_lost_race(d->tool->db))
            break;
    }
    if (e < 0)
        return explain(d, keys, e);
    if (!d->tool->json)
        (void)printf("conflict %s: %s\n", keys,
                     strcmp(d->word, "keep") == 0 ? "the first instance stays"
                                                  : "the newcomer has taken its place");
    return TOOL_FINE;
}

static int settle_one(const struct decision *d, const char *name)
{
    char key[24], keys[32];
    int code = find_key(d->tool, name, key);

    if (code != TOOL_FINE)
        return code;
    (void)snprintf(keys, sizeof keys, strcmp(d->word, "keep") == 0 ? "%s" : "{%s}", key);
    return settle(d, keys);
}

static int settle_each(const struct decision *d, char *words)
{
    int code = TOOL_FINE;
    char *rest = NULL;

    for (char *key = strtok_r(words, " ", &rest); code == TOOL_FINE && key;
         key = strtok_r(NULL, " ", &rest))
        code = settle(d, key);
    return code;
}

/* All open conflicts of a study: replaced at once, since each time the whole study is put again. */
static int settle_study(const struct decision *d)
{
    char key[24];
    const char *const values[] = {key};
    long long study_key = 0;
    PGresult *rows;
    int code = tool_find_study(d->tool, d->study, &study_key);

    (void)snprintf(key, sizeof key, "%lld", study_key);
    if (code == TOOL_FINE)
        code = tool_query(d->tool, select_study, 1, values, &rows);
    if (code != TOOL_FINE)
        return code;
    if (strcmp(PQgetvalue(rows, 0, 2), "0") == 0)
        code = tool_fail(d->tool, TOOL_WRONG, "the study has no open conflict");
    else if (strcmp(d->word, "keep") == 0)
        code = settle_each(d, PQgetvalue(rows, 0, 1));
    else
        code = settle(d, PQgetvalue(rows, 0, 0));
    PQclear(rows);
    return code;
}

static int decide(struct decision *d, int n, char **names)
{
    int code = TOOL_FINE;

    if ((n == 0) == (d->study == NULL))
        return tool_usage(d->tool, "say which conflict, or --study with a study");
    if (strcmp(d->word, "replace") == 0)
        code = tool_open_store(d->tool, &d->store);
    if (code == TOOL_FINE && d->study)
        code = settle_study(d);
    for (int i = 0; code == TOOL_FINE && i < n; i++)
        code = settle_one(d, names[i]);
    store_free(d->store);
    return code == TOOL_FINE && d->tool->json ? list(d->tool, true) : code;
}

static int dispatch(const struct tool *t, struct decision *d, bool all, int n, char **words)
{
    char key[24];
    int code;

    d->word = words[0];
    if (strcmp(d->word, "list") == 0 && n == 1)
        return list(t, all);
    if (strcmp(d->word, "show") == 0 && n == 2) {
        code = find_key(t, words[1], key);
        return code == TOOL_FINE ? conflicts_show(t, key) : code;
    }
    if (strcmp(d->word, "keep") == 0 || strcmp(d->word, "replace") == 0)
        return decide(d, n - 1, words + 1);
    return tool_usage(t, "say list, show, keep or replace");
}

static int run(struct tool *t, int argc, char **argv)
{
    static const struct option options[] = {{"all", no_argument, NULL, 'a'},
                                            {"study", required_argument, NULL, 's'},
                                            {"why", required_argument, NULL, 'w'},
                                            {NULL, 0, NULL, 0}};
    struct decision d = {.tool = t};
    bool all = false;
    int option, code;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == '?')
            return TOOL_USAGE;
        all = all || option == 'a';
        d.study = option == 's' ? optarg : d.study;
        d.why = option == 'w' ? optarg : d.why;
    }
    if (optind == argc)
        return tool_usage(t, "say list, show, keep or replace");
    tool_user(d.who, sizeof d.who);
    code = tool_check_schema(t);
    return code == TOOL_FINE ? dispatch(t, &d, all, argc - optind, argv + optind) : code;
}

const struct tool_command tool_conflicts = {
    "conflicts", "list [--all] | show CONFLICT | keep CONFLICT… | replace CONFLICT… [--json]",
    "Show and settle instances whose UID was taken by other bytes",
    "  list         one line for each file that was kept aside and waits for a decision\n"
    "  --all        those that were settled too\n"
    "  show         both sides and what their headers say differently; this shows patient data\n"
    "  keep         the first instance stays what is shown\n"
    "  replace      the newcomer takes its place, also in another study; queries and FHIR follow\n"
    "  --study S    in place of CONFLICT…: all open ones of a study (UID or accession number)\n"
    "  --why TEXT   kept with the decision\n"
    "  --json       as JSON\n"
    "\n"
    "CONFLICT is a number of the list, or a SOP Instance UID. Nothing is deleted: what is not "
    "shown\n"
    "any more is history with its file, and sending either again changes nothing. Exit status 1\n"
    "when there is no such open conflict.\n",
    run};
