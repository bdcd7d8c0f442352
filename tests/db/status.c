/* What instances are worth: whatever comes first, index, queries and FHIR say the same. */
#include "fhir/bundle.h"
#include "store/rejection.h"
#include "store/study.h"
#include "tests/db/query_help.h"
#include "tests/db/sample.h"

#include <pthread.h>
#include <sched.h>

#define KOS "1.2.840.10008.5.1.4.1.1.88.59"
#define KO_SERIES "{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"KO\"]}}"
#define TITLE(code)                                                                                \
    "{\"0040A043\":{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"" code      \
    "\"]},\"00080102\":{\"vr\":\"SH\",\"Value\":[\"DCM\"]}}]}}"
#define IMAGE(number, time, status)                                                                \
    "{\"00200013\":{\"vr\":\"IS\",\"Value\":[\"" number "\"]},"                                    \
    "\"00080033\":{\"vr\":\"TM\",\"Value\":[\"" time "\"]}" status "}"
#define STATUS(code) ",\"01000410\":{\"vr\":\"CS\",\"Value\":[\"" code "\"]}"
#define EVIDENCE(uid) "[\"evidence\",null,\"" uid "\",null,null,null]"
#define AT(uid, place) .sop = uid, .study = "2.1", .series = place
#define IS_NOTE(code) .sop_class = KOS, .attributes = {NULL, NULL, KO_SERIES, TITLE(code)}

struct arrival {
    struct sample sample;
    const char *references;
};

static struct database d;

static void setup(void)
{
    d = make_database();
}

static void teardown(void)
{
    drop_database(&d);
}

TestSuite(status, .init = setup, .fini = teardown, .timeout = 600);

static enum index_result arrive(const struct arrival *a, uint64_t blob)
{
    struct instance i = make_instance(&a->sample, blob);
    enum index_result result = INDEX_CONFLICT;

    i.references = a->references ? strdup(a->references) : NULL;
    cr_assert_eq(index_put(d.db, NULL, &i, &result, NULL), 0, "%s", db_problem(d.db));
    instance_done(&i);
    return result;
}

static void empty(void)
{
    run_sql(d.db, "delete from isthmus.outbox; delete from isthmus.reference;"
                  "delete from isthmus.rejection; delete from isthmus.conflict;"
                  "delete from isthmus.instance; delete from isthmus.series;"
                  "delete from isthmus.study; delete from isthmus.patient");
}

/* --- All that can be seen of study 2.1 ------------------------------------------------------- */

static const char index_text[] =
    "select (select string_agg(sop_instance_uid || ':' || rejected || "
    "coalesce(sop_instance_status, "
    "''), ' ' order by sop_instance_uid) from isthmus.instance) || ' series ' || "
    "(select string_agg(series_instance_uid || ':' || rejected_instances || '/' || "
    "authorized_instances || '/' || number_of_series_related_instances, ' ' "
    "order by series_instance_uid) from isthmus.series join isthmus.series_count using "
    "(series_key)) || ' study ' || "
    "(select string_agg(rejected_instances || '/' || authorized_instances || '/' || "
    "number_of_study_related_instances, ' ') from isthmus.study join isthmus.study_count using "
    "(study_key)) || ' flags ' || "
    "coalesce((select string_agg(flag || ' ' || sop_instance_uid || ' ' || "
    "coalesce(other_uid, '-'), ', ' order by flag, sop_instance_uid, other_uid) "
    "from isthmus.status_flag), '-')";

static void say(FILE *out, const char *level, const char *keys, const struct query_options *o)
{
    static const char *const tags[] = {"00080018", "0020000E", "00201206",
                                       "00201208", "00201209", "01000410"};

    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        (void)fprintf(out, "%s%s", i ? "|" : "\n", found(d.db, level, keys, tags[i], o));
}

static void say_modalities(FILE *out, const struct query_options *o)
{
    json_t *identifier = make_identifier("STUDY", "{\"00080061\":\"\",\"00080062\":\"\"}");
    json_t *all = answers(d.db, identifier, o);
    char *text = json_dumps(all, JSON_SORT_KEYS);

    (void)fprintf(out, "\n%s", text);
    free(text);
    json_decref(all);
    json_decref(identifier);
}

