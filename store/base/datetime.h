/* DICOM dates and times (PS3.5 section 6.2: DA, TM, DT, AS; Timezone Offset From UTC). Pure. */
#ifndef ISTHMUS_STORE_BASE_DATETIME_H
#define ISTHMUS_STORE_BASE_DATETIME_H

/* A date that may be partial: month 0 = only the year is known, day 0 = no day. */
struct date {
    int year, month, day;
};

/* A time of day with the precision that was given. */
struct daytime {
    int hour, minute, second; /* minute, second: -1 when not given */
    char fraction[7];         /* 0 to 6 digits as given */
};

#define OFFSET_UNKNOWN 100000 /* no valid offset; else minutes east of UTC, -720 … 840 */

/* "YYYYMMDD" or the old "YYYY.MM.DD"; month 00 or day 00 make it partial. -EINVAL: not a date
 * (also 00000000, 31 June, 29 February of a common year). Surrounding spaces are skipped. */
int date_parse(const char *da, struct date *ret);

/* "HH", "HHMM", "HHMMSS", "HHMMSS.F" (1–6 digits) or the old "HH:MM:SS". Second 60 becomes 59
 * without fraction. -EINVAL: not a time (also hour 24 and above). */
int daytime_parse(const char *tm, struct daytime *ret);

/* "±HHMM", -1200 … +1400, not -0000. OFFSET_UNKNOWN when it is not that. */
int offset_parse(const char *text);

/* DT "YYYY[MM[DD[HH[MM[SS[.F]]]]]][&ZZXX]": date, time (hour -1 when absent), offset. -EINVAL. */
int datetime_parse(const char *dt, struct date *ret_date, struct daytime *ret_time,
                   int *ret_offset);

#endif
