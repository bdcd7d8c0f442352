/* Thousands of generated queries: the index and a matcher written from the standard find the same.
 * ISTHMUS_TEST_SEED makes others. */
#include "tests/db/query_help.h"
#include "tests/db/query_keys.h"

#define QUERIES 3000

static struct database made;

/* --- Storing -------------------------------------------------------------------------------- */

static void store_series(const struct made_study *s, unsigned study, unsigned series)
{
    char uid[64];
    struct instance i = {.blob_id = study * 10 + series + 1, .size_bytes = 1};
    enum index_result result;

    (void)snprintf(uid, sizeof uid, "1.%u", study);
    i.study_instance_uid = strdup(uid);
    (void)snprintf(uid, sizeof uid, "1.%u.%u", study, series);
    i.series_instance_uid = strdup(uid);
    (void)snprintf(uid, sizeof uid, "1.%u.%u.1", study, series);
    i.sop_instance_uid = strdup(uid);
    i.sop_class_uid = strdup("1.2.840.10008.5.1.4.1.1.2");
    i.transfer_syntax_uid = strdup("1.2.840.10008.1.2.1");
    i.attributes[LEVEL_PATIENT] =
        json_of_values((char(*)[VALUE_MAX])s->patient->value, LEVEL_PATIENT);
    i.attributes[LEVEL_STUDY] = json_of_values((char(*)[VALUE_MAX])s->value, LEVEL_STUDY);
    i.attributes[LEVEL_SERIES] =
        json_of_values((char(*)[VALUE_MAX])s->series[series], LEVEL_SERIES);
    i.attributes[LEVEL_INSTANCE] = json_object();
    if (s->n_codes)
        add_json(i.attributes[LEVEL_STUDY], PROCEDURE_CODES, json_of_codes(s));
    cr_assert_eq(index_put(made.db, NULL, &i, &result, NULL), 0, "%s", db_problem(made.db));
    cr_assert_eq(result, INDEX_STORED);
    instance_done(&i);
}

static uint64_t seed(void)
{
    const char *given = getenv("ISTHMUS_TEST_SEED");

    return given ? strtoull(given, NULL, 10) : 20260701;
}

static void fill(void)
{
    made = make_database();
    make_population(seed());
    for (unsigned i = 0; i < STUDIES; i++)
        for (unsigned j = 0; j < made_studies[i].n_series; j++)
            store_series(&made_studies[i], i, j);
    run_sql(made.db, "analyze");
}

static void empty(void)
{
    drop_database(&made);
}

TestSuite(query_generated, .init = fill, .fini = empty);

/* --- Both answers --------------------------------------------------------------------------- */

static json_t *code_key(const char *value, const char *meaning)
{
    json_t *item = json_object();

    add_json(item, CODE_VALUE, json_of_text("SH", value));
    add_json(item, CODE_MEANING, json_of_text("LO", meaning));
    return json_pack("{s:s,s:[o]}", "vr", "SQ", "Value", item);
}

