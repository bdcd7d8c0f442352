#include "store/base/datetime.h"
#include "store/query_match.h"

#include <criterion/criterion.h>
#include <inttypes.h>

#define NONE_LOW KEY_UNBOUNDED_LOW
#define NONE_HIGH KEY_UNBOUNDED_HIGH
#define HOUR INT64_C(3600000000)
#define MINUTE INT64_C(60000000)
#define SECOND INT64_C(1000000)

struct row {
    const char *text;
    bool valid;
    int64_t low, high;
};

static void check(enum key_kind kind, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct key_value v = {.low = -1, .high = -1};
        bool valid = key_range_take(kind, rows[i].text, &v);

        cr_assert_eq(valid, rows[i].valid, "%s", rows[i].text);
        if (!valid)
            continue;
        cr_assert_eq(v.low, rows[i].low, "%s: from %" PRId64, rows[i].text, v.low);
        cr_assert_eq(v.high, rows[i].high, "%s: to %" PRId64, rows[i].text, v.high);
    }
}

Test(query_range, dates_are_days_or_ranges_of_days)
{
    static const struct row rows[] = {
        {"20260131", true, 20260131, 20260131},
        {"2026.01.31", true, 20260131, 20260131},
        {"20260131-", true, 20260131, NONE_HIGH},
        {"-20260131", true, NONE_LOW, 20260131},
        {"20260131-20260201", true, 20260131, 20260201},
        {"20260201-20260131", true, 20260201, 20260131}, /* no day */
        {"2026.01.31-2026.02.01", true, 20260131, 20260201},
        {"20260131 - 20260201", true, 20260131, 20260201},
        {"20240229", true, 20240229, 20240229},
        {"20260229", false, 0, 0},
        {"20260100", false, 0, 0},
        {"202601", false, 0, 0},
        {"2026", false, 0, 0},
        {"-", false, 0, 0},
        {" - ", false, 0, 0},
        {"", false, 0, 0},
        {"*", false, 0, 0},
        {"2026*", false, 0, 0},
        {"20260131-20260201-", false, 0, 0},
        {"20260131--20260201", false, 0, 0},
        {"today", false, 0, 0},
    };

    check(KEY_DATE, rows, sizeof rows / sizeof *rows);
}

Test(query_range, times_last_as_long_as_their_precision_says)
{
    static const struct row rows[] = {
        {"10", true, 10 * HOUR, 11 * HOUR - 1},
        {"1030", true, 10 * HOUR + 30 * MINUTE, 10 * HOUR + 31 * MINUTE - 1},
        {"103015", true, 10 * HOUR + 30 * MINUTE + 15 * SECOND,
         10 * HOUR + 30 * MINUTE + 16 * SECOND - 1},
        {"103015.5", true, 10 * HOUR + 30 * MINUTE + 15 * SECOND + 500000,
         10 * HOUR + 30 * MINUTE + 15 * SECOND + 599999},
        {"103015.123456", true, 10 * HOUR + 30 * MINUTE + 15 * SECOND + 123456,
         10 * HOUR + 30 * MINUTE + 15 * SECOND + 123456},
        {"10:30:15", true, 10 * HOUR + 30 * MINUTE + 15 * SECOND,
         10 * HOUR + 30 * MINUTE + 16 * SECOND - 1},
        {"235960", true, 24 * HOUR - SECOND, 24 * HOUR - 1},
        {"10-", true, 10 * HOUR, NONE_HIGH},
        {"-10", true, NONE_LOW, 11 * HOUR - 1},
        {"10-1030", true, 10 * HOUR, 10 * HOUR + 31 * MINUTE - 1},
        {"1000-1000", true, 10 * HOUR, 10 * HOUR + MINUTE - 1},
        {"24", false, 0, 0},
        {"1060", false, 0, 0},
        {"1", false, 0, 0},
        {"103", false, 0, 0},
        {"1030*", false, 0, 0},
        {"-", false, 0, 0},
    };

    check(KEY_TIME, rows, sizeof rows / sizeof *rows);
}

Test(query_range, a_hyphen_of_an_offset_is_no_range)
{
    static const struct {
        const char *text, *low, *high; /* the same moments as single values; NULL: unbounded */
        int low_offset, high_offset;
    } rows[] = {
        {"20260131", "20260131", "20260131", OFFSET_UNKNOWN, OFFSET_UNKNOWN},
        {"20260131-0500", "20260131", "20260131", -300, -300},
        {"2026-0500", "2026", "2026", -300, -300},
        {"20260131-0500-", "20260131", NULL, -300, OFFSET_UNKNOWN},
        {"-20260131-0500", NULL, "20260131", OFFSET_UNKNOWN, -300},
        {"20260131-0500-20260201-0500", "20260131", "20260201", -300, -300},
        {"20260131+0100-20260201-0500", "20260131", "20260201", 60, -300},
        {"20260131-20260201", "20260131", "20260201", OFFSET_UNKNOWN, OFFSET_UNKNOWN},
        {"20260131-20260201+0530", "20260131", "20260201", OFFSET_UNKNOWN, 330},
        {"2025-2026", "2025", "2026", OFFSET_UNKNOWN, OFFSET_UNKNOWN},
        {"202601311030-", "202601311030", NULL, OFFSET_UNKNOWN, OFFSET_UNKNOWN},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct key_value v = {0}, low = {.low = NONE_LOW}, high = {.high = NONE_HIGH};

        cr_assert(key_range_take(KEY_DATETIME, rows[i].text, &v), "%s", rows[i].text);
        if (rows[i].low)
            cr_assert(key_range_take(KEY_DATETIME, rows[i].low, &low));
        if (rows[i].high)
            cr_assert(key_range_take(KEY_DATETIME, rows[i].high, &high));
        cr_assert_eq(v.low, low.low, "%s", rows[i].text);
        cr_assert_eq(v.high, high.high, "%s", rows[i].text);
        cr_assert_eq(v.low_offset, rows[i].low_offset, "%s", rows[i].text);
        cr_assert_eq(v.high_offset, rows[i].high_offset, "%s", rows[i].text);
    }
}

Test(query_range, moments_are_counted_from_1970)
{
    static const struct row rows[] = {
        {"19700101", true, 0, 24 * HOUR - 1},
        {"1970", true, 0, 365 * 24 * HOUR - 1},
        {"197002", true, 31 * 24 * HOUR, 59 * 24 * HOUR - 1},
        {"196912", true, -31 * 24 * HOUR, -1},
        {"20000229", true, INT64_C(951782400) * SECOND, INT64_C(951868800) * SECOND - 1},
        {"20260131103015.25", true, INT64_C(1769855415) * SECOND + 250000,
         INT64_C(1769855415) * SECOND + 259999},
        {"20261301", false, 0, 0},
        {"2026-", true, INT64_C(1767225600) * SECOND, NONE_HIGH},
        {"20260131T10", false, 0, 0},
        {"-", false, 0, 0},
    };

    check(KEY_DATETIME, rows, sizeof rows / sizeof *rows);
}

Test(query_range, a_value_of_no_date_has_no_place)
{
    static const char *const rows[] = {"20260200", "20260000", "x", "", "20260231"};
    int64_t at;
    int offset;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_not(key_range_place(KEY_DATE, rows[i], &at, &offset), "%s", rows[i]);
    cr_assert(key_range_place(KEY_DATETIME, "20260131+0100", &at, &offset));
    cr_assert_eq(offset, 60);
}