/* The roll-up in block 11 of group 0101: "ALL 2" of each entity. */
static const char *authorization(const char *level, const struct query_options *o)
{
    static char text[200];
    const char *keys = "{\"01010011\":\"ISTHMUS SOP STATUS\",\"01011101\":\"\",\"01011102\":\"\"}";
    char words[100];
    const char *nothing;

    (void)snprintf(words, sizeof words, "%s", found(d.db, level, keys, "01011101", o));
    (void)snprintf(text, sizeof text, "%s %s", words, found(d.db, level, keys, "01011102", o));
    nothing = found(d.db, level, "{\"01011101\":\"\"}", "01011101", o);
    cr_assert_eq(nothing[strspn(nothing, " ")], '\0', "a block that nobody reserved: %s", nothing);
    return text;
}

static void say_answers(FILE *out, unsigned shown)
{
    const struct query_options o = {
        .root = QUERY_STUDY_ROOT, .relational = true, .hidden = rejection_hidden(shown)};

    (void)fprintf(out, "\nshown %u", shown);
    say(out, "STUDY", "{\"00201206\":\"\",\"00201208\":\"\"}", &o);
    say(out, "SERIES", "{\"00201209\":\"\"}", &o);
    say(out, "IMAGE", "{\"01000410\":\"\",\"0020000E\":\"\"}", &o);
    say_modalities(out, &o);
    (void)fprintf(out, "\n%s", authorization("STUDY", &o));
    (void)fprintf(out, "|%s", authorization("SERIES", &o));
}

static void say_fhir(FILE *out, enum release release, bool strict)
{
    const struct mapping m = {.release = release,
                              .full_limit = 100,
                              .request_status = "unknown",
                              .extension_base = "http://hospital.example/fhir",
                              .show_quality_rejected = !strict,
                              .hide_unauthorised = strict,
                              .systems = {[KIND_PATIENT] = "http://hospital.example/mrn",
                                          [KIND_ACCESSION] = "http://hospital.example/acc"}};
    struct study *s = NULL;
    json_t *bundle = NULL;
    int64_t key = 0;
    char *text;

    cr_assert_eq(study_find(d.db, "2.1", &key), 0);
    cr_assert_eq(study_load(d.db, key, &s), 0, "%s", db_problem(d.db));
    cr_assert_eq(bundle_build(&m, s, FORM_FULL, &bundle), 0);
    text = bundle_text(bundle, true);
    (void)fprintf(out, "\n%s", text);
    free(text);
    json_decref(bundle);
    study_free(s);
}

static char *all_that_can_be_seen(void)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    (void)fputs(ask(d.db, index_text), out);
    say_answers(out, 0);
    say_answers(out, REJECTED_QUALITY);
    say_answers(out, REJECTED_ANY);
    for (int release = RELEASE_R5; release <= RELEASE_R4; release++)
        for (int strict = 0; strict < 2; strict++)
            say_fhir(out, (enum release)release, strict);
    (void)fclose(out);
    return text;
}

/* --- Every order of arrival ------------------------------------------------------------------ */

