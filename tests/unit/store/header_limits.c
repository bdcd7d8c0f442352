/* Limits, truncation and mutated data sets: nothing crashes and memory stays bounded. */
#include "dataset.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t largest_realloc;

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);

/* Whatever the parser keeps grows by realloc(). */
void *__wrap_realloc(void *p, size_t n)
{
    if (n > largest_realloc)
        largest_realloc = n;
    return __real_realloc(p, n);
}

static void put_long_text(struct dataset *d, uint32_t tag, const char *vr, size_t n)
{
    char *text = malloc(n + 1);

    memset(text, 'x', n);
    text[n] = '\0';
    put_text(d, tag, vr, text);
    free(text);
}

Test(header_limits, a_value_that_is_too_long_is_left_out_and_flagged)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    struct instance i;

    put_first_uids(&d);
    size_t sequence = put_sequence(&d, 0x00400275, true), item = put_item(&d, true);
    put_long_text(&d, 0x00080119, "UC", HEADER_VALUE_MAX + 1);
    put_text(&d, 0x00401001, "SH", "RP1");
    end_item(&d, item, true);
    end_sequence(&d, sequence, true);
    cr_assert_eq(read_dataset(&d, &i), 0);
    cr_assert_eq(i.flags, INSTANCE_HEADER_CUT);
    expect_json(&i, LEVEL_SERIES,
                "{'00400275':{'vr':'SQ','Value':[{'00401001':{'vr':'SH','Value':['RP1']}}]}}");
    instance_done(&i);
}

Test(header_limits, the_longest_value_is_kept)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    struct instance i;
    size_t sequence = put_sequence(&d, 0x00400275, true), item = put_item(&d, true);

    put_long_text(&d, 0x00080119, "UC", HEADER_VALUE_MAX);
    end_item(&d, item, true);
    end_sequence(&d, sequence, true);
    cr_assert_eq(read_dataset(&d, &i), 0);
    cr_assert_eq(i.flags, 0);
    cr_assert_eq(json_object_size(i.attributes[LEVEL_SERIES]), 1);
    instance_done(&i);
}

Test(header_limits, a_sequence_that_is_too_large_goes_as_a_whole_and_the_uids_stay)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    struct instance i;

    put_first_uids(&d);
    size_t sequence = put_sequence(&d, 0x00081032, true);
    for (int n = 0; n < 20; n++) {
        size_t item = put_item(&d, n % 2);

        put_long_text(&d, 0x00080119, "UC", HEADER_VALUE_MAX - 100);
        end_item(&d, item, n % 2);
    }
    end_sequence(&d, sequence, true);
    put_text(&d, 0x00100020, "LO", "7001");
    put_last_uids(&d);
    largest_realloc = 0;
    cr_assert_eq(read_dataset(&d, &i), 0);
    cr_assert_leq(largest_realloc, HEADER_TOTAL_MAX);
    cr_assert_eq(i.flags, INSTANCE_HEADER_CUT);
    cr_assert_str_eq(i.series_instance_uid, "1.2.3.3");
    expect_json(&i, LEVEL_PATIENT, "{'00100020':{'vr':'LO','Value':['7001']}}");
    expect_json(&i, LEVEL_STUDY, "{'00200010':{'vr':'SH','Value':['S1']}}");
    instance_done(&i);
}

Test(header_limits, the_uids_are_read_when_all_the_rest_is_used)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    struct instance i;
    char uid[256];

    put_first_uids(&d);
    for (size_t n = 0; n < 100; n++) { /* ever smaller, so that nothing is left */
        size_t sequence = put_sequence(&d, 0x00081032, true), item = put_item(&d, true);

        put_long_text(&d, 0x00080119, "UC", HEADER_VALUE_MAX >> n / 10);
        end_item(&d, item, true);
        end_sequence(&d, sequence, true);
    }
    memset(uid, '1', sizeof uid - 1);
    uid[sizeof uid - 1] = '\0';
    put_text(&d, 0x0020000D, "UI", uid);
    put_text(&d, 0x0020000E, "UI", uid);
    cr_assert_eq(read_dataset(&d, &i), 0);
    cr_assert_str_eq(i.study_instance_uid, uid);
    cr_assert_str_eq(i.series_instance_uid, uid);
    cr_assert(i.flags & INSTANCE_HEADER_CUT);
    cr_assert(i.flags & INSTANCE_UID_INVALID);
    instance_done(&i);
}

