#include "store/attributes.h"
#include "store/base/cleanup.h"
#include "store/document.h"
#include "store/tool_conflicts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 200 /* bytes of a value that a person is shown */

static const char select_sides[] =
    "select jsonb_build_object('conflict', c.conflict_key, 'sop_instance_uid', c.sop_instance_uid, "
    "  'reason', c.reason, 'state', coalesce(c.settlement, 'open'), "
    "  'settled_at', to_char(c.settled_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
    "  'settled_by', c.settled_by, 'why', c.settled_why), "
    "jsonb_build_object('blob', i.blob, "
    "  'received', to_char(i.received_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
    "  'from', i.calling_ae_title, 'size_bytes', i.size_bytes, 'sop_class_uid', i.sop_class_uid, "
    "  'transfer_syntax_uid', i.transfer_syntax_uid, "
    "  'study_instance_uid', t.study_instance_uid, "
    "  'series_instance_uid', s.series_instance_uid), "
    "jsonb_build_object('blob', c.blob, "
    "  'received', to_char(c.received_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
    "  'from', c.calling_ae_title, 'size_bytes', c.size_bytes, 'sop_class_uid', c.sop_class_uid, "
    "  'transfer_syntax_uid', c.transfer_syntax_uid, "
    "  'study_instance_uid', c.study_instance_uid, "
    "  'series_instance_uid', c.series_instance_uid), "
    "coalesce(i.patient_attributes, t.patient_attributes, '{}') "
    "  || coalesce(i.study_attributes, t.attributes_as_stored, t.attributes, '{}') "
    "  || coalesce(i.series_attributes, s.attributes, '{}') || i.attributes, "
    "c.patient_attributes || c.study_attributes || c.series_attributes || c.attributes "
    "from isthmus.conflict c join isthmus.instance i using (sop_instance_uid) "
    "left join isthmus.series s using (series_key) "
    "left join isthmus.study t on t.study_key = s.study_key where c.conflict_key = $1";

enum { ABOUT, THERE, ASIDE, THERE_HEADER, ASIDE_HEADER, COLUMNS };

/* Attributes that the two sides do not say alike, in order of tag. */
static json_t *find_differences(const json_t *there, const json_t *aside)
{
    json_t *found = json_array();

    for (size_t i = 0; i < attributes_count; i++) {
        char key[ATTRIBUTE_KEY_SIZE];
        const json_t *a, *b;

        attribute_key(attributes[i].tag, key);
        a = json_object_get(json_object_get(there, key), "Value");
        b = json_object_get(json_object_get(aside, key), "Value");
        if (a == b || json_equal(a, b))
            continue;
        (void)json_array_append_new(found,
                                    json_pack("{s:s,s:s,s:O?,s:O?}", "tag", key, "keyword",
                                              attributes[i].keyword, "there", a, "aside", b));
    }
    return found;
}

/* Values as in a data set, "A\B" and "Alphabetic=Ideographic"; sequences as JSON. */
static void print_value(const json_t *values)
{
    _cleanup_free_ char *text = NULL;
    const json_t *value;
    size_t i, n = 0;
    FILE *out = open_memstream(&text, &n);

    if (!out)
        return;
    json_array_foreach (values, i, value) {
        const json_t *name = json_object_get(value, "Alphabetic");

        if (i > 0)
            (void)fputc('\\', out);
        if (json_is_string(value) || json_is_string(name))
            (void)fputs(json_string_value(name ? name : value), out);
        if (!json_is_string(value) && (!name || json_object_size(value) > 1))
            (void)json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY);
    }
    if (fclose(out) == 0)
        (void)printf("%.*s%s\n", VALUE_MAX, n > 0 ? text : "-", n > VALUE_MAX ? " …" : "");
}

