#include "store/tool.h"

#include <string.h>

static const char select_conflicts[] =
    "select to_char(c.received_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') "
    "as received, c.sop_instance_uid, c.reason, coalesce(c.calling_ae_title, '') as \"from\", "
    "c.size_bytes, coalesce(t.study_instance_uid, '') as study, "
    "coalesce(c.study_instance_uid, '') as study_of_newcomer "
    "from isthmus.conflict c left join isthmus.instance i using (sop_instance_uid) "
    "left join isthmus.series s using (series_key) "
    "left join isthmus.study t on t.study_key = s.study_key "
    "order by c.conflict_key";

static int run(struct tool *t, int argc, char **argv)
{
    PGresult *rows;
    int code;

    if (argc != 2 || strcmp(argv[1], "list") != 0)
        return tool_usage(t, "say list");
    code = tool_check_schema(t);
    if (code == TOOL_FINE)
        code = tool_query(t, select_conflicts, 0, NULL, &rows);
    if (code != TOOL_FINE)
        return code;
    code = tool_print_rows(t, rows);
    PQclear(rows);
    return code;
}

const struct tool_command tool_conflicts = {"conflicts", "list [--json]",
                                            "Show instances whose UID was taken by other bytes",
                                            "  list    one line for each file that was kept aside\n"
                                            "  --json  as JSON\n",
                                            run};
