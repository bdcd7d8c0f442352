/* What modalities ask all day; none of it may read the whole worklist. */
#ifndef ISTHMUS_TESTS_DB_WORKLIST_EXPLAIN_H
#define ISTHMUS_TESTS_DB_WORKLIST_EXPLAIN_H

#include "tests/db/query_explain.h"

#include <time.h>

static const char *const explained_states[] = {"SCHEDULED", "ARRIVED", "READY", "STARTED"};
static const char *const explained_own[] = {"STATION7"};
static const struct worklist_view explained_view = {.states = explained_states, .n_states = 4};
static const struct worklist_view explained_own_view = {.states = explained_states,
                                                        .n_states = 4,
                                                        .own_stations = true,
                                                        .stations = explained_own,
                                                        .n_stations = 1};

/* "TODAY" in a value stands for the day. */
static const struct explained_worklist {
    bool own;
    const char *order, *step;
} explained_worklist[] = {
    {false, "{}", "{\"00400001\":\"STATION7\",\"00400002\":\"TODAY\"}"},
    {false, "{\"00100010\":\"\",\"00100020\":\"\",\"00321060\":\"\"}",
     "{\"00400001\":\"STATION7\",\"00400002\":\"TODAY\",\"00080060\":\"MR\",\"00400008\":\"\"}"},
    {false, "{\"00100010\":\"\"}", "{\"00400001\":\"RARE\"}"},
    {true, "{}", "{\"00400002\":\"TODAY\"}"},
    {true, "{}", "{\"00400002\":\"TODAY-\"}"},
    {false, "{}", "{\"00400002\":\"TODAY-TODAY\",\"00400003\":\"0700-1200\"}"},
    {false, "{}", "{\"00400002\":\"TODAY\",\"00080060\":\"CT\"}"},
    {false, "{\"00080050\":\"A000004711\"}", "{}"},
    {false, "{\"00080050\":\"A00000471*\"}", "{\"00400001\":\"STATION7\"}"},
    {false, "{\"00401001\":\"R4711\"}", "{}"},
    {false, "{\"0020000D\":\"1.2.826.0.1.3680043.10.2000.42\"}", "{}"},
    {false, "{\"00100020\":\"P00000815\"}", "{\"00400001\":\"STATION7\"}"},
    {false, "{\"00100020\":\"P00000815\",\"00100021\":\"HOSPITAL\"}", "{}"},
    {false, "{\"00100010\":\"SMITH^A12\"}", "{}"},
    {false, "{\"00100010\":\"SMITH^A12*\"}", "{\"00400002\":\"TODAY\"}"},
    {false, "{\"00100010\":\"=山*\"}", "{}"},
};

/* The day in a buffer that is used again. */
static inline const char *with_today(const char *keys)
{
    static char text[1000];
    char day[9];
    time_t now = time(NULL);
    struct tm local;
    size_t at = 0;

    (void)strftime(day, sizeof day, "%Y%m%d", localtime_r(&now, &local));
    for (const char *p = keys; *p && at < sizeof text - 9;) {
        bool here = strncmp(p, "TODAY", 5) == 0;

        at += (size_t)snprintf(text + at, sizeof text - at, "%.*s", here ? 8 : 1, here ? day : p);
        p += here ? 5 : 1;
    }
    return text;
}

#endif
