/* References to other instances in the data sets of a test. */
#ifndef ISTHMUS_TESTS_UNIT_STORE_REFERENCING_H
#define ISTHMUS_TESTS_UNIT_STORE_REFERENCING_H

#include "dataset.h"

#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

enum { CONVERSION = 0x00209172, SOURCE = 0x00082112, IMAGE = 0x00081140, INSTANCE = 0x0008114A };
enum { DERIVATION = 0x00089124, PREDECESSOR = 0x0040A360, EVIDENCE = 0x0040A375 };
enum { SERIES = 0x00081115, SOPS = 0x00081199, PURPOSE = 0x0040A170 };
#define SHARED 0x52009229u
#define PER_FRAME 0x52009230u

/* How the data sets of a test are written. */
static bool undefined;

static size_t begun[16];
static unsigned depth;

static inline void open_sequence(struct dataset *d, uint32_t tag)
{
    begun[depth++] = put_sequence(d, tag, undefined);
}
static inline void open_item(struct dataset *d)
{
    begun[depth++] = put_item(d, undefined);
}
static inline void close_item(struct dataset *d)
{
    end_item(d, begun[--depth], undefined);
}
static inline void close_sequence(struct dataset *d)
{
    end_sequence(d, begun[--depth], undefined);
}

/* Items of @tag, one for each of @uids up to an empty one. */
static inline void put_references(struct dataset *d, uint32_t tag, const char *uids,
                                  const char *frames)
{
    open_sequence(d, tag);
    for (; *uids; uids += strlen(uids) + 1) {
        open_item(d);
        put_text(d, 0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2");
        put_text(d, 0x00081155, "UI", uids);
        if (frames)
            put_text(d, 0x00081160, "IS", frames);
        close_item(d);
    }
    close_sequence(d);
}

static inline void open_frame(struct dataset *d)
{
    open_item(d);
    open_sequence(d, 0x00209111);
    open_item(d);
    put_text(d, 0x00204000, "LT", "a comment");
    close_item(d);
    close_sequence(d);
}

static inline void put_code(struct dataset *d, uint32_t tag, const char *value, const char *scheme)
{
    open_sequence(d, tag);
    open_item(d);
    put_text(d, 0x00080100, "SH", value);
    put_text(d, 0x00080102, "SH", scheme);
    put_text(d, 0x00080104, "LO", "the meaning");
    close_item(d);
    close_sequence(d);
}

#endif