/* @n names of one letter each; each becomes an object, some hundred times as large. */
static void put_names(struct dataset *d, uint32_t tag, size_t n)
{
    char *names = malloc(2 * n);

    for (size_t i = 0; i < n; i++)
        memcpy(names + 2 * i, "a\\", 2);
    names[2 * n - 1] = '\0';
    put_text(d, tag, "PN", names);
    free(names);
}

Test(header_limits, single_values_are_counted_and_the_uids_stay)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    struct instance i;
    size_t sequence = put_sequence(&d, 0x00081049, true), item = put_item(&d, true);
    const json_t *kept;

    put_names(&d, 0x0040A075, 20000);
    put_names(&d, 0x0040A07A, HEADER_VALUES_MAX - 20000 + 1); /* one too many */
    put_names(&d, 0x0040A123, HEADER_VALUES_MAX - 20000);
    put_text(&d, 0x0040A124, "UI", "1.2.3");
    end_item(&d, item, true);
    end_sequence(&d, sequence, true);
    put_last_uids(&d);
    cr_assert_eq(read_dataset(&d, &i), 0);
    kept = json_object_get(i.attributes[LEVEL_STUDY], "00081049");
    kept = json_array_get(json_object_get(kept, "Value"), 0);
    cr_assert_eq(json_object_size(kept), 2);
    cr_assert_not_null(json_object_get(kept, "0040A075"));
    cr_assert_not_null(json_object_get(kept, "0040A123"));
    cr_assert_eq(i.flags, INSTANCE_HEADER_CUT);
    cr_assert_str_eq(i.study_instance_uid, "1.2.3");
    cr_assert_str_eq(i.series_instance_uid, "1.2.3.3");
    instance_done(&i);
}

Test(header_limits, twenty_thousand_frames_cost_no_memory)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    struct instance i;

    put_first_uids(&d);
    put_last_uids(&d);
    size_t frames = put_sequence(&d, 0x52009230, true);
    for (int n = 0; n < 20000; n++) {
        size_t frame = put_item(&d, true), content = put_sequence(&d, 0x00209111, true);
        size_t item = put_item(&d, true);

        put_text(&d, 0x00189074, "DT", "20260314101500");
        put_text(&d, 0x00204000, "LT", "each frame with a comment of its own");
        end_item(&d, item, true);
        end_sequence(&d, content, true);
        end_item(&d, frame, true);
    }
    end_sequence(&d, frames, true);
    largest_realloc = 0;
    cr_assert_eq(read_bytes(EXPLICIT, d.bytes, d.n, 65536, &i, NULL), 0);
    cr_assert_leq(largest_realloc, 8192);
    cr_assert_eq(i.flags, 0);
    cr_assert_str_eq(i.series_instance_uid, "1.2.3.3");
    instance_done(&i);
}

/* @depth sequences within each other; @tag of each. */
static int read_nested(uint32_t tag, unsigned depth, bool undefined, const char **ret_problem,
                       struct instance *ret)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    size_t begun[2 * 100];

    put_first_uids(&d);
    for (size_t i = 0; i < depth; i++) {
        begun[2 * i] = put_sequence(&d, tag, undefined);
        begun[2 * i + 1] = put_item(&d, undefined);
    }
    put_text(&d, 0x00080100, "SH", "P");
    for (size_t i = depth; i-- > 0;) {
        end_item(&d, begun[2 * i + 1], undefined);
        end_sequence(&d, begun[2 * i], undefined);
    }
    put_last_uids(&d);
    return read_bytes(EXPLICIT, d.bytes, d.n, 0, ret, ret_problem);
}

