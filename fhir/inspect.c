#include "fhir/inspect.h"
#include "fhir/bundle.h"
#include "fhir/client.h"
#include "fhir/coverage.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/order_look.h"
#include "fhir/reading.h"
#include "fhir/target.h"
#include "fhir/trial.h"
#include "store/base/cleanup.h"
#include "store/study.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FINE = 0, WRONG = 1, USAGE = 2, CANNOT = 3 };

/* One target with the database beside it. */
struct desk {
    struct settings settings;
    struct target *target;
    struct db *db;
    bool has_settings;
};

static void desk_done(struct desk *d)
{
    d->target = target_free(d->target);
    (void)db_free(d->db);
    if (d->has_settings)
        settings_done(&d->settings);
}

static int say(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int say(int code, const char *format, ...)
{
    va_list arguments;

    (void)fputs("isthmus-fhir: ", stderr);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    return code;
}

static int find_target(const struct conf *c, const char *name, size_t *ret)
{
    size_t n = settings_count(c);

    for (size_t i = 0; i < n; i++)
        if (!name || strcmp(conf_title(c, "target", i), name) == 0) {
            *ret = i;
            return FINE;
        }
    return name ? say(USAGE, "no target is called %s in the configuration", name)
                : say(USAGE, "no target is configured");
}

static int open_desk(const struct conf *c, const char *name, struct desk *ret)
{
    _cleanup_free_ char *message = NULL;
    size_t index = 0;
    int code = find_target(c, name, &index);

    if (code != FINE)
        return code;
    if (settings_read(c, index, &ret->settings, &message) < 0)
        return say(USAGE, "%s", message);
    ret->has_settings = true;
    if (client_begin() < 0 || target_new(&ret->settings, &ret->target, &message) < 0)
        return say(CANNOT, "%s", message ? message : "libcurl cannot be used");
    if (db_new_conf(c, "isthmus-fhir", &ret->db) < 0)
        return say(CANNOT, "database.conninfo is not usable");
    return FINE;
}

/* The release that Bundles for the target are of: @wanted, else what the target says. */
static int settle_release(struct desk *d, const char *wanted)
{
    struct answer answer;
    int code = FINE;

    if (wanted) {
        d->target->mapping.release = strcmp(wanted, "R4") == 0 ? RELEASE_R4 : RELEASE_R5;
        return FINE;
    }
    d->target->kind->check(d->target, &answer);
    if (answer.verdict != VERDICT_DONE)
        code = say(CANNOT, "the release of %s is not known: %s; say --release R4 or R5",
                   d->settings.name, answer.reason);
    answer_done(&answer);
    return code;
}

static int load(struct desk *d, int64_t key, struct study **ret)
{
    int r = study_load(d->db, key, ret);

    return r < 0 ? say(CANNOT, "the study cannot be read from the index: %s", db_problem(d->db))
                 : FINE;
}

static int find_study(struct desk *d, const char *uid, int64_t *ret)
{
    int r = study_find(d->db, uid, ret);

    if (r == -ENOENT)
        return say(WRONG, "the study is not in the index");
    return r < 0 ? say(CANNOT, "the database is away: %s", db_problem(d->db)) : FINE;
}

int inspect_show(const struct conf *c, const struct inspection *i)
{
    _cleanup_(desk_done) struct desk d = {0};
    _cleanup_json_ json_t *bundle = NULL;
    struct study *study = NULL;
    int64_t key = 0;
    int code = open_desk(c, i->target, &d);

    if (code == FINE)
        code = settle_release(&d, i->release);
    if (code == FINE)
        code = find_study(&d, i->study, &key);
    if (code == FINE)
        code = load(&d, key, &study);
    if (code != FINE)
        return code;
    const struct mapping *m = &d.target->mapping;
    if (bundle_build(m, study, bundle_form(m, study), &bundle) < 0)
        code = say(WRONG, "the Study Instance UID is not a UID: nothing can be published");
    else if (json_dumpf(bundle, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) < 0 ||
             puts("") < 0)
        code = CANNOT;
    (void)study_free(study);
    return code;
}

/* --- coverage --- */

static int add_study(struct desk *d, int64_t key, struct coverage *coverage)
{
    const struct mapping *m = &d->target->mapping;
    _cleanup_json_ json_t *bundle = NULL;
    struct study *study = NULL;
    int code = load(d, key, &study);

    if (code != FINE)
        return code;
    if (bundle_build(m, study, bundle_form(m, study), &bundle) == 0)
        coverage_add(coverage, m->release, study, bundle);
    (void)study_free(study);
    return FINE;
}

/* A person who waits is told how far it is. */
static void show_progress(unsigned done, int64_t key, int64_t last)
{
    if (isatty(STDERR_FILENO) && (done % 16 == 0 || key == last))
        (void)fprintf(stderr, "\r%u studies, %lld of %lld%s", done, (long long)key, (long long)last,
                      key == last ? "\n" : "");
}

static int last_study(struct desk *d, int64_t *ret)
{
    int r = study_last(d->db, ret);

    return r < 0 ? say(CANNOT, "the database is away: %s", db_problem(d->db)) : FINE;
}

static int add_all(struct desk *d, struct coverage *coverage)
{
    int64_t key = 0, last = 0;
    int code = last_study(d, &last);

    while (code == FINE && study_next(d->db, key, &key) == 0) {
        code = add_study(d, key, coverage);
        show_progress(coverage->studies, key, last);
    }
    return code;
}

static void print_report(const json_t *report)
{
    size_t i, a;
    const json_t *row, *attribute, *flaw;

    json_array_foreach (json_object_get(report, "rows"), i, row) {
        const char *why = node_get_text(row, "why");
        (void)printf("%2lld  %-52.52s %6lld ", json_integer_value(json_object_get(row, "number")),
                     node_get_text(row, "path"),
                     json_integer_value(json_object_get(row, "studies")));
        json_array_foreach (json_object_get(row, "attributes"), a, attribute)
            (void)printf(" %s:%lld", node_get_text(attribute, "tag"),
                         json_integer_value(json_object_get(attribute, "studies")));
        (void)printf("%s%s\n", why ? "  " : "", why ? why : "");
    }
    json_array_foreach (json_object_get(report, "flaws"), i, flaw)
        (void)printf("%lld values left out: %s %s\n",
                     json_integer_value(json_object_get(flaw, "values")),
                     node_get_text(flaw, "tag"), node_get_text(flaw, "reason"));
    (void)printf(
        "%s, %lld studies: %lld of %d paths, %lld of %d attributes\n",
        node_get_text(report, "release"), json_integer_value(json_object_get(report, "studies")),
        json_integer_value(json_object_get(report, "pathsFilled")), COVERAGE_PATHS,
        json_integer_value(json_object_get(report, "attributesPresent")), COVERAGE_ATTRIBUTES);
}

int inspect_coverage(const struct conf *c, const struct inspection *i)
{
    _cleanup_(desk_done) struct desk d = {0};
    struct coverage coverage = {0};
    int64_t key = 0;
    int code = open_desk(c, i->target, &d);

    if (code == FINE)
        code = settle_release(&d, i->release);
    if (code == FINE && i->study)
        code = find_study(&d, i->study, &key);
    if (code == FINE)
        code = i->study ? add_study(&d, key, &coverage) : add_all(&d, &coverage);
    if (code != FINE)
        return code;
    _cleanup_json_ json_t *report = coverage_report(&coverage, d.target->mapping.release);
    if (!i->json)
        print_report(report);
    else if (json_dumpf(report, stdout, JSON_INDENT(2)) < 0 || puts("") < 0)
        return CANNOT;
    return FINE;
}

static int say_answer(const struct desk *d, const char *what, const struct answer *a)
{
    return say(a->verdict == VERDICT_WAIT || a->verdict == VERDICT_LATER ? CANNOT : WRONG,
               "%s: %s%s%s%s", d->settings.name, what, a->reason, a->words ? "\n" : "",
               a->words ? a->words : "");
}

static int validate(const struct desk *d)
{
    _cleanup_json_ json_t *bundle = trial_bundle(&d->target->mapping);
    struct answer answer;
    int code = FINE;

    d->target->kind->validate(d->target, bundle, &answer);
    if (answer.verdict == VERDICT_DONE)
        (void)printf("%s: $validate of a made-up study: %s\n", d->settings.name, answer.reason);
    else
        code = say_answer(d, "$validate of a made-up study: ", &answer);
    answer_done(&answer);
    return code;
}

int inspect_target(const struct conf *c, const struct inspection *i)
{
    _cleanup_(desk_done) struct desk d = {0};
    struct answer answer;
    int code = open_desk(c, i->target, &d);

    if (code != FINE)
        return code;
    d.target->kind->check(d.target, &answer);
    if (answer.verdict != VERDICT_DONE)
        code = say_answer(&d, "", &answer);
    answer_done(&answer);
    if (code != FINE)
        return code;
    (void)printf("%s: %s can be published to, as %s\n", d.settings.name, d.settings.description,
                 release_name(d.target->mapping.release));
    return d.target->kind->validate ? validate(&d) : FINE;
}

static int look_once(struct order_look *l, bool json)
{
    const struct order_intake *in = &l->intake;
    struct answer answer = {0};
    int r = order_look(l, &answer), code = FINE;

    if (r < 0)
        code = say(CANNOT, "orders cannot be read: %s",
                   r == -ECONNABORTED ? answer.reason : db_problem(l->db));
    answer_done(&answer);
    (void)printf(json ? "{\"read\": %lld, \"put\": %lld, \"new\": %lld, \"changed\": %lld, "
                        "\"deleted\": %lld, \"refused\": %zu}\n"
                      : "%lld orders read, %lld put: %lld new, %lld changed, %lld deleted on the "
                        "server, %zu refused\n",
                 in->read, in->put, in->created, in->updated, l->gone,
                 json_object_size(in->refused));
    return code == FINE && json_object_size(in->refused) > 0 ? WRONG : code;
}

int inspect_orders(const struct conf *c, const struct inspection *i)
{
    _cleanup_(desk_done) struct desk d = {0};
    _cleanup_free_ char *message = NULL;
    struct worklist_options options = worklist_options_of(c);
    struct order_rules rules;
    struct order_look l;
    int code = open_desk(c, i->target, &d);

    if (code != FINE)
        return code;
    if (d.settings.directory)
        return say(USAGE, "%s is a directory; orders come from a url", d.settings.name);
    settings_orders(c, &rules);
    code = order_look_open(d.db, &d.settings, &rules, &options, &l, &message) < 0
               ? say(USAGE, "orders cannot be read: %s", message)
               : look_once(&l, i->json);
    order_look_close(&l);
    return code;
}
