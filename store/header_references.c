#include "store/header_references.h"

#include <stdio.h>
#include <string.h>

#define REFERENCE(kind) (PLACE_REFERENCE + REFERENCE_##kind)

#define TAG_CODE_VALUE 0x00080100u
#define TAG_CODING_SCHEME 0x00080102u
#define TAG_REFERENCED_SOP_CLASS 0x00081150u
#define TAG_REFERENCED_SOP_INSTANCE 0x00081155u
#define TAG_REFERENCED_FRAMES 0x00081160u
#define TAG_PURPOSE 0x0040A170u

static const struct way {
    uint8_t in;
    uint8_t to;
    uint32_t tag;
} ways[] = {
    {PLACE_DATA_SET, REFERENCE(SOURCE), 0x00082112},
    {PLACE_DATA_SET, REFERENCE(IMAGE), 0x00081140},
    {PLACE_DATA_SET, REFERENCE(INSTANCE), 0x0008114A},
    {PLACE_DATA_SET, REFERENCE(CONVERSION), 0x00209172},
    {PLACE_DATA_SET, PLACE_DERIVATIONS, 0x00089124},
    {PLACE_DATA_SET, PLACE_SERIES, 0x00081115},
    {PLACE_DATA_SET, PLACE_PREDECESSORS, 0x0040A360},
    {PLACE_DATA_SET, PLACE_EVIDENCE, 0x0040A375},
    {PLACE_DATA_SET, REFERENCE(SOURCE), 0x00420013},
    {PLACE_DATA_SET, PLACE_SHARED_GROUPS, 0x52009229},
    {PLACE_DATA_SET, PLACE_FRAME_GROUPS, 0x52009230},
    {PLACE_SHARED_GROUPS, REFERENCE(SOURCE), 0x00082112},
    {PLACE_SHARED_GROUPS, REFERENCE(IMAGE), 0x00081140},
    {PLACE_SHARED_GROUPS, REFERENCE(INSTANCE), 0x0008114A},
    {PLACE_SHARED_GROUPS, REFERENCE(CONVERSION), 0x00209172},
    {PLACE_SHARED_GROUPS, PLACE_DERIVATIONS, 0x00089124},
    {PLACE_DERIVATIONS, REFERENCE(DERIVATION), 0x00082112},
    {PLACE_SERIES, REFERENCE(IMAGE), 0x00081140},
    {PLACE_PREDECESSORS, PLACE_PREDECESSORS, 0x00081115},
    {PLACE_PREDECESSORS, REFERENCE(PREDECESSOR), 0x00081199},
    {PLACE_EVIDENCE, PLACE_EVIDENCE, 0x00081115},
    {PLACE_EVIDENCE, REFERENCE(EVIDENCE), 0x00081199},
};

enum place reference_place(enum place in, uint32_t tag)
{
    if (in == PLACE_NONE)
        return PLACE_NONE;
    if (in >= PLACE_REFERENCE)
        return tag == TAG_PURPOSE ? PLACE_PURPOSE : PLACE_NONE;
    if (in == PLACE_FRAME_GROUPS)
        in = PLACE_SHARED_GROUPS;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (ways[i].tag == tag && ways[i].in == in)
            return (enum place)ways[i].to;
    return PLACE_NONE;
}

/* --- Items --------------------------------------------------------------------------------- */

void reference_begin_item(struct reference_reader *r, enum place place)
{
    if (place == PLACE_FRAME_GROUPS)
        r->frame++;
    if (place < PLACE_REFERENCE)
        return;
    *r->sop_class_uid = *r->sop_instance_uid = *r->code = *r->scheme = '\0';
    r->frames.n = 0;
}

