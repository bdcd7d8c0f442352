#include "fhir/node.h"
#include "fhir/order_mark.h"
#include "fhir/pool.h"
#include "fhir/when.h"
#include "store/base/cleanup.h"

#include <criterion/criterion.h>

Test(when, an_instant_is_seconds_since_1970)
{
    static const struct {
        const char *text;
        int64_t s; /* -1: it is none */
    } rows[] = {
        {"1970-01-01T00:00:07Z", 7},
        {"1970-01-01T01:00:07.999+01:00", 7},
        {"1969-12-31T22:30:00-01:30", 0},
        {"2026-02-28T23:59:59.123456Z", 1772323199},
        {"2026-02-30T00:00:00Z", -1},
        {"2026-02-28", -1},
        {"2026-02-28T00:00:00", -1},
        {"2026-02-28T00:00:00Zz", -1},
        {"", -1},
        {"soon", -1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t s = -1;

        cr_assert_eq(when_instant(rows[i].text, &s), rows[i].s >= 0, "row %zu", i);
        cr_assert_eq(s, rows[i].s, "row %zu", i);
    }
}

static json_t *task_of(const char *id, const char *updated)
{
    return json_pack("{s:s, s:s, s:{s:s}}", "resourceType", "Task", "id", id, "meta", "lastUpdated",
                     updated);
}

Test(order_mark, it_is_never_later_than_the_beginning_of_the_search)
{
    struct order_mark m = {.type = "Task"};
    static const char *const times[] = {"1970-01-01T00:01:40+00:00", "1970-01-01T01:01:20+01:00",
                                        "1970-01-01T00:01:40.5Z", "nonsense"};

    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        _cleanup_json_ json_t *task = task_of("1", times[i]);

        order_mark_note(&m, task);
    }
    cr_assert_eq(m.newest_s, 100);
    cr_assert_eq(order_mark_reached(&m, 0), 100);
    cr_assert_eq(order_mark_reached(&m, 101), 100);
    cr_assert_eq(order_mark_reached(&m, 99), 99);
}

Test(order_mark, another_type_is_not_noted)
{
    struct order_mark m = {.type = "Patient"};
    _cleanup_json_ json_t *task = task_of("1", "1970-01-01T00:01:40Z");

    order_mark_note(&m, task);
    cr_assert_eq(order_mark_reached(&m, 50), 0);
}

Test(order_mark, it_is_asked_for_in_utc)
{
    _cleanup_free_ char *query = order_mark_query(1772323199);

    cr_assert_str_eq(query, "_lastUpdated=ge2026-02-28T23%3A59%3A59Z");
}

Test(pool, of_two_versions_the_one_that_was_updated_later_stays)
{
    static const struct {
        const char *first, *second;
        bool second_stays;
    } rows[] = {
        {"2026-01-01T10:00:00Z", "2026-01-01T10:00:01Z", true},
        {"2026-01-01T10:00:01Z", "2026-01-01T10:00:00Z", false},
        {"2026-01-01T10:00:00.2Z", "2026-01-01T10:00:00.1Z", false},
        {"2026-01-01T10:00:00Z", "2026-01-01T10:30:00+01:00", false},
        {"2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z", true},
        {"2026-01-01T10:00:00Z", "nonsense", true},
    };
    _cleanup_json_ json_t *reference = json_pack("{s:s}", "reference", "Task/1");

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pool *pool = pool_new(NULL, NULL, NULL);
        _cleanup_json_ json_t *first = task_of("1", rows[i].first);
        _cleanup_json_ json_t *second = task_of("1", rows[i].second);

        pool_add(pool, NULL, first);
        pool_add(pool, NULL, second);
        cr_assert_eq(pool_find(pool, NULL, reference), rows[i].second_stays ? second : first,
                     "row %zu", i);
        cr_assert(pool_has(pool, "Task/1") && !pool_has(pool, "Task/2"));
        (void)pool_free(pool);
    }
}