Test(header_limits, sequences_are_followed_to_a_depth_of_sixty_four)
{
    static const struct {
        uint32_t tag;
        unsigned depth;
        bool undefined;
        int result;
    } rows[] = {
        {0x00081032, HEADER_DEPTH_MAX, true, 0},
        {0x00081032, HEADER_DEPTH_MAX, false, 0},
        {0x00081032, HEADER_DEPTH_MAX + 1, true, -EBADMSG},
        {0x00081032, HEADER_DEPTH_MAX + 1, false, -EBADMSG},
        {0x00091032, HEADER_DEPTH_MAX, true, 0},
        {0x00091032, HEADER_DEPTH_MAX + 1, true, -EBADMSG},
        {0x00091032, 100, false, 0}, /* passed over by its length */
    };

    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        struct instance i;
        const char *problem;

        cr_assert_eq(read_nested(rows[r].tag, rows[r].depth, rows[r].undefined, &problem, &i),
                     rows[r].result, "row %zu", r);
        if (rows[r].result < 0)
            cr_assert_str_eq(problem, "sequences nested deeper than 64");
        else
            cr_assert_str_eq(i.series_instance_uid, "1.2.3.3");
        instance_done(&i);
    }
}

/* --- Truncation and mutation --------------------------------------------------------------- */

static void put_rich(struct dataset *d)
{
    size_t sequence, item, inner;

    put_text(d, 0x00080005, "CS", "ISO 2022 IR 6\\ISO 2022 IR 87");
    put_text(d, 0x00080008, "CS", "ORIGINAL\\PRIMARY");
    put_first_uids(d);
    put_text(d, 0x00080020, "DA", "20260314");
    sequence = put_sequence(d, 0x00081032, true);
    item = put_item(d, true);
    put_text(d, 0x00080100, "SH", "P");
    inner = put_sequence(d, 0x00080121, false);
    end_item(d, put_item(d, false), false);
    end_sequence(d, inner, false);
    end_item(d, item, true);
    item = put_item(d, false);
    put_text(d, 0x00080005, "CS", "GB18030");
    put_text(d, 0x00080104, "LO", "\xcd\xf5\\x");
    end_item(d, item, false);
    end_sequence(d, sequence, true);
    for (int defined = 0; defined < 2; defined++) {
        sequence = put_sequence(d, 0x00081140 + 10u * (uint32_t)defined, !defined);
        item = put_item(d, defined);
        put_text(d, 0x00081155, "UI", "1.2.3.5");
        put_text(d, 0x00081160, "IS", "1\\2\\7");
        end_item(d, item, defined);
        end_sequence(d, sequence, !defined);
    }
    put_head(d, 0x00091001, "UN", 0xFFFFFFFF);
    end_item(d, put_item(d, true), true);
    end_sequence(d, 0, true);
    put_text(d, 0x00100010, "PN", "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B");
    put_last_uids(d);
    put_us(d, 0x00280010, 512);
    put_text(d, 0x00400280, "ST", "done\r\nwell");
    sequence = put_sequence(d, 0x52009230, true);
    for (int defined = 0; defined < 2; defined++) {
        item = put_item(d, !defined);
        inner = put_sequence(d, 0x00209172, defined);
        size_t source = put_item(d, !defined);
        put_text(d, 0x00081155, "UI", "1.2.3.6");
        end_item(d, source, !defined);
        end_sequence(d, inner, defined);
        end_item(d, item, !defined);
    }
    end_sequence(d, sequence, true);
}