static json_t *identifier_of(const struct made_query *q)
{
    json_t *identifier = make_identifier(q->of_series ? "SERIES" : "STUDY", "{\"0020000D\":\"\"}");

    for (unsigned i = 0; i < q->n; i++) {
        size_t attribute = q->attribute[i];

        if (attribute == CODES)
            add_json(identifier, PROCEDURE_CODES, code_key(q->key[i], q->meaning));
        else
            add_json(identifier,
                     attribute == MODALITIES ? 0x00080061 : made_attributes[attribute].tag,
                     json_of_text(vr_of(attribute), q->key[i]));
    }
    return identifier;
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

/* C.2.2.2.6: one item has all that the key's item asks for. */
static bool codes_match(const struct made_query *q, unsigned n, const struct made_study *s)
{
    if (ref_asks_nothing("SH", q->key[n], &q->options) &&
        ref_asks_nothing("LO", q->meaning, &q->options))
        return true;
    for (unsigned i = 0; i < s->n_codes; i++)
        if (ref_matches("SH", q->key[n], s->code_value[i], &q->options) &&
            ref_matches("LO", q->meaning, s->code_meaning[i], &q->options))
            return true;
    return false;
}

/* The key of @date's time, when both are one range; else q->n. */
static unsigned time_of(const struct made_query *q, size_t date)
{
    for (unsigned i = 0; q->options.combined_datetime && i < q->n; i++)
        if (date < ATTRIBUTES && strcmp(vr_of(date), "DA") == 0 && q->attribute[i] == date + 1 &&
            strcmp(vr_of(date + 1), "TM") == 0)
            return i;
    return q->n;
}

static bool is_one(const char *key)
{
    return *key && !strpbrk(key, "\\*") && strcmp(key, "\"\"") != 0;
}

static bool combined(const struct made_query *q, unsigned date, unsigned time, unsigned study,
                     unsigned series)
{
    const char *day = stored_value(q->attribute[date], study, series);

    return *day && ref_combined(q->key[date], q->key[time], day,
                                stored_value(q->attribute[time], study, series));
}

/* What the reference says about one study or series. */
static bool expected(const struct made_query *q, unsigned study, unsigned series)
{
    bool done[KEYS_MAX] = {false};

    for (unsigned i = 0; i < q->n; i++) {
        unsigned time = time_of(q, q->attribute[i]);

        if (time == q->n || !is_one(q->key[i]) || !is_one(q->key[time]))
            continue;
        if (!combined(q, i, time, study, series))
            return false;
        done[i] = done[time] = true;
    }
    for (unsigned i = 0; i < q->n; i++) {
        if (done[i])
            continue;
        if (q->attribute[i] == CODES
                ? !codes_match(q, i, &made_studies[study])
                : !ref_matches(vr_of(q->attribute[i]), q->key[i],
                               or_null(stored_value(q->attribute[i], study, series)), &q->options))
            return false;
    }
    return true;
}

/* Which study (or series) an answer is about, as an index of a table of both. */
static size_t place_of(const struct made_query *q, const json_t *answer)
{
    unsigned study, series = 0;
    const char *uid = text_of(answer, q->of_series ? "0020000E" : "0020000D");
    int n = sscanf(uid, "1.%u.%u", &study, &series);

    cr_assert_eq(n, q->of_series ? 2 : 1, "%s", uid);
    return study * SERIES_MAX + series;
}

/* @ret_telling: it finds something, but not everything. */
static size_t compare(unsigned number, const struct made_query *q, bool *ret_telling)
{
    static unsigned char found_in_index[STUDIES * SERIES_MAX];
    json_t *identifier = identifier_of(q), *all = answers(made.db, identifier, &q->options),
           *answer;
    size_t i, differences = 0;

    memset(found_in_index, 0, sizeof found_in_index);
    json_array_foreach (all, i, answer)
        found_in_index[place_of(q, answer)]++;
    for (unsigned study = 0; study < STUDIES; study++)
        for (unsigned series = 0; series < (q->of_series ? made_studies[study].n_series : 1);
             series++) {
            unsigned wanted = expected(q, study, series);
            unsigned got = found_in_index[study * SERIES_MAX + series];

            if (wanted == got)
                continue;
            if (differences++ == 0) {
                char *text = json_dumps(identifier, JSON_COMPACT);
                char *patient = json_dumps(
                    json_of_values((char(*)[VALUE_MAX])made_studies[study].patient->value,
                                   LEVEL_PATIENT),
                    JSON_COMPACT);

                cr_log_error("seed %llu query %u fuzzy %d combined %d empty %d: %s finds 1.%u.%u "
                             "%u times, not %u; first value '%s' of %s",
                             (unsigned long long)seed(), number, q->options.fuzzy_names,
                             q->options.combined_datetime, q->options.empty_value, text, study,
                             series, got, wanted, stored_value(q->attribute[0], study, series),
                             patient);
                free(patient);
                free(text);
            }
        }
    *ret_telling = json_array_size(all) > 0 && json_array_size(all) < STUDIES;
    json_decref(all);
    json_decref(identifier);
    return differences;
}

Test(query_generated, the_index_finds_what_the_standard_says)
{
    size_t failed = 0, telling = 0;

    for (unsigned i = 0; i < QUERIES; i++) {
        struct made_query q;
        bool finds;

        make_query(&q);
        failed += compare(i, &q, &finds) > 0;
        telling += finds;
    }
    cr_assert_eq(failed, 0, "%zu of %d queries differ", failed, QUERIES);
    cr_assert_gt(telling, QUERIES / 2, "only %zu queries find something", telling);
}
