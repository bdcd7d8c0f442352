#include "fhir/when.h"
#include "fhir/mapping.h"
#include "fhir/memory.h"
#include "store/base/cleanup.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ZONES "/usr/share/zoneinfo/"

static char *format_date(const struct date *d)
{
    if (d->month == 0)
        return memory_print("%04d", d->year);
    if (d->day == 0)
        return memory_print("%04d-%02d", d->year, d->month);
    return memory_print("%04d-%02d-%02d", d->year, d->month, d->day);
}

char *when_format(const struct date *date, const struct daytime *time, int offset)
{
    _cleanup_free_ char *day = format_date(date);
    int east = offset < 0 ? -offset : offset;
    bool fraction;

    if (date->day == 0 || !time || time->minute < 0 || offset == OFFSET_UNKNOWN)
        return TAKE_PTR(day);
    fraction = time->second >= 0 && time->fraction[0];
    return memory_print("%sT%02d:%02d:%02d%s%s%c%02d:%02d", day, time->hour, time->minute,
                        time->second < 0 ? 0 : time->second, fraction ? "." : "",
                        fraction ? time->fraction : "", offset < 0 ? '-' : '+', east / 60,
                        east % 60);
}

char *when_of(const struct mapping *m, const struct dataset *d, const char *date_tag,
              const char *time_tag)
{
    const char *da = dataset_text(d, date_tag), *tm = dataset_text(d, time_tag);
    struct date date;
    struct daytime time;

    if (!da || date_parse(da, &date) < 0)
        return NULL;
    if (!tm || daytime_parse(tm, &time) < 0 || date.day == 0 || time.minute < 0)
        return format_date(&date);
    return when_format(&date, &time, when_offset(m, d, &date, &time));
}

int when_offset(const struct mapping *m, const struct dataset *d, const struct date *date,
                const struct daytime *time)
{
    const char *text = dataset_text(dataset_top(d), TimezoneOffsetFromUTC);
    const char *zone;
    int offset = text ? offset_parse(text) : OFFSET_UNKNOWN;

    if (offset != OFFSET_UNKNOWN)
        return offset;
    zone = mapping_zone(m, d->sender);
    return zone ? when_zone_offset(zone, date, time) : OFFSET_UNKNOWN;
}

/* mktime() moves an hour that it takes for wrong; then this is not how that hour is called. */
static int offset_if(const struct date *date, const struct daytime *time, int summer)
{
    struct tm tm = {
        .tm_year = date->year - 1900,
        .tm_mon = date->month - 1,
        .tm_mday = date->day,
        .tm_hour = time->hour,
        .tm_min = time->minute < 0 ? 0 : time->minute,
        .tm_isdst = summer,
    };

    if (mktime(&tm) == -1 && tm.tm_year != 69)
        return OFFSET_UNKNOWN;
    if (tm.tm_isdst != summer || tm.tm_hour != time->hour)
        return OFFSET_UNKNOWN;
    return (int)(tm.tm_gmtoff / 60);
}

int when_zone_offset(const char *zone, const struct date *date, const struct daytime *time)
{
    const char *now = getenv("TZ");
    _cleanup_free_ char *old = now ? memory_text(now, strlen(now)) : NULL;
    int winter, summer;

    (void)setenv("TZ", zone, 1);
    tzset();
    winter = offset_if(date, time, 0);
    summer = offset_if(date, time, 1);
    if (old)
        (void)setenv("TZ", old, 1);
    else
        (void)unsetenv("TZ");
    tzset();
    if (winter == OFFSET_UNKNOWN || summer == OFFSET_UNKNOWN)
        return winter == OFFSET_UNKNOWN ? summer : winter;
    return winter == summer ? winter : OFFSET_UNKNOWN;
}

bool when_zone_exists(const char *zone)
{
    _cleanup_free_ char *path = memory_print(ZONES "%s", zone);
    char magic[4];
    _cleanup_fclose_ FILE *f = NULL;

    if (*zone == '\0' || *zone == '/' || strstr(zone, ".."))
        return false;
    f = fopen(path, "re");
    return f && fread(magic, 1, sizeof magic, f) == sizeof magic && memcmp(magic, "TZif", 4) == 0;
}

/* The offset at the end of a dateTime in seconds; false: there is none. */
static bool read_offset(const char *text, long *ret_s)
{
    int hours, minutes;
    char sign, end;

    if (strcmp(text, "Z") == 0) {
        *ret_s = 0;
        return true;
    }
    if (sscanf(text, "%c%2d:%2d%c", &sign, &hours, &minutes, &end) != 3 ||
        (sign != '+' && sign != '-') || hours < 0 || hours > 14 || minutes < 0 || minutes > 59)
        return false;
    *ret_s = (sign == '-' ? -1 : 1) * (hours * 3600L + minutes * 60L);
    return true;
}

static void to_zone(const char *zone, long offset_s, struct tm *tm)
{
    const char *now = getenv("TZ");
    _cleanup_free_ char *old = now ? memory_text(now, strlen(now)) : NULL;
    time_t instant = timegm(tm) - offset_s;

    (void)setenv("TZ", zone, 1);
    tzset();
    (void)localtime_r(&instant, tm);
    if (old)
        (void)setenv("TZ", old, 1);
    else
        (void)unsetenv("TZ");
    tzset();
}

static bool is_plausible(const struct tm *tm)
{
    struct tm copy = *tm;

    return timegm(&copy) != (time_t)-1 && copy.tm_mday == tm->tm_mday &&
           copy.tm_mon == tm->tm_mon && copy.tm_hour == tm->tm_hour && copy.tm_min == tm->tm_min;
}

/* A FHIR date, or a dateTime with its offset in seconds. */
static bool read_date_time(const char *text, struct tm *ret, bool *ret_timed, long *ret_offset_s)
{
    const char *end = strptime(text, "%Y-%m-%d", ret);

    *ret_timed = end && *end == 'T';
    if (*ret_timed)
        end = strptime(end, "T%H:%M:%S", ret);
    else if (end && *end)
        return false;
    if (end && *end == '.')
        end += 1 + strspn(end + 1, "0123456789");
    if (!end || ret->tm_year < -900 || ret->tm_year > 8099 || !is_plausible(ret))
        return false;
    return !*ret_timed || read_offset(end, ret_offset_s);
}

bool when_instant(const char *text, int64_t *ret_s)
{
    struct tm tm = {0};
    long offset_s;
    bool timed;

    if (!read_date_time(text, &tm, &timed, &offset_s) || !timed)
        return false;
    *ret_s = timegm(&tm) - offset_s;
    return true;
}

bool when_local(const char *zone, const char *text, char ret_date[9], char ret_time[7])
{
    struct tm tm = {0};
    long offset_s;
    bool timed;

    if (!read_date_time(text, &tm, &timed, &offset_s))
        return false;
    if (timed && zone)
        to_zone(zone, offset_s, &tm);
    (void)strftime(ret_date, 9, "%Y%m%d", &tm);
    (void)strftime(ret_time, 7, timed ? "%H%M%S" : "", &tm);
    if (!timed)
        ret_time[0] = '\0';
    return true;
}