Test(header_limits, a_data_set_cut_anywhere_is_flagged_or_refused)
{
    _cleanup_dataset_ struct dataset d = {.n = 0};
    size_t flagged = 0, refused = 0;

    put_rich(&d);
    for (size_t n = 1; n < d.n; n++) {
        struct instance i;
        int r = read_bytes(EXPLICIT, d.bytes, n, 0, &i, NULL);

        cr_assert(r == 0 || r == -EBADMSG);
        refused += r < 0;
        flagged += r == 0 && i.flags & INSTANCE_TRUNCATED;
        if (i.flags & INSTANCE_TRUNCATED)
            cr_assert_str_eq(i.series_instance_uid, "1.2.3.3");
        instance_done(&i);
    }
    cr_assert_gt(refused, 200);
    cr_assert_gt(flagged, 30);
}

/* The same numbers in every run (Marsaglia's xorshift32). */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static const uint8_t interesting[] = {0,    1,    8,    0x10, 0x1B, 0x20, 0x5C, 0x7F,
                                      0x80, 0xE0, 0xFE, 0xFF, 'S',  'Q',  'U',  'N'};

static void mutate(uint8_t *bytes, size_t *n, uint32_t *state)
{
    for (uint32_t i = next_random(state) % 6 + 1; i > 0 && *n > 4; i--) {
        size_t at = next_random(state) % *n, other = next_random(state) % *n;
        size_t length = next_random(state) % 16;

        switch (next_random(state) % 5) {
        case 0:
            bytes[at] ^= (uint8_t)(1u << next_random(state) % 8);
            break;
        case 1:
            bytes[at] = interesting[next_random(state) % sizeof interesting];
            break;
        case 2:
            memset(bytes + at, 0xFF, *n - at < 4 ? *n - at : 4);
            break;
        case 3:
            if (at + length < *n && other + length < *n)
                memmove(bytes + at, bytes + other, length);
            break;
        default:
            if (length < *n - at) {
                memmove(bytes + at, bytes + at + length, *n - at - length);
                *n -= length;
            }
        }
    }
}

/* What was made of it is valid UTF-8 without control characters, or it was refused. */
static void expect_sane(int r, struct instance *i, const char *problem)
{
    cr_assert(r == 0 || (r == -EBADMSG && problem));
    if (r == 0) {
        char *text = instance_text(i);
        json_t *again = json_loads(text, 0, NULL); /* checks UTF-8 */

        cr_assert_not_null(again);
        for (const char *p = text; *p; p++)
            cr_assert((unsigned char)*p >= ' ' && *p != 0x7F);
        json_decref(again);
        again = i->references ? json_loads(i->references, 0, NULL) : NULL;
        cr_assert(again || !i->references);
        json_decref(again);
        free(text);
    }
    instance_done(i);
}

Test(header_limits, twenty_thousand_mutated_data_sets_do_no_harm, .timeout = 600)
{
    static const char *const syntaxes[] = {EXPLICIT, IMPLICIT, BIG_ENDIAN_EXPLICIT, DEFLATED};
    uint32_t state = 20260314;

    largest_realloc = 0;
    for (int s = 0; s < 4; s++) {
        _cleanup_dataset_ struct dataset d = {.transfer_syntax_uid =
                                                  s < 3 ? syntaxes[s] : EXPLICIT};

        put_rich(&d);
        if (s == 3)
            deflate_dataset(&d);
        for (int round = 0; round < 5000; round++) {
            uint8_t *bytes = malloc(d.n);
            size_t n = d.n;
            struct instance whole, pieces;
            const char *problem;
            int r;

            memcpy(bytes, d.bytes, n);
            mutate(bytes, &n, &state);
            r = read_bytes(syntaxes[s], bytes, n, 0, &whole, &problem);
            cr_assert_eq(read_bytes(syntaxes[s], bytes, n, next_random(&state) % 40, &pieces, NULL),
                         r);
            cr_assert_eq(whole.flags, pieces.flags);
            instance_done(&pieces);
            expect_sane(r, &whole, problem);
            free(bytes);
        }
    }
    cr_assert_leq(largest_realloc, HEADER_TOTAL_MAX);
}
