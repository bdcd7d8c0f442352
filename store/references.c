#include "store/references.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

/* Texts are offsets, so that the common case of one SOP class costs nothing. */
struct reference_entry {
    uint32_t sop_class_uid, sop_instance_uid, purpose;
    uint8_t kind;
    bool all, all_others; /* frames of ours, of the other one */
    struct frames ours, others;
};

static const char *const kind_names[] = {
    [REFERENCE_CONVERSION] = "conversion", [REFERENCE_SOURCE] = "source",
    [REFERENCE_DERIVATION] = "derivation", [REFERENCE_IMAGE] = "image",
    [REFERENCE_INSTANCE] = "instance",     [REFERENCE_PREDECESSOR] = "predecessor",
    [REFERENCE_EVIDENCE] = "evidence",
};

/* --- Frames -------------------------------------------------------------------------------- */

static int compare_ranges(const void *a, const void *b)
{
    const struct frame_range *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

/* Sort, and join what overlaps or touches. */
static void frames_tidy(struct frames *f)
{
    uint32_t kept = 0;

    if (f->n == 0)
        return;
    qsort(f->ranges, f->n, sizeof *f->ranges, compare_ranges);
    for (uint32_t i = 1; i < f->n; i++) {
        struct frame_range *last = &f->ranges[kept], next = f->ranges[i];

        if (next.first > last->last && next.first - last->last > 1)
            f->ranges[++kept] = next;
        else if (next.last > last->last)
            last->last = next.last;
    }
    f->n = kept + 1;
}

static bool widen(struct frame_range *range, uint32_t first, uint32_t last)
{
    if (first < range->first || (first > range->last && first - range->last > 1))
        return false;
    if (last > range->last)
        range->last = last;
    return true;
}

static int frames_grow(struct frames *f)
{
    uint32_t room = f->room ? 2 * f->room : 1;
    struct frame_range *grown = reallocarray(f->ranges, room, sizeof *grown);

    if (!grown)
        return -ENOMEM;
    f->ranges = grown;
    f->room = room;
    return 0;
}

int frames_add(struct frames *f, uint32_t first, uint32_t last)
{
    if (f->n > 0 && widen(&f->ranges[f->n - 1], first, last))
        return 0;
    if (f->n == f->room)
        frames_tidy(f);
    if (f->n >= f->room - f->room / 4 && frames_grow(f) < 0)
        return -ENOMEM;
    f->ranges[f->n++] = (struct frame_range){first, last};
    return 0;
}

void frames_done(struct frames *f)
{
    free(f->ranges);
    *f = (struct frames){0};
}

/* --- The set ------------------------------------------------------------------------------- */

static int keep_text(struct references *s, const char *text, uint32_t *ret)
{
    size_t n = strlen(text) + 1;

    if (s->texts_room - s->texts_used < n) {
        size_t room = s->texts_room ? 2 * s->texts_room : 1024;
        char *grown = realloc(s->texts, room);

        if (!grown)
            return -ENOMEM;
        s->texts = grown;
        s->texts_room = room;
    }
    memcpy(s->texts + s->texts_used, text, n);
    *ret = (uint32_t)s->texts_used;
    s->texts_used += n;
    return 0;
}

/* A text that is probably that of the entry before. */
static int keep_common_text(struct references *s, const char *text, uint32_t before, uint32_t *ret)
{
    if (s->n > 0 && strcmp(s->texts + before, text) == 0) {
        *ret = before;
        return 0;
    }
    return keep_text(s, text, ret);
}

static uint64_t hash_of(const struct references *s, enum reference_kind kind, const char *uid)
{
    return XXH3_64bits_withSeed(uid, strlen(uid), s->seed + kind);
}

static bool is_same(const struct references *s, const struct reference_entry *e,
                    const struct reference *r)
{
    return e->kind == r->kind && strcmp(s->texts + e->sop_instance_uid, r->sop_instance_uid) == 0 &&
           strcmp(s->texts + e->purpose, r->purpose) == 0;
}

static uint32_t *slot_of(const struct references *s, const struct reference *r)
{
    size_t at = (size_t)hash_of(s, r->kind, r->sop_instance_uid) & (s->n_slots - 1);

    while (s->slots[at] && !is_same(s, &s->list[s->slots[at] - 1], r))
        at = (at + 1) & (s->n_slots - 1);
    return &s->slots[at];
}

/* Find all entries again in a table of @n_slots. */
static int rehash(struct references *s, size_t n_slots)
{
    uint32_t *slots = calloc(n_slots, sizeof *slots);

    if (!slots)
        return -ENOMEM;
    free(s->slots);
    s->slots = slots;
    s->n_slots = n_slots;
    for (size_t i = 0; i < s->n; i++) {
        const struct reference_entry *e = &s->list[i];
        const struct reference r = {.kind = (enum reference_kind)e->kind,
                                    .sop_instance_uid = s->texts + e->sop_instance_uid,
                                    .purpose = s->texts + e->purpose};

        *slot_of(s, &r) = (uint32_t)i + 1;
    }
    return 0;
}

/* Room for one entry more; the table is never more than half full. */
static int grow(struct references *s)
{
    size_t room = s->room ? 2 * s->room : 8;
    struct reference_entry *grown;

    if (s->n < s->room)
        return 0;
    if (s->room == 0) /* so that no data set can be made whose UIDs collide */
        (void)!getrandom(&s->seed, sizeof s->seed, 0);
    grown = reallocarray(s->list, room, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    s->list = grown;
    s->room = room;
    return rehash(s, 2 * room);
}

static int append(struct references *s, const struct reference *r)
{
    struct reference_entry e = {.kind = (uint8_t)r->kind};
    const struct reference_entry *before;
    int error = grow(s);

    before = s->n > 0 ? &s->list[s->n - 1] : &e;
    if (error == 0)
        error = keep_text(s, r->sop_instance_uid, &e.sop_instance_uid);
    if (error == 0)
        error = keep_common_text(s, r->sop_class_uid, before->sop_class_uid, &e.sop_class_uid);
    if (error == 0)
        error = keep_common_text(s, r->purpose, before->purpose, &e.purpose);
    if (error < 0)
        return error;
    s->list[s->n++] = e;
    *slot_of(s, r) = (uint32_t)s->n;
    return 0;
}

/* What is said of all frames needs no list. */
static int add_frames(struct references *s, bool *all, struct frames *f,
                      const struct frame_range *ranges, uint32_t n)
{
    uint32_t before = f->n;
    int r = 0;

    if (*all || n == 0) {
        s->n_ranges -= f->n;
        *all = true;
        frames_done(f);
        return 0;
    }
    if (s->n_ranges + n > REFERENCES_RANGES_MAX) {
        s->cut = true;
        return 0;
    }
    for (uint32_t i = 0; r == 0 && i < n; i++)
        r = frames_add(f, ranges[i].first, ranges[i].last);
    s->n_ranges += f->n;
    s->n_ranges -= before;
    return r;
}

int references_add(struct references *s, const struct reference *r)
{
    const struct frame_range ours = {r->frame, r->frame};
    struct reference_entry *e;
    uint32_t slot = s->n > 0 ? *slot_of(s, r) : 0;
    int error = 0;

    if (slot == 0 && s->n >= REFERENCES_MAX) {
        s->cut = true;
        return 0;
    }
    if (slot == 0) {
        error = append(s, r);
        slot = (uint32_t)s->n;
    }
    if (error < 0)
        return error;
    e = &s->list[slot - 1];
    error = add_frames(s, &e->all, &e->ours, &ours, r->frame ? 1 : 0);
    if (error < 0)
        return error;
    return add_frames(s, &e->all_others, &e->others, r->frames->ranges, r->frames->n);
}

/* --- Text ---------------------------------------------------------------------------------- */

static void write_word(FILE *out, const char *word)
{
    if (*word)
        (void)fprintf(out, "\"%s\"", word);
    else
        (void)fputs("null", out);
}

static void write_frames(FILE *out, struct frames *f)
{
    frames_tidy(f);
    if (f->n == 0) {
        (void)fputs("null", out);
        return;
    }
    for (uint32_t i = 0; i < f->n; i++) {
        const struct frame_range *range = &f->ranges[i];

        (void)fprintf(out, "%c%" PRIu32, i == 0 ? '"' : ',', range->first);
        if (range->last > range->first)
            (void)fprintf(out, "-%" PRIu32, range->last);
    }
    (void)fputc('"', out);
}

static void write_entry(FILE *out, const struct references *s, struct reference_entry *e)
{
    write_word(out, kind_names[e->kind]);
    (void)fputc(',', out);
    write_word(out, s->texts + e->sop_class_uid);
    (void)fputc(',', out);
    write_word(out, s->texts + e->sop_instance_uid);
    (void)fputc(',', out);
    write_word(out, s->texts + e->purpose);
    (void)fputc(',', out);
    write_frames(out, &e->ours);
    (void)fputc(',', out);
    write_frames(out, &e->others);
}

int references_text(struct references *s, char **ret)
{
    char *text = NULL;
    size_t n;
    FILE *out;
    bool failed;

    if (s->n == 0) {
        *ret = NULL;
        return 0;
    }
    out = open_memstream(&text, &n);
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < s->n; i++) {
        (void)fputs(i == 0 ? "[[" : "],[", out);
        write_entry(out, s, &s->list[i]);
    }
    (void)fputs("]]", out);
    failed = ferror(out);
    if (fclose(out) != 0 || failed) {
        free(text);
        return -ENOMEM;
    }
    *ret = text;
    return 0;
}

void references_done(struct references *s)
{
    for (size_t i = 0; i < s->n; i++) {
        frames_done(&s->list[i].ours);
        frames_done(&s->list[i].others);
    }
    free(s->list);
    free(s->slots);
    free(s->texts);
    *s = (struct references){0};
}
