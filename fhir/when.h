/* DICOM date, time and offset → FHIR date and dateTime (mapping 2.2). A time is only published
 * when its offset from UTC is known: a wrong instant is worse than a date. */
#ifndef ISTHMUS_FHIR_WHEN_H
#define ISTHMUS_FHIR_WHEN_H

#include "fhir/dataset.h"
#include "store/base/datetime.h"

#include <stdbool.h>
#include <stdint.h>

struct mapping;

/* dateTime of @date, @time (NULL: absent) and @offset (OFFSET_UNKNOWN). malloc'ed. Pure. */
char *when_format(const struct date *date, const struct daytime *time, int offset);

/* dateTime of one instance; NULL: absent. malloc'ed. */
char *when_of(const struct mapping *m, const struct dataset *d, const char *date_tag,
              const char *time_tag);

/* Offset of @d at that local time: its own (0008,0201), else the zone that @m knows for its
 * sender or the site, else OFFSET_UNKNOWN. */
int when_offset(const struct mapping *m, const struct dataset *d, const struct date *date,
                const struct daytime *time);

/* Offset in minutes of an IANA zone at a local time; OFFSET_UNKNOWN when this hour does not
 * exist there or comes twice. Changes TZ for its duration: not for programs with threads that
 * use local time. */
int when_zone_offset(const char *zone, const struct date *date, const struct daytime *time);

/* Whether the C library knows @zone. (It takes an unknown one for UTC without a word.) */
bool when_zone_exists(const char *zone);

/* A FHIR date or dateTime as DA and TM ("" for a date) on the clocks of @zone (IANA), or as it
 * stands when @zone is NULL. False: it is neither, or not a whole date. As when_zone_offset()
 * with TZ. */
bool when_local(const char *zone, const char *text, char ret_date[9], char ret_time[7]);

/* A FHIR instant as whole seconds since 1970, rounded down. False: it is none. Pure. */
bool when_instant(const char *text, int64_t *ret_s);

#endif
