#include "dataset.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define UNDEFINED 0xFFFFFFFFu

void dataset_done(struct dataset *d)
{
    free(d->bytes);
}

static bool is(const struct dataset *d, const char *transfer_syntax_uid)
{
    return d->transfer_syntax_uid && strcmp(d->transfer_syntax_uid, transfer_syntax_uid) == 0;
}

void put_bytes(struct dataset *d, const void *bytes, size_t n)
{
    if (d->n + n > d->size) {
        d->size = 2 * (d->n + n);
        d->bytes = realloc(d->bytes, d->size);
        cr_assert_not_null(d->bytes);
    }
    memcpy(d->bytes + d->n, bytes, n);
    d->n += n;
}

static void write_number(const struct dataset *d, uint8_t *to, uint32_t value, unsigned n)
{
    bool big_endian = is(d, BIG_ENDIAN_EXPLICIT);

    for (unsigned i = 0; i < n; i++)
        to[big_endian ? n - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

static void put_number(struct dataset *d, uint32_t value, unsigned n)
{
    uint8_t bytes[4];

    write_number(d, bytes, value, n);
    put_bytes(d, bytes, n);
}

void put_head(struct dataset *d, uint32_t tag, const char *vr, uint32_t length)
{
    bool is_long = strstr("OB OD OF OL OV OW SQ SV UC UN UR UT UV ZZ", vr);

    put_number(d, tag >> 16, 2);
    put_number(d, tag & 0xFFFF, 2);
    if (tag >> 16 == 0xFFFE || is(d, IMPLICIT)) {
        put_number(d, length, 4);
        return;
    }
    put_bytes(d, vr, 2);
    if (is_long)
        put_number(d, 0, 2);
    put_number(d, length, is_long ? 4 : 2);
}

void put_text(struct dataset *d, uint32_t tag, const char *vr, const char *text)
{
    put_head(d, tag, vr, (uint32_t)strlen(text));
    put_bytes(d, text, strlen(text));
}

void put_us(struct dataset *d, uint32_t tag, uint16_t value)
{
    put_head(d, tag, "US", 2);
    put_number(d, value, 2);
}

size_t put_sequence(struct dataset *d, uint32_t tag, bool undefined)
{
    put_head(d, tag, "SQ", undefined ? UNDEFINED : 0);
    return d->n;
}

size_t put_item(struct dataset *d, bool undefined)
{
    put_head(d, 0xFFFEE000, "", undefined ? UNDEFINED : 0);
    return d->n;
}

static void end(struct dataset *d, size_t begun, bool undefined, uint32_t delimiter)
{
    if (undefined)
        put_head(d, delimiter, "", 0);
    else
        write_number(d, d->bytes + begun - 4, (uint32_t)(d->n - begun), 4);
}

void end_sequence(struct dataset *d, size_t begun, bool undefined)
{
    end(d, begun, undefined, 0xFFFEE0DD);
}

void end_item(struct dataset *d, size_t begun, bool undefined)
{
    end(d, begun, undefined, 0xFFFEE00D);
}

void put_first_uids(struct dataset *d)
{
    put_text(d, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2");
    put_text(d, 0x00080018, "UI", "1.2.3.4");
}

void put_last_uids(struct dataset *d)
{
    put_text(d, 0x0020000D, "UI", "1.2.3");
    put_text(d, 0x0020000E, "UI", "1.2.3.3");
    put_text(d, 0x00200010, "SH", "S1");
}

void deflate_dataset(struct dataset *d)
{
    z_stream z = {.next_in = d->bytes, .avail_in = (uInt)d->n};
    size_t size = d->n + 100;
    uint8_t *out = malloc(size);

    cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = out;
    z.avail_out = (uInt)size;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    free(d->bytes);
    *d = (struct dataset){DEFLATED, out, size - z.avail_out, size};
    deflateEnd(&z);
}

int read_bytes(const char *transfer_syntax_uid, const uint8_t *bytes, size_t n, size_t step,
               struct instance *ret, const char **ret_problem)
{
    static struct header *h; /* from the second time on it has served for other data sets */
    int r;

    cr_assert_eq(h ? header_again(h, transfer_syntax_uid) : header_new(transfer_syntax_uid, &h), 0);
    for (size_t at = 0; at < n; at += step ? step : n) {
        size_t length = step && step < n - at ? step : n - at;
        uint8_t *piece = malloc(length);

        memcpy(piece, bytes + at, length);
        (void)header_feed(h, piece, length);
        free(piece);
    }
    *ret = (struct instance){.flags = 0};
    r = header_finish(h, ret);
    if (ret_problem)
        *ret_problem = header_problem(h);
    return r;
}

int read_dataset(const struct dataset *d, struct instance *ret)
{
    return read_bytes(d->transfer_syntax_uid ? d->transfer_syntax_uid : EXPLICIT, d->bytes, d->n, 0,
                      ret, NULL);
}

void expect_json(const struct instance *i, enum level level, const char *expected)
{
    char *text = json_dumps(i->attributes[level], JSON_COMPACT), *quoted = strdup(expected);

    for (char *p = quoted; (p = strchr(p, '\''));)
        *p = '"';
    cr_assert_str_eq(text, quoted, "%s\ninstead of\n%s", text, quoted);
    free(text);
    free(quoted);
}

char *instance_text(const struct instance *i)
{
    json_t *all = json_pack("[s?, s?, s?, s?, i]", i->sop_class_uid, i->sop_instance_uid,
                            i->study_instance_uid, i->series_instance_uid, (int)i->flags);
    char *text;

    for (int level = 0; level < LEVEL_COUNT; level++)
        json_array_append(all, i->attributes[level]);
    text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return text;
}

void put_procedure(struct dataset *d, bool undefined_sequence, bool undefined_item)
{
    size_t sequence = put_sequence(d, 0x00081032, undefined_sequence);
    size_t item = put_item(d, undefined_item);

    put_text(d, 0x00080100, "SH", "P");
    end_item(d, item, undefined_item);
    end_sequence(d, sequence, undefined_sequence);
}

void expect_passed(const char *transfer_syntax_uid, void (*put)(struct dataset *),
                   const char *study, unsigned flags)
{
    _cleanup_dataset_ struct dataset d = {.transfer_syntax_uid = transfer_syntax_uid};

    put_first_uids(&d);
    put(&d);
    put_last_uids(&d);
    for (size_t step = 0; step < 4; step++) {
        struct instance i;

        cr_assert_eq(read_bytes(transfer_syntax_uid, d.bytes, d.n, step, &i, NULL), 0);
        cr_assert_not_null(i.sop_class_uid);
        cr_assert_str_eq(i.sop_instance_uid, "1.2.3.4");
        cr_assert_str_eq(i.study_instance_uid, "1.2.3");
        cr_assert_str_eq(i.series_instance_uid, "1.2.3.3");
        cr_assert_eq(i.flags, flags, "flags %u instead of %u", i.flags, flags);
        expect_json(&i, LEVEL_STUDY, study);
        instance_done(&i);
    }
}
