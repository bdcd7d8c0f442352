/* One key of a query: the value of an attribute in the identifier as PS3.4 section C.2.2.2
 * understands it, ready to be compared or turned into a condition. Pure. */
#ifndef ISTHMUS_STORE_QUERY_KEY_H
#define ISTHMUS_STORE_QUERY_KEY_H

#include "store/query.h"
#include "store/query_pattern.h"

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key_kind {
    KEY_EXACT, /* UI, AS, AT: no wildcards */
    KEY_TEXT,  /* AE CS LO LT SH ST UC UR UT: '*' and '?' are wildcards */
    KEY_NAME,
    KEY_DATE,     /* YYYYMMDD as a number */
    KEY_TIME,     /* microseconds of the day */
    KEY_DATETIME, /* microseconds since 1970 on the clock of its offset */
    KEY_NUMBER,
    KEY_SEQUENCE,
    KEY_NONE, /* a VR that has no matching */
};

#define KEY_UNBOUNDED_LOW INT64_MIN
#define KEY_UNBOUNDED_HIGH INT64_MAX

struct key_value {
    bool anything;           /* '*' alone, in any VR: the whole key is universal */
    struct pattern text;     /* KEY_EXACT, KEY_TEXT */
    struct pattern group[3]; /* KEY_NAME, see query_name.h */
    bool any_group;          /* group[0] may be in any of the three */
    size_t n_words;          /* fuzzy KEY_NAME: all are in the name with its words divided */
    struct pattern *words;
    int64_t low, high; /* KEY_DATE, KEY_TIME, KEY_DATETIME: both included */
    bool range;        /* it was two of them with a hyphen, or one and a hyphen */
    int low_offset, high_offset;
    double number;
};

/* Matched when any value matches; universal when there is none. */
struct key {
    uint32_t tag;
    char vr[3];
    enum key_kind kind;
    bool empty; /* "": also matched by what has no value */
    size_t n_values;
    struct key_value *values;
    size_t n_items; /* KEY_SEQUENCE: the keys that one item has to match */
    struct key *items;
};

enum key_kind key_kind(const char *vr);

/* Take the key @tag of VR @vr from @element of an identifier. 0, -ENOMEM, or -EBADMSG:
 * @ret_problem is filled. @ret is to be freed with key_done() in every case. */
int key_take(uint32_t tag, const char *vr, const json_t *element,
             const struct query_options *options, struct key *ret,
             struct query_problem *ret_problem);
void key_done(struct key *k);

/* @text as one more value of a key without wildcards. 0 or -ENOMEM. */
int key_add_text(struct key *k, const char *text);

/* Everything matches, also what has no value (C.2.2.2.3). */
bool key_universal(const struct key *k);

/* The tag of a key of DICOM JSON; false: it is none. */
bool key_tag(const char *json_key, uint32_t *ret);

/* Ranges and single values (C.2.2.2.5) of DA, TM and DT into low, high and the offsets of @ret;
 * false when the text does not fit the VR. In query_range.c. */
bool key_range_take(enum key_kind kind, const char *text, struct key_value *ret);

/* A stored value on the same scale as the ranges; false: it has no place there.
 * @ret_offset: minutes east of UTC or OFFSET_UNKNOWN (only KEY_DATETIME). */
bool key_range_place(enum key_kind kind, const char *text, int64_t *ret, int *ret_offset);

#endif
