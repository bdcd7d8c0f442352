#include "store/query_private.h"

#include <stdio.h>
#include <string.h>

#define CREATOR "ISTHMUS SOP STATUS"

/* Notes of rejection are authorized by nobody, and do not count. */
#define WORD(a, n) "case when " a " = 0 then 'NONE' when " a " = " n " then 'ALL' else 'SOME' end"
#define AUTHORIZED "count(*) filter (where z.sop_instance_status in ('AO', 'AC'))"
#define COUNTED " and z.rejected <= 15 and " SHOWN_INSTANCE("z") ")"
#define OF_STUDY                                                                                   \
    " from isthmus.series y join isthmus.instance z using (series_key) "                           \
    "where y.study_key = t.study_key" COUNTED
#define OF_SERIES " from isthmus.instance z where z.series_key = s.series_key" COUNTED
#define UNLESS_REJECTED(table, kept, counted, from)                                                \
    "case when " table ".rejected_instances = 0 then " kept " else (select " counted from " end"

static const struct column columns[] = {
    {.vr = "CS",
     .keyword = "Authorization",
     .level = QUERY_STUDY,
     .kind = COLUMN_TEXT,
     .sql = UNLESS_REJECTED("t", WORD("t.authorized_instances", INSTANCES_OF_STUDY("t")),
                            WORD(AUTHORIZED, "count(*)"), OF_STUDY)},
    {.vr = "IS",
     .keyword = "NumberOfAuthorizedInstances",
     .level = QUERY_STUDY,
     .kind = COLUMN_INTEGER,
     .sql = UNLESS_REJECTED("t", "t.authorized_instances", AUTHORIZED, OF_STUDY)},
    {.vr = "CS",
     .keyword = "Authorization",
     .level = QUERY_SERIES,
     .kind = COLUMN_TEXT,
     .sql = UNLESS_REJECTED("s", WORD("s.authorized_instances", INSTANCES_OF_SERIES("s")),
                            WORD(AUTHORIZED, "count(*)"), OF_SERIES)},
    {.vr = "IS",
     .keyword = "NumberOfAuthorizedInstances",
     .level = QUERY_SERIES,
     .kind = COLUMN_INTEGER,
     .sql = UNLESS_REJECTED("s", "s.authorized_instances", AUTHORIZED, OF_SERIES)},
};

/* Does the identifier reserve this block for us? */
static bool is_ours(const json_t *identifier, uint32_t block)
{
    char key[9];
    const char *text;

    (void)snprintf(key, sizeof key, "%04X%04X", TAG_PRIVATE_GROUP, (unsigned)block);
    text = json_string_value(
        json_array_get(json_object_get(json_object_get(identifier, key), "Value"), 0));
    return text && strcmp(text, CREATOR) == 0;
}

bool private_column_find(const json_t *identifier, enum query_level level, uint32_t tag,
                         struct column *ret)
{
    uint32_t element = tag & 0xFFFF, block = element > 0xFF ? element >> 8 : element;
    size_t first = level == QUERY_STUDY ? 0 : 2, number = element & 0xFF;

    if ((level != QUERY_STUDY && level != QUERY_SERIES) || block < 0x10 ||
        !is_ours(identifier, block))
        return false;
    if (element <= 0xFF) {
        *ret = (struct column){.tag = tag, .vr = "LO", .kind = COLUMN_CONSTANT, .sql = CREATOR};
        return true;
    }
    if (number < 1 || number > 2)
        return false;
    *ret = columns[first + number - 1];
    ret->tag = tag;
    return true;
}