static void print_fact(const json_t *there, const json_t *aside, const char *name)
{
    const json_t *sides[] = {json_object_get(there, name), json_object_get(aside, name)};

    (void)printf("%s\n", name);
    for (int i = 0; i < 2; i++) {
        (void)fputs(i == 0 ? "    there  " : "    aside  ", stdout);
        if (json_is_integer(sides[i]))
            (void)printf("%" JSON_INTEGER_FORMAT "\n", json_integer_value(sides[i]));
        else
            (void)puts(json_is_string(sides[i]) ? json_string_value(sides[i]) : "-");
    }
}

static void print_text(json_t *const cells[COLUMNS], const json_t *differences)
{
    static const char *const facts[] = {
        "file",          "received",           "from",
        "size_bytes",    "study_instance_uid", "series_instance_uid",
        "sop_class_uid", "transfer_syntax_uid"};
    const json_t *about = cells[ABOUT], *difference;
    const char *by = json_string_value(json_object_get(about, "settled_by"));
    const char *why = json_string_value(json_object_get(about, "why"));
    size_t i;

    (void)printf("conflict %" JSON_INTEGER_FORMAT ", instance %s: %s; %s%s%s%s%s\n",
                 json_integer_value(json_object_get(about, "conflict")),
                 json_string_value(json_object_get(about, "sop_instance_uid")),
                 json_string_value(json_object_get(about, "reason")),
                 json_string_value(json_object_get(about, "state")), by ? " by " : "", by ? by : "",
                 why ? ": " : "", why ? why : "");
    for (i = 0; i < sizeof facts / sizeof *facts; i++)
        print_fact(cells[THERE], cells[ASIDE], facts[i]);
    json_array_foreach (differences, i, difference) {
        const char *tag = json_string_value(json_object_get(difference, "tag"));

        (void)printf("(%.4s,%s) %s\n    there  ", tag, tag + 4,
                     json_string_value(json_object_get(difference, "keyword")));
        print_value(json_object_get(difference, "there"));
        (void)fputs("    aside  ", stdout);
        print_value(json_object_get(difference, "aside"));
    }
    if (json_array_size(differences) == 0)
        (void)puts("No attribute differs that the index keeps; other bytes of the files do.");
}

static int print_sides(const struct tool *t, json_t *cells[COLUMNS])
{
    json_t *differences = find_differences(cells[THERE_HEADER], cells[ASIDE_HEADER]);
    int code = TOOL_FINE;

    for (int side = THERE; side <= ASIDE; side++) {
        char path[STORE_PATH_MAX];

        store_path((uint64_t)json_integer_value(json_object_get(cells[side], "blob")), path);
        (void)json_object_set_new(cells[side], "file", json_string(path));
        (void)json_object_del(cells[side], "blob");
    }
    if (t->json) {
        (void)json_object_set(cells[ABOUT], "there", cells[THERE]);
        (void)json_object_set(cells[ABOUT], "aside", cells[ASIDE]);
        (void)json_object_set(cells[ABOUT], "differences", differences);
        code = tool_print_json(t, json_incref(cells[ABOUT]));
    } else {
        print_text(cells, differences);
    }
    json_decref(differences);
    return code;
}

int conflicts_show(const struct tool *t, const char *key)
{
    json_t *cells[COLUMNS] = {NULL};
    PGresult *rows;
    int r = 0, code = tool_query(t, select_sides, 1, &key, &rows);

    if (code != TOOL_FINE)
        return code;
    for (int c = 0; r == 0 && PQntuples(rows) == 1 && c < COLUMNS; c++)
        r = document_parse(PQgetvalue(rows, 0, c), &cells[c]);
    if (PQntuples(rows) != 1)
        code =
            tool_fail(t, TOOL_WRONG, "there is no conflict %s: see 'isthmus conflicts list'", key);
    else
        code = r < 0 ? tool_fail(t, TOOL_CANNOT, "%s", strerrordesc_np(-r)) : print_sides(t, cells);
    for (int c = 0; c < COLUMNS; c++)
        json_decref(cells[c]);
    PQclear(rows);
    return code;
}
