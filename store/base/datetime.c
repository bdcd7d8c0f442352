#include "store/base/datetime.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* What is still to be read of a value: [p, end). */
struct rest {
    const char *p, *end;
};

static struct rest rest_trimmed(const char *text)
{
    struct rest r = {text, text + strlen(text)};

    while (r.p < r.end && *r.p == ' ')
        r.p++;
    while (r.p < r.end && r.end[-1] == ' ')
        r.end--;
    return r;
}

static bool rest_is_digit(const struct rest *r, ptrdiff_t at)
{
    return r->end - r->p > at && r->p[at] >= '0' && r->p[at] <= '9';
}

/* Exactly @digits digits as a number; false leaves @r where it was. */
static bool take_number(struct rest *r, int digits, int *ret)
{
    int value = 0;

    for (int i = 0; i < digits; i++) {
        if (!rest_is_digit(r, i))
            return false;
        value = value * 10 + (r->p[i] - '0');
    }
    r->p += digits;
    *ret = value;
    return true;
}

static bool take_char(struct rest *r, char c)
{
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

/* One to six digits behind a point. */
static bool take_fraction(struct rest *r, char ret[7])
{
    size_t n = 0;

    while (n < 6 && rest_is_digit(r, 0))
        ret[n++] = *r->p++;
    ret[n] = '\0';
    return n > 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static bool date_possible(const struct date *d)
{
    if (d->year < 1)
        return false;
    if (d->month == 0)
        return d->day == 0;
    return d->month <= 12 && d->day <= days_in_month(d->year, d->month);
}

int date_parse(const char *da, struct date *ret)
{
    struct rest r = rest_trimmed(da);
    struct date d;

    if (!take_number(&r, 4, &d.year))
        return -EINVAL;
    bool old = take_char(&r, '.');
    if (!take_number(&r, 2, &d.month) || (old && !take_char(&r, '.')) ||
        !take_number(&r, 2, &d.day) || r.p != r.end || !date_possible(&d))
        return -EINVAL;
    *ret = d;
    return 0;
}

/* A time of day at the beginning of @r, as far as it goes; false when what is there breaks TM. */
static bool take_daytime(struct rest *r, struct daytime *t)
{
    *t = (struct daytime){.minute = -1, .second = -1};
    if (!take_number(r, 2, &t->hour) || t->hour > 23)
        return false;
    bool old = take_char(r, ':');
    if (!take_number(r, 2, &t->minute))
        return !old;
    if (t->minute > 59)
        return false;
    if (old && !take_char(r, ':'))
        return true;
    if (!take_number(r, 2, &t->second))
        return !old;
    if (t->second > 60 || (take_char(r, '.') && !take_fraction(r, t->fraction)))
        return false;
    if (t->second == 60) {
        t->second = 59;
        t->fraction[0] = '\0';
    }
    return true;
}

int daytime_parse(const char *tm, struct daytime *ret)
{
    struct rest r = rest_trimmed(tm);
    struct daytime t;

    if (!take_daytime(&r, &t) || r.p != r.end)
        return -EINVAL;
    *ret = t;
    return 0;
}

static bool take_offset(struct rest *r, int *ret)
{
    bool west = r->p < r->end && *r->p == '-';
    int hours, minutes;

    if (!west && !(r->p < r->end && *r->p == '+'))
        return false;
    r->p++;
    if (!take_number(r, 2, &hours) || !take_number(r, 2, &minutes) || minutes > 59)
        return false;
    minutes += hours * 60;
    if (west ? minutes == 0 || minutes > 12 * 60 : minutes > 14 * 60)
        return false;
    *ret = west ? -minutes : minutes;
    return true;
}

int offset_parse(const char *text)
{
    struct rest r = rest_trimmed(text);
    int offset;

    return take_offset(&r, &offset) && r.p == r.end ? offset : OFFSET_UNKNOWN;
}

int datetime_parse(const char *dt, struct date *ret_date, struct daytime *ret_time, int *ret_offset)
{
    struct rest r = rest_trimmed(dt);
    struct date d = {0, 0, 0};
    struct daytime t = {.hour = -1, .minute = -1, .second = -1};
    int offset = OFFSET_UNKNOWN;

    if (strchr(dt, ':') || !take_number(&r, 4, &d.year))
        return -EINVAL;
    if (take_number(&r, 2, &d.month) && take_number(&r, 2, &d.day) && rest_is_digit(&r, 0) &&
        (d.day == 0 || !take_daytime(&r, &t)))
        return -EINVAL;
    if (r.p != r.end && !take_offset(&r, &offset))
        return -EINVAL;
    if (r.p != r.end || !date_possible(&d))
        return -EINVAL;
    *ret_date = d;
    *ret_time = t;
    *ret_offset = offset;
    return 0;
}
