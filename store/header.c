#include "store/header.h"
#include "store/base/cleanup.h"
#include "store/header_parse.h"
#include "store/header_recall.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct header {
    struct parser parser;
    struct recall *recall; /* NULL: it served for no other data set yet */
    bool deflated, inflated_all;
    z_stream z;
};

/* Transfer syntaxes whose whole data set is deflated (PS3.5 A.5, A.7, A.10). */
static bool is_deflated(const char *uid)
{
    return strcmp(uid, "1.2.840.10008.1.2.1.99") == 0 ||
           strcmp(uid, "1.2.840.10008.1.2.4.95") == 0 ||
           strcmp(uid, "1.2.840.10008.1.2.4.205") == 0;
}

static int begin(struct header *h, const char *transfer_syntax_uid)
{
    if (is_deflated(transfer_syntax_uid)) {
        if (inflateInit2(&h->z, -MAX_WBITS) != Z_OK)
            return -ENOMEM;
        h->deflated = true;
    }
    parser_begin(&h->parser, strcmp(transfer_syntax_uid, "1.2.840.10008.1.2") == 0,
                 strcmp(transfer_syntax_uid, "1.2.840.10008.1.2.2") == 0);
    return 0;
}

int header_new(const char *transfer_syntax_uid, struct header **ret)
{
    struct header *h = calloc(1, sizeof *h);

    if (!h)
        return -ENOMEM;
    if (begin(h, transfer_syntax_uid) < 0) {
        free(h);
        return -ENOMEM;
    }
    *ret = h;
    return 0;
}

static void done(struct header *h)
{
    if (h->deflated)
        (void)inflateEnd(&h->z);
    parser_done(&h->parser);
}

int header_again(struct header *h, const char *transfer_syntax_uid)
{
    struct tokens *t = &h->parser.tokens, kept = {.size = t->size, .bytes = TAKE_PTR(t->bytes)};
    struct recall *recall = h->recall ? h->recall : recall_new();

    done(h);
    *h = (struct header){.parser.tokens = kept, .recall = recall};
    return recall ? begin(h, transfer_syntax_uid) : -ENOMEM;
}

struct header *header_free(struct header *h)
{
    if (!h)
        return NULL;
    done(h);
    recall_free(h->recall);
    free(h);
    return NULL;
}

static void feed_deflated(struct header *h, const uint8_t *bytes, size_t n)
{
    struct parser *p = &h->parser;
    uint8_t out[16384];

    while (n > 0 && p->state != AT_END && !h->inflated_all) {
        uInt now = n > UINT32_MAX ? UINT32_MAX : (uInt)n;
        int result = Z_OK;

        h->z.next_in = (Bytef *)(uintptr_t)bytes;
        h->z.avail_in = now;
        do {
            h->z.next_out = out;
            h->z.avail_out = sizeof out;
            result = inflate(&h->z, Z_NO_FLUSH);
            parser_feed(p, out, sizeof out - h->z.avail_out);
            if (h->z.total_out > HEADER_INFLATED_MAX) {
                p->flags |= INSTANCE_HEADER_CUT;
                parser_truncated(p);
            }
        } while (result == Z_OK && p->state != AT_END && h->z.avail_out == 0);
        if (p->state == AT_END)
            return;
        if (result == Z_MEM_ERROR)
            parser_fail_memory(p);
        else if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            parser_fail(p, "the deflated stream is damaged");
        h->inflated_all = result == Z_STREAM_END;
        bytes += now;
        n -= now;
    }
}

int header_feed(struct header *h, const void *bytes, size_t n)
{
    struct parser *p = &h->parser;

    if (p->error || p->state == AT_END)
        return p->error;
    if (h->deflated)
        feed_deflated(h, bytes, n);
    else
        parser_feed(p, bytes, n);
    return p->error;
}

int header_finish(struct header *h, struct instance *ret)
{
    struct parser *p = &h->parser;

    if (h->deflated && !h->inflated_all && h->z.total_in > 0 && p->state != AT_END)
        parser_truncated(p);
    parser_finish(p);
    if (p->error)
        return p->error;
    ret->flags |= p->flags;
    if (p->references.set.cut)
        ret->flags |= INSTANCE_REFERENCES_CUT;
    if (references_text(&p->references.set, &ret->references) < 0)
        return -ENOMEM;
    return tokens_to_instance(&p->tokens, h->recall, ret);
}

const char *header_problem(const struct header *h)
{
    return h->parser.problem;
}
