/* Values that nobody should send: each is refused or finds what it says, and nothing breaks. */
#include "tests/db/query_samples.h"

#define QUERIES 2500

TestSuite(query_hostile, .init = fill, .fini = empty);

static const char *const nasty[] = {
    "",
    " ",
    "%",
    "_",
    "\\",
    "\\\\",
    "'",
    "\"",
    "\"\"",
    "*",
    "?",
    "**",
    "?*",
    "-",
    "--",
    "=",
    "===",
    "^",
    "^^^^*",
    "*=*=*",
    "=^*",
    "$1",
    "{",
    "}",
    "{}",
    "{\"a\"",
    "NULL",
    "null",
    "; drop table isthmus.study; --",
    "20260131",
    "20260131-",
    "-20260131",
    "20260131-20260131",
    "20269999",
    "00000101",
    "00010101",
    "99991231-",
    "20260131-0500-20260201-0500",
    "24",
    "235960",
    "23.5",
    "0",
    "-0",
    "+1",
    "1e308",
    "-1e308",
    "1e999",
    "0x1F",
    "inf",
    "nan",
    "2147483648",
    "-2147483648",
    "99999999999999999999",
    "1.2.3",
    "1.2.*",
    "00100010",
    "\xf0\x9f\x98\x80",
    "\xd7\x90*",
    "a\xcc\x88",
    "\xc4\xb0",
    "\xef\xbc\x8a",
    "\x01",
    "\x1b$B",
    "\t",
    "a\\b\\c*\\\"\"",
    "%s%n",
    "ONLINE",
    "STUDY",
    "045Y",
    "A*\\\\*B",
    "*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?x",
};

static unsigned state = 1;

static unsigned below(unsigned n)
{
    state = state * 1103515245u + 12345u;
    return (state >> 8) % n;
}

static json_t *nasty_text(void)
{
    char text[3000];
    unsigned n = below(12);

    if (n > 0)
        return json_string(nasty[below(sizeof nasty / sizeof *nasty)]);
    memset(text, "x*1%"[below(4)], sizeof text);
    text[1 + below(sizeof text - 1)] = '\0';
    return json_string(text);
}

static json_t *nasty_value(unsigned depth)
{
    switch (below(12)) {
    case 0:
        return json_null();
    case 1:
        return json_integer((json_int_t)below(70000) * 1000003 - 5000);
    case 2:
        return json_pack("{s:o,s:o}", "Alphabetic", nasty_text(), "Phonetic", nasty_text());
    case 3:
        return depth > 3 ? json_object()
                         : json_pack("{s:{s:s,s:[o]},s:{s:s,s:[o]}}", "00080100", "vr", "SH",
                                     "Value", nasty_value(depth + 1), "0040A168", "vr", "SQ",
                                     "Value", nasty_value(depth + 1));
    case 4:
        return json_array();
    default:
        return nasty_text();
    }
}

static json_t *nasty_element(void)
{
    static const char *const vrs[] = {"LO", "PN", "SQ", "UN", "US", "xx"};
    json_t *values = json_array();

    for (unsigned i = below(4) ? 1 : below(4); i > 0; i--)
        json_array_append_new(values, nasty_value(0));
    return json_pack("{s:s,s:o}", "vr", vrs[below(6)], "Value", values);
}

static json_t *nasty_identifier(void)
{
    static const char *const levels[] = {"PATIENT", "STUDY", "STUDY", "SERIES", "IMAGE"};
    json_t *identifier = make_identifier(levels[below(5)], "{}");

    for (unsigned i = 1 + below(3); i > 0; i--) {
        struct query_attribute a;
        char key[16];

        while (!query_attribute(below(220), &a))
            ;
        (void)snprintf(key, sizeof key, "%08X", a.tag);
        if (a.tag != 0x00080052)
            json_object_set_new(identifier, key, nasty_element());
    }
    return identifier;
}

/* Whether the query was taken. */
static bool survives(const json_t *identifier, const struct query_options *options)
{
    struct query_problem problem = {0};
    struct query *q = NULL;
    json_t *one;
    int r = query_begin(made.db, identifier, options, &q, &problem);
    bool taken = r == 0;

    if (taken) {
        while ((r = query_next(q, &one)) == 0)
            json_decref(one);
        query_end(q);
    }
    if (taken ? r != -ENOENT
              : r != -EBADMSG || problem.status != 0xA900 || !problem.offending_tag) {
        char *text = json_dumps(identifier, JSON_COMPACT | JSON_ENSURE_ASCII);

        cr_assert_fail("%d %04X %08X %s: %s", r, problem.status, problem.offending_tag,
                       db_problem(made.db), text);
    }
    return taken;
}

Test(query_hostile, nothing_that_is_sent_breaks_a_query)
{
    unsigned taken = 0;

    for (unsigned i = 0; i < QUERIES; i++) {
        struct query_options options = {.root = QUERY_PATIENT_ROOT,
                                        .relational = below(4) != 0,
                                        .combined_datetime = below(2) != 0,
                                        .fuzzy_names = below(3) == 0,
                                        .empty_value = below(2) != 0};
        json_t *identifier = nasty_identifier();

        taken += survives(identifier, &options);
        json_decref(identifier);
    }
    cr_assert_gt(taken, QUERIES / 5, "%u", taken);
    cr_assert_found(made.db, "STUDY", "{}", UID, &study_root, "1 2 3 4");
}

/* Attributes anywhere, and sometimes nonsense where the item of the step should be. */
static json_t *nasty_worklist_identifier(void)
{
    json_t *identifier = json_object(), *step = json_object();

    for (unsigned i = 1 + below(4); i > 0; i--) {
        struct query_attribute a;
        char key[16];

        while (!query_attribute(200 + below(160), &a))
            ;
        (void)snprintf(key, sizeof key, "%08X", a.tag);
        json_object_set_new((a.level == QUERY_STEP) == (below(8) > 0) ? step : identifier, key,
                            nasty_element());
    }
    if (below(8) == 0) {
        json_decref(step);
        step = nasty_value(0);
    }
    json_object_set_new(identifier, "00400100",
                        json_pack("{s:s,s:[o]}", "vr", "SQ", "Value", step));
    return identifier;
}

Test(query_hostile, nothing_that_is_sent_breaks_a_worklist_query)
{
    static const char *const states[] = {"SCHEDULED"}, *const own[] = {"'; --", "{\"a\",\\}"};
    const struct worklist_view view = {
        .states = states, .n_states = 1, .own_stations = true, .stations = own, .n_stations = 2};
    unsigned taken = 0;

    for (unsigned i = 0; i < QUERIES; i++) {
        struct query_options options = {.root = QUERY_WORKLIST,
                                        .view = &view,
                                        .fuzzy_names = below(3) == 0,
                                        .empty_value = below(2) != 0};
        json_t *identifier = nasty_worklist_identifier();

        taken += survives(identifier, &options);
        json_decref(identifier);
    }
    cr_assert_gt(taken, QUERIES / 5, "%u", taken);
}
