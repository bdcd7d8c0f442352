#include "store/base/cleanup.h"
#include "store/tool.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct request {
    const char *study;  /* as given, NULL: none */
    const char *target; /* NULL: every one */
    const char *release;
    bool parked, all;
    char study_key[24]; /* "" without study */
    char study_uid[129];
};

#define STATE                                                                                      \
    "case when o.parked_at is not null then 'parked' when o.attempts > 0 then 'backing off' "      \
    "when o.study_key is null then 'published' when o.due_at <= now() then 'due' "                 \
    "else 'quiet' end"

/* What waits, the parked first; for one study also where it has gone. */
static const char select_list[] =
    "with k as ("
    "  select target_key, study_key from isthmus.outbox union "
    "  select target_key, study_key from isthmus.published where study_key = nullif($1, "
    "'')::bigint) "
    "select t.name as target, s.study_instance_uid as study, " STATE " as state, "
    "  coalesce(o.attempts, 0) as attempts, "
    "  to_char(o.first_change_at at time zone 'UTC', $4) as changed, "
    "  to_char(coalesce(o.parked_at, o.due_at) at time zone 'UTC', $4) as since_or_due, "
    "  to_char(p.published_at at time zone 'UTC', $4) as published "
    "from k join isthmus.target t using (target_key) join isthmus.study s using (study_key) "
    "left join isthmus.outbox o using (target_key, study_key) "
    "left join isthmus.published p using (target_key, study_key) "
    "where (nullif($1, '') is null or study_key = nullif($1, '')::bigint) "
    "and ($2::text is null or t.name = $2) and (not $3::boolean or o.parked_at is not null) "
    "order by o.parked_at nulls last, o.due_at nulls last, t.name, s.study_key";

static const char select_why[] =
    "select t.name as target, " STATE " as state, o.attempts, "
    "  to_char(o.due_at at time zone 'UTC', $3) as due, o.last_failure "
    "from isthmus.outbox o join isthmus.target t using (target_key) "
    "where study_key = nullif($1, '')::bigint and ($2::text is null or t.name = $2) "
    "order by t.name";

static const char utc_format[] = "YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"";

/* The digest goes, so that it is sent even when nothing changed since. */
static const char replay_study[] =
    "with k as (select target_key from isthmus.target where $2::text is null or name = $2), "
    "p as (update isthmus.published set digest = '' where study_key = $1::bigint "
    "      and target_key in (select target_key from k)) "
    "insert into isthmus.outbox as o (target_key, study_key, due_at) "
    "select target_key, $1::bigint, now() from k order by target_key "
    "on conflict (target_key, study_key) do update set generation = o.generation + 1, "
    "due_at = now(), attempts = 0, parked_at = null returning o.target_key";

static const char replay_parked[] =
    "update isthmus.outbox o set generation = generation + 1, due_at = now(), attempts = 0, "
    "parked_at = null from isthmus.target t where t.target_key = o.target_key "
    "and o.parked_at is not null and ($1::text is null or t.name = $1) returning o.study_key";

/* Who repeats something does not want to wait until the target is thought to work again. */
static const char end_pauses[] = "select isthmus.end_pause(target_key) from isthmus.target "
                                 "where $1::text is null or name = $1";

static int list(const struct tool *t, const struct request *q)
{
    const char *const values[] = {q->study_key, q->target, q->parked ? "t" : "f", utc_format};
    PGresult *rows;
    int code = tool_query(t, select_list, 4, values, &rows);

    if (code != TOOL_FINE)
        return code;
    code = tool_print_rows(t, rows);
    PQclear(rows);
    return code;
}

static void print_why(const PGresult *rows, int row)
{
    (void)printf("%s: %s, %s failed attempts, due %s\n", PQgetvalue(rows, row, 0),
                 PQgetvalue(rows, row, 1), PQgetvalue(rows, row, 2), PQgetvalue(rows, row, 3));
    if (!PQgetisnull(rows, row, 4))
        (void)printf("%s\n", PQgetvalue(rows, row, 4));
}

static int why(const struct tool *t, const struct request *q)
{
    const char *const values[] = {q->study_key, q->target, utc_format};
    PGresult *rows;
    int code;

    if (!q->study)
        return tool_usage(t, "why needs a study");
    code = tool_query(t, select_why, 3, values, &rows);
    if (code != TOOL_FINE)
        return code;
    if (t->json)
        code = tool_print_rows(t, rows);
    else if (PQntuples(rows) == 0)
        (void)puts("nothing waits: each target has the study as it is, or there is no target");
    for (int i = 0; !t->json && i < PQntuples(rows); i++)
        print_why(rows, i);
    PQclear(rows);
    return code;
}

static int replay(const struct tool *t, const struct request *q)
{
    const char *const one[] = {q->study_key, q->target}, *const parked[] = {q->target};
    PGresult *rows;
    int code, n;

    if (!q->study == !q->parked)
        return tool_usage(t, "replay needs a study, or --parked");
    code = tool_query(t, end_pauses, 1, &q->target, &rows);
    if (code != TOOL_FINE)
        return code;
    PQclear(rows);
    code = q->study ? tool_query(t, replay_study, 2, one, &rows)
                    : tool_query(t, replay_parked, 1, parked, &rows);
    if (code != TOOL_FINE)
        return code;
    n = PQntuples(rows);
    PQclear(rows);
    if (t->json)
        return tool_print_json(t, json_pack("{s:i}", "due", n));
    if (q->study)
        (void)printf("due now at %d target%s\n", n, n == 1 ? "" : "s");
    else
        (void)printf("%d parked publication%s due now\n", n, n == 1 ? "" : "s");
    return TOOL_FINE;
}

