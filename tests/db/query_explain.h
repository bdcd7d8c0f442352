/* How the database would answer a query. */
#ifndef ISTHMUS_TESTS_DB_QUERY_EXPLAIN_H
#define ISTHMUS_TESTS_DB_QUERY_EXPLAIN_H

#include "store/query_sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "explain execute" with the values as literals: EXPLAIN takes no parameters of its own. */
static inline char *explain_text(PGconn *connection, const struct statement_text *s)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    (void)fputs("explain execute explained", out);
    for (size_t i = 0; i < s->n_values; i++) {
        char *literal = PQescapeLiteral(connection, s->values[i], strlen(s->values[i]));

        (void)fprintf(out, "%s%s", i ? ", " : "(", literal);
        PQfreemem(literal);
    }
    (void)fputs(s->n_values ? ")" : "", out);
    (void)fclose(out);
    return text;
}

static inline char *join_rows(PGresult *rows)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    if (PQresultStatus(rows) != PGRES_TUPLES_OK)
        (void)fputs(PQresultErrorMessage(rows), out);
    for (int i = 0; i < PQntuples(rows); i++)
        (void)fprintf(out, "%s\n", PQgetvalue(rows, i, 0));
    (void)fclose(out);
    PQclear(rows);
    return text;
}

/* The plan of a query as text, for the caller to free: the one for all values where the
 * statement is prepared once, the one for these values where it is not. */
static inline char *explain_query(PGconn *connection, const json_t *identifier,
                                  const struct query_options *options)
{
    struct query_problem problem = {0};
    struct statement_text s = {0};
    struct plan plan;
    char *prepare, *explain, *text;

    if (plan_make(identifier, options, &plan, &problem) < 0 || statement_make(&plan, &s) < 0 ||
        asprintf(&prepare, "set plan_cache_mode = force_%s_plan; prepare explained as %s",
                 s.plain ? "generic" : "custom", s.sql) < 0)
        return NULL;
    PQclear(PQexec(connection, prepare));
    explain = explain_text(connection, &s);
    text = join_rows(PQexec(connection, explain));
    PQclear(PQexec(connection, "deallocate explained; reset plan_cache_mode"));
    free(prepare);
    free(explain);
    statement_done(&s);
    plan_done(&plan);
    return text;
}

/* Queries that people and routers ask all day; none may read a whole table. */
static const struct explained {
    enum query_root root;
    bool relational;
    const char *level, *keys;
} explained[] = {
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00080050\":\"A000004711\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00080050\":\"A00000471*\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00080050\":\"A000004711\\\\A000004712\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00100020\":\"P00000815\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00100020\":\"P0000081*\",\"00100010\":\"\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00100020\":\"P00000815\",\"00100021\":\"HOSPITAL\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00100010\":\"SMITH^LOba\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00100010\":\"SMITH^*\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00100010\":\"SMIRN*\",\"00080020\":\"\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00100010\":\"=山*\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY",
     "{\"00100010\":\"SMI*\",\"00080020\":\"20200101-20201231\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00100010\":\"SMIT*\",\"00100030\":\"19500505\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00100030\":\"19500505\",\"00100010\":\"\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00080020\":\"20200505\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00080020\":\"20200505-20200506\",\"00100010\":\"\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00080020\":\"20251230-\",\"00100010\":\"\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY",
     "{\"00080020\":\"20200505\",\"00080030\":\"08-12\",\"00080061\":\"CT\",\"00100010\":\"\","
     "\"00080050\":\"\",\"00201206\":\"\",\"00201208\":\"\",\"00080056\":\"\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY",
     "{\"00080020\":\"20200501-20200507\",\"00080061\":\"CT\\\\MR\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00080020\":\"20200505\",\"00081030\":\"*HEAD*\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"0020000D\":\"1.2.826.0.1.3680043.10.1000.42\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY",
     "{\"0020000D\":\"1.2.826.0.1.3680043.10.1000.42\\\\1.2.826.0.1.3680043.10.1000.43\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00200010\":\"4711\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00401001\":\"RP4711\"}"},
    {QUERY_STUDY_ROOT, false, "STUDY", "{\"00402016\":\"O4711\",\"00100010\":\"\"}"},
    {QUERY_STUDY_ROOT, true, "SERIES",
     "{\"00400275\":{\"vr\":\"SQ\",\"Value\":[{\"00401001\":{\"vr\":\"SH\","
     "\"Value\":[\"RP4711\"]},\"00400009\":{\"vr\":\"SH\"}}]}}"},
    {QUERY_STUDY_ROOT, true, "STUDY", "{\"0020000E\":\"1.2.826.0.1.3680043.10.1000.42.1\"}"},
    {QUERY_STUDY_ROOT, true, "STUDY", "{\"00080018\":\"1.2.826.0.1.3680043.10.1000.42.1.1\"}"},
    {QUERY_STUDY_ROOT, true, "STUDY", "{\"00080020\":\"20200505\",\"00080060\":\"CT\"}"},
    {QUERY_STUDY_ROOT, false, "SERIES",
     "{\"0020000D\":\"1.2.826.0.1.3680043.10.1000.42\",\"00080060\":\"\"}"},
    {QUERY_STUDY_ROOT, true, "SERIES", "{\"0020000E\":\"1.2.826.0.1.3680043.10.1000.42.1\"}"},
    {QUERY_STUDY_ROOT, true, "SERIES", "{\"00080020\":\"20200505\",\"00080060\":\"CT\"}"},
    {QUERY_STUDY_ROOT, true, "SERIES", "{\"00100020\":\"P00000815\",\"00080060\":\"CT\"}"},
    {QUERY_STUDY_ROOT, false, "IMAGE",
     "{\"0020000D\":\"1.2.826.0.1.3680043.10.1000.42\","
     "\"0020000E\":\"1.2.826.0.1.3680043.10.1000.42.1\",\"00200013\":\"\"}"},
    {QUERY_STUDY_ROOT, true, "IMAGE", "{\"00080018\":\"1.2.826.0.1.3680043.10.1000.42.1.1\"}"},
    {QUERY_STUDY_ROOT, true, "IMAGE", "{\"00080050\":\"A000004711\"}"},
    {QUERY_PATIENT_ROOT, false, "PATIENT", "{\"00100020\":\"P00000815\"}"},
    {QUERY_PATIENT_ROOT, false, "PATIENT", "{\"00100010\":\"SMIRN*\",\"00201200\":\"\"}"},
    {QUERY_PATIENT_ROOT, false, "STUDY", "{\"00100020\":\"P00000815\",\"00080020\":\"\"}"},
    {QUERY_PATIENT_ROOT, true, "PATIENT", "{\"00080050\":\"A000004711\"}"},
};

#endif
