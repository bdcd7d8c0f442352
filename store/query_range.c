#include "store/base/datetime.h"
#include "store/query_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000)
#define DAY (24 * 60 * 60 * SECOND)
#define RANGE_TEXT_MAX 64 /* two DT with a hyphen have 53 characters */

/* From when to when a date or time lasts that is given with some precision. */
struct span {
    int64_t low, high;
    int offset;
};

/* Days since 1970-01-01 in the Gregorian calendar. Years begin in March, so that the day that
 * comes and goes is their last. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t era = y / 400, of_era = y % 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t microseconds(const char *fraction, char filler)
{
    char digits[7] = "";

    memset(digits, filler, 6);
    memcpy(digits, fraction, strnlen(fraction, 6));
    return strtoll(digits, NULL, 10);
}

static struct span span_of_time(const struct daytime *t)
{
    struct span s = {0, 0, OFFSET_UNKNOWN};
    int hour = t->hour < 0 ? 0 : t->hour, last_hour = t->hour < 0 ? 23 : t->hour;
    int minute = t->minute < 0 ? 0 : t->minute, last_minute = t->minute < 0 ? 59 : t->minute;
    int second = t->second < 0 ? 0 : t->second, last_second = t->second < 0 ? 59 : t->second;

    s.low = ((hour * 60 + minute) * 60 + second) * SECOND + microseconds(t->fraction, '0');
    s.high = ((last_hour * 60 + last_minute) * 60 + last_second) * SECOND +
             microseconds(t->fraction, '9');
    return s;
}

static struct span span_of_moment(const struct date *d, const struct daytime *t, int offset)
{
    struct span s = span_of_time(t);
    int year = d->year, month = d->month ? d->month : 12;

    s.low += days_of(year, d->month ? d->month : 1, d->day ? d->day : 1) * DAY;
    if (d->day)
        s.high += days_of(year, month, d->day) * DAY;
    else
        s.high += (days_of(month == 12 ? year + 1 : year, month % 12 + 1, 1) - 1) * DAY;
    s.offset = offset;
    return s;
}

static bool date_span(const char *text, struct span *ret)
{
    struct date d;

    if (date_parse(text, &d) < 0 || d.month == 0 || d.day == 0)
        return false;
    ret->low = ret->high = (d.year * 100 + d.month) * 100 + d.day;
    ret->offset = OFFSET_UNKNOWN;
    return true;
}

static bool time_span(const char *text, struct span *ret)
{
    struct daytime t;

    if (daytime_parse(text, &t) < 0)
        return false;
    *ret = span_of_time(&t);
    return true;
}

static bool moment_span(const char *text, struct span *ret)
{
    struct date d;
    struct daytime t;
    int offset;

    if (datetime_parse(text, &d, &t, &offset) < 0)
        return false;
    *ret = span_of_moment(&d, &t, offset);
    return true;
}

static bool span_take(enum key_kind kind, const char *text, struct span *ret)
{
    switch (kind) {
    case KEY_DATE:
        return date_span(text, ret);
    case KEY_TIME:
        return time_span(text, ret);
    default:
        return moment_span(text, ret);
    }
}

/* The two sides of a range that is cut at @hyphen; one of them may be empty. */
static bool sides_take(enum key_kind kind, const char *text, size_t hyphen, struct key_value *ret)
{
    const struct span unbounded = {KEY_UNBOUNDED_LOW, KEY_UNBOUNDED_HIGH, OFFSET_UNKNOWN};
    struct span first = unbounded, last = unbounded;
    char left[RANGE_TEXT_MAX];
    const char *right = text + hyphen + 1;

    (void)snprintf(left, sizeof left, "%.*s", (int)hyphen, text);
    bool has_left = left[strspn(left, " ")] != '\0', has_right = right[strspn(right, " ")] != '\0';
    if ((!has_left && !has_right) || (has_left && !span_take(kind, left, &first)) ||
        (has_right && !span_take(kind, right, &last)))
        return false;
    ret->low = first.low;
    ret->low_offset = first.offset;
    ret->high = last.high;
    ret->high_offset = last.offset;
    ret->range = true;
    return true;
}

/* A hyphen may also begin an offset ("2026-0500"): what can be read as one value is one. */
bool key_range_take(enum key_kind kind, const char *text, struct key_value *ret)
{
    size_t n = strlen(text);
    struct span s;

    if (n >= RANGE_TEXT_MAX)
        return false;
    if (span_take(kind, text, &s)) {
        ret->low = s.low;
        ret->high = s.high;
        ret->low_offset = ret->high_offset = s.offset;
        return true;
    }
    for (size_t i = 0; i < n; i++)
        if (text[i] == '-' && sides_take(kind, text, i, ret))
            return true;
    return false;
}

bool key_range_place(enum key_kind kind, const char *text, int64_t *ret, int *ret_offset)
{
    struct span s;

    if (!span_take(kind, text, &s))
        return false;
    *ret = s.low;
    *ret_offset = s.offset;
    return true;
}
