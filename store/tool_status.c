#include "store/tool.h"
#include "store/base/cleanup.h"
#include "store/instance.h"
#include "store/schema.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One row of numbers; each column is a line of the output, named as it is shown. Instances and
 * bytes come from the counters of the studies; the table of instances is not read. */
static const char select_counts[] =
    "with s as (select count(*) as studies, "
    "  coalesce(sum(number_of_study_related_series), 0)::bigint as series, "
    "  coalesce(sum(number_of_study_related_instances), 0)::bigint as instances, "
    "  coalesce(sum(size_bytes), 0)::bigint as bytes, "
    "  count(*) filter (where patient_differs) as patient_differs, "
    "  count(*) filter (where order_state = 'matched') as order_matched, "
    "  count(*) filter (where order_state = 'no accession number') as no_accession_number, "
    "  count(*) filter (where order_state = 'unknown accession number') as "
    "unknown_accession_number, "
    "  count(*) filter (where order_state = 'patient differs') as order_patient_differs, "
    "  count(*) filter (where order_state = 'several accession numbers') as "
    "several_accession_numbers, "
    "  count(*) filter (where open) as order_to_reconcile, "
    "  count(*) filter (where has_conflict) as with_conflict, "
    "  count(*) filter (where rejected_instances > 0) as with_rejections, "
    "  count(*) filter (where flags & $1 <> 0) as text_undecodable, "
    "  count(*) filter (where flags & $2 <> 0) as uid_invalid, "
    "  count(*) filter (where flags & $3 <> 0) as value_invalid, "
    "  count(*) filter (where flags & $4 <> 0) as truncated "
    "from isthmus.study left join isthmus.study_count using (study_key) "
    "left join isthmus.order_match using (study_key)), "
    "o as (select count(*) as n, coalesce(sum(size_bytes), 0)::bigint as bytes "
    "      from isthmus.instance where series_key is null), "
    "c as (select count(*) as n from isthmus.conflict) "
    "select (select count(*) from isthmus.patient) as patients, s.studies, s.series, "
    "  s.instances + o.n as instances, o.n as instances_without_patient, "
    "  s.bytes + o.bytes as bytes, c.n as conflicts, "
    "  (select count(*) from isthmus.instance where not available) as unavailable, "
    "patient_differs, "
    "  order_matched, no_accession_number, unknown_accession_number, order_patient_differs, "
    "  several_accession_numbers, order_to_reconcile, with_conflict, with_rejections, "
    "text_undecodable, uid_invalid, value_invalid, truncated "
    "from s, o, c";

static const char select_flags[] =
    "select f.flag, t.study_instance_uid, f.sop_instance_uid, f.other_uid as other_instance_uid "
    "from isthmus.status_flag f left join isthmus.instance i using (sop_instance_uid) "
    "left join isthmus.series s using (series_key) left join isthmus.study t using (study_key) "
    "order by f.flag, t.study_instance_uid, f.sop_instance_uid, f.other_uid";

#define FIRST_STUDY_FLAG 8 /* column of patient_differs */

static const char select_targets[] =
    "select t.name as target, count(o.study_key) filter (where parked_at is null and attempts = 0 "
    "    and due_at <= now()) as due, "
    "  count(o.study_key) filter (where parked_at is null and attempts = 0 and due_at > now()) "
    "    as quiet, "
    "  count(o.study_key) filter (where parked_at is null and attempts > 0) as backing_off, "
    "  count(o.study_key) filter (where parked_at is not null) as parked, "
    "  (select count(*) from isthmus.published p where p.target_key = t.target_key) as published, "
    "  to_char(min(first_change_at) filter (where parked_at is null) at time zone 'UTC', "
    "    'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') as oldest_change, "
    "  case when t.paused_until > now() then to_char(t.paused_until at time zone 'UTC', "
    "    'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') end as paused_until, "
    "  case when t.paused_until > now() then t.paused_why end as paused_why "
    "from isthmus.target t left join isthmus.outbox o using (target_key) "
    "group by t.target_key order by t.name";

struct disk {
    uint64_t free_bytes;
    unsigned spooled;
};

/* The files may be on another host than the one where a person asks; the index is shown all the
 * same. */
static bool look_at_disk(const struct tool *t, struct disk *ret)
{
    struct store *s;
    bool known;

    if (tool_open_store(t, &s) != TOOL_FINE)
        return false;
    known = store_free_bytes(s, &ret->free_bytes) == 0 && store_spooled(s, &ret->spooled) == 0;
    store_free(s);
    return known;
}

static json_t *counts_to_json(const PGresult *counts)
{
    json_t *object = json_object(), *flags = json_object();

    for (int c = 0; c < PQnfields(counts); c++)
        (void)json_object_set_new(c < FIRST_STUDY_FLAG ? object : flags, PQfname(counts, c),
                                  json_integer(strtoll(PQgetvalue(counts, 0, c), NULL, 10)));
    (void)json_object_set_new(object, "studies_flagged", flags);
    return object;
}