/* The publisher knows how studies are built and servers are talked to; it stands beside us. On
 * success this does not return. */
static int ask_publisher(const struct tool *t, const struct request *q, const char *command,
                         const char *argument)
{
    const char *arguments[16] = {"isthmus-fhir", "--config", t->config_path, command};
    size_t count = 4;

    if (argument)
        arguments[count++] = argument;
    if (q->target) {
        arguments[count++] = "--target";
        arguments[count++] = q->target;
    }
    if (q->release) {
        arguments[count++] = "--release";
        arguments[count++] = q->release;
    }
    if (t->json)
        arguments[count++] = "--json";
    return tool_exec_fhir(t, arguments);
}

static int show(const struct tool *t, const struct request *q)
{
    if (!q->study)
        return tool_usage(t, "show needs a study");
    return ask_publisher(t, q, "--show", q->study_uid);
}

static int coverage(const struct tool *t, const struct request *q)
{
    if (!q->study == !q->all)
        return tool_usage(t, "coverage needs a study, or --all");
    return ask_publisher(t, q, "--coverage", q->study ? q->study_uid : "all");
}

static int check_target(const struct tool *t, const char *name)
{
    PGresult *rows;
    int code = tool_query(t, "select from isthmus.target where name = $1", 1, &name, &rows);

    if (code != TOOL_FINE)
        return code;
    if (PQntuples(rows) == 0)
        code = tool_fail(t, TOOL_WRONG, "no target is called %s", name);
    PQclear(rows);
    return code;
}

static int find_uid(const struct tool *t, struct request *q)
{
    const char *const values[] = {q->study_key};
    PGresult *rows;
    int code =
        tool_query(t, "select study_instance_uid from isthmus.study where study_key = $1::bigint",
                   1, values, &rows);

    if (code != TOOL_FINE)
        return code;
    if (PQntuples(rows) == 1)
        (void)snprintf(q->study_uid, sizeof q->study_uid, "%s", PQgetvalue(rows, 0, 0));
    PQclear(rows);
    return code;
}

/* Study and target as keys; says what is wrong with them. */
static int resolve(const struct tool *t, struct request *q)
{
    long long key;
    int code = tool_check_schema(t);

    if (code == TOOL_FINE && q->target)
        code = check_target(t, q->target);
    if (code != TOOL_FINE || !q->study)
        return code;
    code = tool_find_study(t, q->study, &key);
    if (code != TOOL_FINE)
        return code;
    (void)snprintf(q->study_key, sizeof q->study_key, "%lld", key);
    return find_uid(t, q);
}

static int run(struct tool *t, int argc, char **argv)
{
    static const struct option options[] = {{"target", required_argument, NULL, 't'},
                                            {"parked", no_argument, NULL, 'p'},
                                            {"release", required_argument, NULL, 'r'},
                                            {"all", no_argument, NULL, 'a'},
                                            {NULL, 0, NULL, 0}};
    static const struct {
        const char *name;
        int (*run)(const struct tool *t, const struct request *q);
    } actions[] = {
        {"list", list}, {"why", why}, {"replay", replay}, {"show", show}, {"coverage", coverage}};
    struct request q = {0};
    int option, code;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 't')
            q.target = optarg;
        else if (option == 'p')
            q.parked = true;
        else if (option == 'a')
            q.all = true;
        else if (option == 'r')
            q.release = optarg;
        else
            return TOOL_USAGE;
    }
    if (optind == argc || argc - optind > 2)
        return tool_usage(t, "say what to do, and with which study");
    q.study = argv[optind + 1];
    if (strcmp(argv[optind], "test") == 0) {
        q.target = q.study ? q.study : q.target;
        return ask_publisher(t, &q, "--test", NULL);
    }
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(actions[i].name, argv[optind]) != 0)
            continue;
        code = resolve(t, &q);
        return code == TOOL_FINE ? actions[i].run(t, &q) : code;
    }
    return tool_usage(t, "there is no publish %s", argv[optind]);
}

const struct tool_command tool_publish = {
    "publish", "list|why|replay|show|coverage|test [STUDY] [--target NAME] …",
    "Show and repeat the publication of studies",
    "  list [STUDY]    what waits at which target; for one study also what was published\n"
    "  why STUDY       the words of the target at the last failure (may hold patient data)\n"
    "  replay STUDY    publish again, now, also what is parked or unchanged\n"
    "  replay --parked every parked study\n"
    "  show STUDY      the Bundle that would be sent, without sending it\n"
    "  coverage STUDY  which of the 39 paths of the mapping it fills, and why others are empty\n"
    "  coverage --all  the same over all studies\n"
    "  test [TARGET]   connection, authentication and capabilities of a target; its server\n"
    "                  validates a made-up study if it can\n"
    "  --target NAME   this target only\n"
    "  --release R     show, coverage: for R4 or R5, whatever the target is\n"
    "  --parked        parked ones only\n"
    "  --json          as JSON\n"
    "\n"
    "STUDY is a Study Instance UID or an accession number.\n",
    run};