static bool next_order(size_t *order, size_t n)
{
    size_t i = n - 1, j = n - 1, kept;

    while (i > 0 && order[i - 1] > order[i])
        i--;
    if (i == 0)
        return false;
    while (order[j] < order[i - 1])
        j--;
    kept = order[i - 1];
    order[i - 1] = order[j];
    order[j] = kept;
    for (j = n - 1; i < j; i++, j--) {
        kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    return true;
}

/* The same after every order, and the index as @expected says. */
static void in_every_order(const struct arrival *arrivals, size_t n, const char *expected)
{
    size_t order[8], orders = 0;
    char *first = NULL;

    for (size_t i = 0; i < n; i++)
        order[i] = i;
    do {
        char *seen;

        empty();
        for (size_t i = 0; i < n; i++)
            (void)arrive(&arrivals[order[i]], i + 1);
        cr_assert_str_eq(ask(d.db, index_text), expected, "order %zu", orders);
        seen = all_that_can_be_seen();
        if (!first)
            first = strdup(seen);
        cr_assert_str_eq(seen, first, "order %zu:\n%s\nis not\n%s", orders, seen, first);
        free(seen);
        orders++;
    } while (next_order(order, n));
    free(first);
}

#define EVERY_ORDER(arrivals, expected)                                                            \
    in_every_order(arrivals, sizeof(arrivals) / sizeof *(arrivals), expected)

Test(status, rejections_have_no_order)
{
    static const struct arrival arrivals[] = {
        {{AT("1.1", "3.1")}, NULL},
        {{AT("1.2", "3.1")}, NULL},
        {{AT("1.3", "3.2")}, NULL},
        {{AT("1.7", "3.7"), IS_NOTE("113001")}, "[" EVIDENCE("1.1") "," EVIDENCE("1.2") "]"},
        {{AT("1.8", "3.8"), IS_NOTE("113038")}, "[" EVIDENCE("1.2") "]"},
    };

    EVERY_ORDER(arrivals, "1.1:1 1.2:5 1.3:0 1.7:16 1.8:64 "
                          "series 3.1:2/0/2 3.2:0/0/1 3.7:1/0/1 3.8:1/0/1 study 4/0/5 flags -");
}

Test(status, nor_have_rejections_that_are_revoked)
{
    static const struct arrival arrivals[] = {
        {{AT("1.1", "3.1")}, NULL},
        {{AT("1.2", "3.1")}, NULL},
        {{AT("1.7", "3.7"), IS_NOTE("113037")}, "[" EVIDENCE("1.1") "," EVIDENCE("1.2") "]"},
        {{AT("1.8", "3.8"), IS_NOTE("113037")}, "[" EVIDENCE("1.7") "]"},
        {{AT("1.9", "3.8"), IS_NOTE("113001")}, "[" EVIDENCE("1.2") "]"},
    };

    EVERY_ORDER(arrivals, "1.1:0 1.2:1 1.7:34 1.8:32 1.9:16 "
                          "series 3.1:1/0/2 3.7:1/0/1 3.8:2/0/2 study 4/0/5 flags -");
}

Test(status, notes_that_name_each_other_revoke_each_other)
{
    static const struct arrival arrivals[] = {
        {{AT("1.1", "3.1")}, NULL},
        {{AT("1.7", "3.7"), IS_NOTE("113037")}, "[" EVIDENCE("1.1") "," EVIDENCE("1.8") "]"},
        {{AT("1.8", "3.8"), IS_NOTE("113038")},
         "[" EVIDENCE("1.1") "," EVIDENCE("1.7") "," EVIDENCE("1.8") "]"},
    };

    EVERY_ORDER(arrivals, "1.1:0 1.7:36 1.8:66 series 3.1:0/0/1 3.7:1/0/1 3.8:1/0/1 study 2/0/3 "
                          "flags -");
}

Test(status, nor_have_statuses)
{
    static const struct arrival arrivals[] = {
        {{AT("1.1", "3.1"), .attributes = {NULL, NULL, NULL, IMAGE("1", "1200", STATUS("OR"))}},
         NULL},
        {{AT("1.2", "3.2"), .attributes = {NULL, NULL, NULL, IMAGE("1", "1200", STATUS("AO"))}},
         NULL},
        {{AT("1.3", "3.2"), .attributes = {NULL, NULL, NULL, IMAGE("1", "1200", STATUS("AO"))}},
         NULL},
        {{AT("1.4", "3.2"), .attributes = {NULL, NULL, NULL, IMAGE("2", "1200", STATUS("AC"))}},
         NULL},
        {{AT("1.5", "3.2"), .attributes = {NULL, NULL, NULL, IMAGE("3", "1200", STATUS("or"))}},
         NULL},
    };

    EVERY_ORDER(arrivals, "1.1:0OR 1.2:0AO 1.3:0AO 1.4:0AC 1.5:0or series 3.1:0/0/1 3.2:0/3/4 "
                          "study 0/3/5 flags copy without authorized original 1.4 -, "
                          "original became authorized 1.1 1.2, original became authorized 1.1 1.3, "
                          "second authorized original 1.2 1.3, second authorized original 1.3 1.2, "
                          "unknown status 1.5 -");
}

/* One row after the other arrives; then the roll-up of the study and of its two series. */
Test(status, authorization_is_rolled_up_over_what_is_shown)
{
    static const struct {
        struct arrival arrival;
        const char *study, *series;
    } rows[] = {
        {{{AT("1.1", "3.1"), .attributes = {NULL, NULL, NULL, IMAGE("1", "1200", "")}}, NULL},
         "NONE 0",
         "NONE 0"},
        {{{AT("1.2", "3.1"), .attributes = {NULL, NULL, NULL, IMAGE("2", "1200", STATUS("AO"))}},
          NULL},
         "SOME 1",
         "SOME 1"},
        {{{AT("1.3", "3.2"), .attributes = {NULL, NULL, NULL, IMAGE("3", "1200", STATUS("AC"))}},
          NULL},
         "SOME 2",
         "ALL SOME 1 1"},
        {{{AT("1.7", "3.7"), IS_NOTE("113037")}, "[" EVIDENCE("1.1") "]"},
         "ALL 2",
         "ALL ALL NONE 0 1 1"},
        {{{AT("1.8", "3.7"), IS_NOTE("113039")}, "[" EVIDENCE("1.2") "]"}, "ALL 1", "ALL NONE 0 1"},
    };
    const struct query_options o = {
        .root = QUERY_STUDY_ROOT, .relational = true, .hidden = rejection_hidden(0)};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        (void)arrive(&rows[i].arrival, i + 1);
        cr_assert_str_eq(authorization("STUDY", &o), rows[i].study, "row %zu", i);
        cr_assert_str_eq(authorization("SERIES", &o), rows[i].series, "row %zu", i);
    }
}