/* A reference is worth something as soon as it names an instance. */
int reference_end_item(struct reference_reader *r, enum place place)
{
    char purpose[sizeof r->code + sizeof r->scheme];
    const struct reference reference = {.kind = (enum reference_kind)(place - PLACE_REFERENCE),
                                        .sop_class_uid = r->sop_class_uid,
                                        .sop_instance_uid = r->sop_instance_uid,
                                        .purpose = purpose,
                                        .frame = r->frame,
                                        .frames = &r->frames};

    if (place < PLACE_REFERENCE || *r->sop_instance_uid == '\0')
        return 0;
    *purpose = '\0';
    if (*r->code && *r->scheme)
        (void)snprintf(purpose, sizeof purpose, "%s %s", r->code, r->scheme);
    return references_add(&r->set, &reference);
}

void reference_end_sequence(struct reference_reader *r, enum place place)
{
    if (place == PLACE_FRAME_GROUPS)
        r->frame = 0;
}

/* --- Values -------------------------------------------------------------------------------- */

static bool begin_text(struct reference_reader *r, char *text, size_t size)
{
    if (*text) /* the first of several stays */
        return false;
    r->text = text;
    r->size = size;
    r->n = 0;
    r->broken = false;
    return true;
}

static bool begin_numbers(struct reference_reader *r)
{
    r->text = NULL;
    r->number = 0;
    r->has_digit = r->broken = false;
    return r->frames.n == 0;
}

bool reference_begin_value(struct reference_reader *r, enum place place, uint32_t tag)
{
    if (place == PLACE_PURPOSE && tag == TAG_CODE_VALUE)
        return begin_text(r, r->code, sizeof r->code);
    if (place == PLACE_PURPOSE && tag == TAG_CODING_SCHEME)
        return begin_text(r, r->scheme, sizeof r->scheme);
    if (place < PLACE_REFERENCE)
        return false;
    if (tag == TAG_REFERENCED_SOP_CLASS)
        return begin_text(r, r->sop_class_uid, sizeof r->sop_class_uid);
    if (tag == TAG_REFERENCED_SOP_INSTANCE)
        return begin_text(r, r->sop_instance_uid, sizeof r->sop_instance_uid);
    return tag == TAG_REFERENCED_FRAMES && begin_numbers(r);
}

static void feed_text(struct reference_reader *r, const char *bytes, size_t n)
{
    if (n > r->size - 1 - r->n)
        r->broken = true;
    else
        memcpy(r->text + r->n, bytes, n);
    r->n += r->broken ? 0 : n;
}

/* A number of an IS value ends; what is none is left out. */
static int end_number(struct reference_reader *r)
{
    uint32_t number = r->number;
    bool good = r->has_digit && !r->broken && number > 0;

    (void)begin_numbers(r);
    return good ? frames_add(&r->frames, number, number) : 0;
}

static int feed_numbers(struct reference_reader *r, const char *bytes, size_t n)
{
    int error = 0;

    for (size_t i = 0; error == 0 && i < n; i++) {
        char c = bytes[i];

        if (c == '\\') {
            error = end_number(r);
        } else if (c >= '0' && c <= '9') {
            r->broken |= r->number > INT32_MAX / 10;
            r->number = r->broken ? 0 : 10 * r->number + (uint32_t)(c - '0');
            r->has_digit = true;
        } else if (c != ' ' && c != '+' && c != '\0') {
            r->broken = true;
        }
    }
    return error;
}

int reference_feed(struct reference_reader *r, const void *bytes, size_t n)
{
    if (!r->text)
        return feed_numbers(r, bytes, n);
    feed_text(r, bytes, n);
    return 0;
}

/* Without padding; what breaks the rules of references.h is not there. */
static void end_text(struct reference_reader *r)
{
    const char *p = r->text;

    while (r->n > 0 && (r->text[r->n - 1] == ' ' || r->text[r->n - 1] == '\0'))
        r->n--;
    if (r->broken || r->n > r->size - 2)
        r->n = 0;
    r->text[r->n] = '\0';
    while (*p > ' ' && *p < 0x7F && *p != '"' && *p != '\\')
        p++;
    if (p != r->text + r->n)
        *r->text = '\0';
}

int reference_end_value(struct reference_reader *r)
{
    if (!r->text)
        return end_number(r);
    end_text(r);
    return 0;
}

void reference_reader_done(struct reference_reader *r)
{
    references_done(&r->set);
    frames_done(&r->frames);
}
