#include "store/base/datetime.h"

#include <criterion/criterion.h>
#include <errno.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

Test(datetime, dates_are_read_whole_partial_and_in_the_old_form)
{
    static const struct {
        const char *text;
        struct date date;
    } rows[] = {
        {"20260314", {2026, 3, 14}},  {"2026.03.14", {2026, 3, 14}}, {" 20260314 ", {2026, 3, 14}},
        {"20240229", {2024, 2, 29}},  {"20000229", {2000, 2, 29}},   {"20260300", {2026, 3, 0}},
        {"20260000", {2026, 0, 0}},   {"00010101", {1, 1, 1}},       {"20261231", {2026, 12, 31}},
        {"2026.00.00", {2026, 0, 0}},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct date d = {-1, -1, -1};

        cr_assert_eq(date_parse(rows[i].text, &d), 0, "%s", rows[i].text);
        cr_assert_eq(d.year, rows[i].date.year, "%s", rows[i].text);
        cr_assert_eq(d.month, rows[i].date.month, "%s", rows[i].text);
        cr_assert_eq(d.day, rows[i].date.day, "%s", rows[i].text);
    }
}

Test(datetime, what_is_no_date_is_refused_and_leaves_the_result_alone)
{
    static const char *const rows[] = {
        "",          "2026",      "202603",      "2026031",  "202603140", "00000000",   "20260631",
        "20250229",  "19000229",  "20261301",    "20260132", "20260014",  "2026-03-14", "2026.0314",
        "202603.14", "2026.03.1", "2026.03.14.", "2O260314", "20260314-", "+2026031",   "today",
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct date d = {7, 7, 7};

        cr_assert_eq(date_parse(rows[i], &d), -EINVAL, "%s", rows[i]);
        cr_assert_eq(d.year, 7);
    }
}

Test(datetime, times_keep_the_precision_that_was_given)
{
    static const struct {
        const char *text;
        struct daytime time;
    } rows[] = {
        {"10", {10, -1, -1, ""}},
        {"1017", {10, 17, -1, ""}},
        {"101730", {10, 17, 30, ""}},
        {"101730.5", {10, 17, 30, "5"}},
        {"101730.123450", {10, 17, 30, "123450"}},
        {"000000", {0, 0, 0, ""}},
        {"235959.999999", {23, 59, 59, "999999"}},
        {"10:17:30", {10, 17, 30, ""}},
        {"10:17", {10, 17, -1, ""}},
        {"10:17:30.25", {10, 17, 30, "25"}},
        {"235960", {23, 59, 59, ""}},
        {"235960.7", {23, 59, 59, ""}},
        {"  101730  ", {10, 17, 30, ""}},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct daytime t = {-7, -7, -7, "x"};

        cr_assert_eq(daytime_parse(rows[i].text, &t), 0, "%s", rows[i].text);
        cr_assert_eq(t.hour, rows[i].time.hour, "%s", rows[i].text);
        cr_assert_eq(t.minute, rows[i].time.minute, "%s", rows[i].text);
        cr_assert_eq(t.second, rows[i].time.second, "%s", rows[i].text);
        cr_assert_str_eq(t.fraction, rows[i].time.fraction, "%s", rows[i].text);
    }
}

Test(datetime, what_is_no_time_is_refused)
{
    static const char *const rows[] = {
        "",        "1",       "101",     "10173",          "24",     "240000", "1060",
        "101761",  "101730.", "10173.5", "101730.1234567", "10:17:", "10:",    ":10",
        "10:1730", "1017:30", "101730Z", "101730-120000",  "1a",     "-1",     "101730.5.5",
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct daytime t;

        cr_assert_eq(daytime_parse(rows[i], &t), -EINVAL, "%s", rows[i]);
    }
}

Test(datetime, offsets_are_minutes_east_within_the_limits_of_the_standard)
{
    static const struct {
        const char *text;
        int minutes;
    } rows[] = {
        {"+0000", 0},
        {"+0100", 60},
        {"-0500", -300},
        {"+0530", 330},
        {"-1200", -720},
        {"+1400", 840},
        {" +0100 ", 60},
        {"-0030", -30},
        {"-0000", OFFSET_UNKNOWN},
        {"-1201", OFFSET_UNKNOWN},
        {"+1401", OFFSET_UNKNOWN},
        {"+0160", OFFSET_UNKNOWN},
        {"0100", OFFSET_UNKNOWN},
        {"+100", OFFSET_UNKNOWN},
        {"+01:00", OFFSET_UNKNOWN},
        {"", OFFSET_UNKNOWN},
        {"Z", OFFSET_UNKNOWN},
        {"+01000", OFFSET_UNKNOWN},
        {"+", OFFSET_UNKNOWN},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        cr_assert_eq(offset_parse(rows[i].text), rows[i].minutes, "%s", rows[i].text);
}

Test(datetime, a_date_time_may_end_anywhere_and_bring_its_offset)
{
    static const struct {
        const char *text;
        struct date date;
        int hour, minute, second, offset;
        const char *fraction;
    } rows[] = {
        {"2026", {2026, 0, 0}, -1, -1, -1, OFFSET_UNKNOWN, ""},
        {"202603", {2026, 3, 0}, -1, -1, -1, OFFSET_UNKNOWN, ""},
        {"20260314", {2026, 3, 14}, -1, -1, -1, OFFSET_UNKNOWN, ""},
        {"2026031410", {2026, 3, 14}, 10, -1, -1, OFFSET_UNKNOWN, ""},
        {"202603141015", {2026, 3, 14}, 10, 15, -1, OFFSET_UNKNOWN, ""},
        {"20260314101530", {2026, 3, 14}, 10, 15, 30, OFFSET_UNKNOWN, ""},
        {"20260314101530.123456+0100", {2026, 3, 14}, 10, 15, 30, 60, "123456"},
        {"2026-0500", {2026, 0, 0}, -1, -1, -1, -300, ""},
        {"202603141015+0000 ", {2026, 3, 14}, 10, 15, -1, 0, ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct date d;
        struct daytime t;
        int offset;

        cr_assert_eq(datetime_parse(rows[i].text, &d, &t, &offset), 0, "%s", rows[i].text);
        cr_assert(d.year == rows[i].date.year && d.month == rows[i].date.month &&
                      d.day == rows[i].date.day,
                  "%s", rows[i].text);
        cr_assert(t.hour == rows[i].hour && t.minute == rows[i].minute &&
                      t.second == rows[i].second,
                  "%s", rows[i].text);
        cr_assert_eq(offset, rows[i].offset, "%s", rows[i].text);
        cr_assert_str_eq(t.fraction, rows[i].fraction, "%s", rows[i].text);
    }
}

Test(datetime, what_is_no_date_time_is_refused)
{
    static const char *const rows[] = {
        "",
        "202",
        "20261",
        "2026031",
        "20260314246060",
        "202613",
        "20260314101530.",
        "20260314+01",
        "20260314-0000",
        "20260631",
        "0000",
        "2026030010",
        "20260314101530X",
        "2026031410:15",
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct date d;
        struct daytime t;
        int offset;

        cr_assert_eq(datetime_parse(rows[i], &d, &t, &offset), -EINVAL, "%s", rows[i]);
    }
}