static void *put_late(void *context)
{
    struct database *other = context;
    static const struct arrival note = {
        {.sop = "1.7", .study = "2.7", .series = "3.7", .bytes = 7, IS_NOTE("113037")},
        "[" EVIDENCE("1.1") "]"};
    struct instance i = make_instance(&note.sample, 7);
    enum index_result result;

    i.references = strdup(note.references);
    cr_assert_eq(index_put(other->db, NULL, &i, &result, NULL), 0, "%s", db_problem(other->db));
    instance_done(&i);
    return NULL;
}

Test(status, a_note_of_another_study_does_not_miss_what_is_being_stored)
{
    static const struct arrival image = {{AT("1.1", "3.1")}, NULL};
    struct database other = {.db = connect_to(d.conninfo)};
    struct db *watch = connect_to(d.conninfo);
    pthread_t thread;

    run_sql(d.db, "begin");
    (void)arrive(&image, 1);
    cr_assert_eq(pthread_create(&thread, NULL, put_late, &other), 0);
    while (strcmp(ask(watch, "select count(*) from pg_locks where locktype = 'advisory' "
                             "and classid = 5 and not granted and database = (select oid from "
                             "pg_database where datname = current_database())"),
                  "1") != 0)
        (void)sched_yield();
    run_sql(d.db, "commit");
    (void)pthread_join(thread, NULL);
    cr_assert_answer(d.db, "select rejected from isthmus.instance where sop_instance_uid = '1.1'",
                     "2");
    db_free(other.db);
    db_free(watch);
}

Test(status, a_rejected_instance_comes_back_only_for_the_titles_given)
{
    static const struct arrival arrivals[] = {
        {{AT("1.1", "3.1")}, NULL},
        {{AT("1.7", "3.7"), IS_NOTE("113039")}, "[" EVIDENCE("1.1") "]"},
        {{AT("1.8", "3.7"), IS_NOTE("113037")}, "[" EVIDENCE("1.1") "]"},
        {{AT("1.9", "3.7"), IS_NOTE("113001")}, "[" EVIDENCE("1.8") "]"},
    };

    (void)arrive(&arrivals[0], 1);
    (void)arrive(&arrivals[1], 2);
    (void)arrive(&arrivals[2], 3);
    cr_assert_answer(d.db, "select isthmus.restore_instance('1.1', 8)", "f");
    cr_assert_eq(arrive(&arrivals[0], 9), INDEX_REJECTED);
    (void)arrive(&arrivals[3], 4);
    cr_assert_answer(d.db, "select isthmus.restore_instance('1.1', 8)", "t");
    cr_assert_answer(d.db, index_text,
                     "1.1:0 1.7:128 1.8:33 1.9:16 series 3.1:0/0/1 3.7:3/0/3 study 3/0/4 flags -");
    cr_assert_eq(arrive(&arrivals[0], 9), INDEX_DUPLICATE);
}