static int print_json(const struct tool *t, const PGresult *counts, const PGresult *targets,
                      const struct disk *disk)
{
    json_t *status = counts_to_json(counts);

    (void)json_object_set_new(status, "schema_version", json_integer(SCHEMA_VERSION));
    if (disk) {
        (void)json_object_set_new(status, "free_bytes", json_integer((json_int_t)disk->free_bytes));
        (void)json_object_set_new(status, "spooled", json_integer(disk->spooled));
    }
    (void)json_object_set_new(status, "targets", tool_rows_to_json(targets));
    return tool_print_json(t, status);
}

static void print_name(const char *name)
{
    char words[64];

    (void)snprintf(words, sizeof words, "%s", name);
    for (char *p = words; *p; p++)
        if (*p == '_')
            *p = ' ';
    (void)printf("%-26s ", words);
}

static void print_counts(const PGresult *counts)
{
    char size[TOOL_SIZE_MAX];

    for (int c = 0; c < PQnfields(counts); c++) {
        const char *name = PQfname(counts, c), *value = PQgetvalue(counts, 0, c);

        if (c == FIRST_STUDY_FLAG)
            (void)puts("\nstudies:");
        if (c >= FIRST_STUDY_FLAG)
            (void)fputs("  ", stdout);
        print_name(name);
        tool_size(strtod(value, NULL), size);
        (void)puts(strcmp(name, "bytes") == 0 ? size : value);
    }
}

static int print_text(const struct tool *t, const PGresult *counts, const PGresult *targets,
                      const struct disk *disk)
{
    char size[TOOL_SIZE_MAX];

    (void)printf("%-26s %d\n", "index version", SCHEMA_VERSION);
    if (disk) {
        tool_size((double)disk->free_bytes, size);
        (void)printf("%-26s %s\n%-26s %u\n", "free above the reserve", size,
                     "files waiting for a row", disk->spooled);
    }
    print_counts(counts);
    if (PQntuples(targets) == 0) {
        (void)puts("\nno targets");
        return TOOL_FINE;
    }
    (void)putchar('\n');
    return tool_print_rows(t, targets);
}

static int show(const struct tool *t, const PGresult *counts)
{
    struct disk disk = {0};
    bool known;
    PGresult *targets;
    int code = tool_query(t, select_targets, 0, NULL, &targets);

    if (code != TOOL_FINE)
        return code;
    known = look_at_disk(t, &disk);
    code = (t->json ? print_json : print_text)(t, counts, targets, known ? &disk : NULL);
    PQclear(targets);
    return code;
}

static int list_flags(const struct tool *t)
{
    PGresult *rows;
    int code = tool_query(t, select_flags, 0, NULL, &rows);

    if (code != TOOL_FINE)
        return code;
    code = tool_print_rows(t, rows);
    PQclear(rows);
    return code;
}

static int show_all(const struct tool *t)
{
    char flags[4][16];
    const char *const values[] = {flags[0], flags[1], flags[2], flags[3]};
    const unsigned bits[] = {INSTANCE_TEXT_UNDECODABLE | INSTANCE_CHARSET_UNKNOWN,
                             INSTANCE_UID_INVALID, INSTANCE_VALUE_INVALID,
                             INSTANCE_TRUNCATED | INSTANCE_HEADER_CUT | INSTANCE_REFERENCES_CUT};
    PGresult *counts;
    int code;

    for (int i = 0; i < 4; i++)
        (void)snprintf(flags[i], sizeof flags[i], "%u", bits[i]);
    code = tool_query(t, select_counts, 4, values, &counts);
    if (code != TOOL_FINE)
        return code;
    code = show(t, counts);
    PQclear(counts);
    return code;
}

static int run(struct tool *t, int argc, char **argv)
{
    static const struct option options[] = {{"flags", no_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
    bool only_flags = false;
    int option, code;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == '?')
            return TOOL_USAGE;
        only_flags = true;
    }
    if (optind < argc)
        return tool_usage(t, "takes no argument");
    code = tool_check_schema(t);
    if (code == TOOL_FINE)
        code = only_flags ? list_flags(t) : show_all(t);
    return code;
}

const struct tool_command tool_status = {
    "status", "[--flags] [--json]", "Show what is stored, what waits and what failed",
    "  --flags  the instances whose SOP Instance Status (0100,0410) asks for a look: a second\n"
    "           authorized original, an authorized copy without its original, an original that\n"
    "           was authorized by another instance, a status that is none\n"
    "  --json   as one JSON object\n"
    "\n"
    "No patient data is shown.\n",
    run};
