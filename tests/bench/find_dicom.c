/* C-FIND as fast as the other side answers, one query at a time on an association that somebody
 * else has opened (find_peer): what is measured is the server and not its client.
 *   find_dicom FD CONTEXT SECONDS TAG VALUE COUNT     VALUE may have a %u for 1 … COUNT
 * Study Root at STUDY level in Implicit VR Little Endian. Prints one line of JSON. */
#include "store/identifier.h"
#include "tests/bench/times.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMES_MAX 1000000
#define PICK_SPREAD 7919u /* a prime: the values asked for are all over the table */
#define IMPLICIT "1.2.840.10008.1.2"

struct peer {
    FILE *in;
    int fd;
    uint8_t context;
    uint16_t message;
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "find_dicom: %s\n", what);
    exit(1);
}

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t little_endian(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void get(const struct peer *p, void *to, size_t n)
{
    if (fread(to, 1, n, p->in) != n)
        fail("the connection ended");
}

/* A P-DATA-TF PDU of one PDV. */
static size_t put_pdv(uint8_t *to, uint8_t context, uint8_t flags, const void *bytes, size_t n)
{
    uint8_t head[12] = {4, [10] = context, [11] = flags};

    for (int i = 0; i < 4; i++) {
        head[2 + i] = (uint8_t)((n + 6) >> (24 - 8 * i));
        head[6 + i] = (uint8_t)((n + 2) >> (24 - 8 * i));
    }
    memcpy(to, head, sizeof head);
    memcpy(to + sizeof head, bytes, n);
    return sizeof head + n;
}

static void ask(struct peer *p, const uint8_t *identifier, size_t n)
{
    static const uint8_t command[] = "\0\0\0\0\4\0\0\0\x4a\0\0\0"
                                     "\0\0\2\0\x1c\0\0\0"
                                     "1.2.840.10008.5.1.4.1.2.2.1\0"
                                     "\0\0\0\1\2\0\0\0\x20\0"
                                     "\0\0\x10\1\2\0\0\0\0\0"
                                     "\0\0\0\7\2\0\0\0\0\0"
                                     "\0\0\0\x08\2\0\0\0\0\0";
    uint8_t copy[sizeof command - 1], out[4096];
    size_t at;

    memcpy(copy, command, sizeof copy);
    p->message++;
    copy[66] = (uint8_t)p->message;
    copy[67] = (uint8_t)(p->message >> 8);
    at = put_pdv(out, p->context, 3, copy, sizeof copy);
    at += put_pdv(out + at, p->context, 2, identifier, n);
    if (write(p->fd, out, at) != (ssize_t)at)
        fail("the connection ended");
}

static uint16_t status_in(const uint8_t *command, size_t n)
{
    for (size_t at = 0; at + 10 <= n; at += 8 + little_endian(command + at + 4))
        if (memcmp(command + at, "\0\0\0\x09", 4) == 0)
            return (uint16_t)(command[at + 8] | command[at + 9] << 8);
    fail("a response without status");
    return 0;
}

/* Read responses to the final one; how many were pending. */
static unsigned answers(const struct peer *p)
{
    static uint8_t body[1 << 20];
    unsigned matches = 0;

    for (;;) {
        uint8_t head[6];

        get(p, head, sizeof head);
        uint32_t n = big_endian(head + 2);
        if (head[0] != 4 || n > sizeof body)
            fail("not an answer");
        get(p, body, n);
        for (uint32_t at = 0; at + 6 <= n; at += 4 + big_endian(body + at)) {
            uint32_t length = big_endian(body + at);

            if (length < 2 || length > n - at - 4)
                fail("not an answer");
            if ((body[at + 5] & 1) == 0)
                continue;
            uint16_t status = status_in(body + at + 6, length - 2);
            if (status != 0xFF00 && status != 0xFF01 && status != 0)
                fail("a query failed");
            if (status == 0)
                return matches;
            matches++;
        }
    }
}

static uint8_t *identifier_with(const char *tag, const char *value, size_t *ret_n)
{
    json_t *keys =
        json_pack("{s:{s:s,s:[s]},s:{s:s},s:{s:s},s:{s:s},s:{s:s},s:{s:s}}", "00080052", "vr", "CS",
                  "Value", "STUDY", "00080020", "vr", "DA", "00080050", "vr", "SH", "00100010",
                  "vr", "PN", "00100020", "vr", "LO", "0020000D", "vr", "UI");
    uint8_t *bytes = NULL;

    (void)json_object_set_new(keys, tag, json_pack("{s:s,s:[s]}", "vr", "LO", "Value", value));
    if (identifier_encode(keys, "", IMPLICIT, &bytes, ret_n) < 0 || *ret_n > 2048)
        fail("the keys cannot be encoded");
    json_decref(keys);
    return bytes;
}

int main(int argc, char **argv)
{
    static double times[TIMES_MAX];
    uint64_t n = 0, matches = 0;
    struct peer p = {.message = 0};

    if (argc != 7)
        fail("FD CONTEXT SECONDS TAG VALUE COUNT");
    p.fd = atoi(argv[1]);
    p.in = fdopen(p.fd, "r");
    p.context = (uint8_t)atoi(argv[2]);
    unsigned count = (unsigned)strtoul(argv[6], NULL, 10);
    double start = now_ms(), end = start + strtod(argv[3], NULL) * 1e3;

    while (p.in && n < TIMES_MAX && now_ms() < end) {
        char value[128];
        size_t size;

        (void)snprintf(value, sizeof value, argv[5], 1 + (unsigned)(n * PICK_SPREAD % count));
        uint8_t *identifier = identifier_with(argv[4], value, &size);
        double began = now_ms();

        ask(&p, identifier, size);
        matches += answers(&p);
        times[n++] = now_ms() - began;
        free(identifier);
    }
    if (n == 0)
        fail("nothing was asked");
    double took_s = (now_ms() - start) / 1e3;
    qsort(times, n, sizeof *times, compare_times);
    (void)printf("{\"queries\": %llu, \"queries_per_s\": %.1f, \"matches_per_s\": %.1f, "
                 "\"median_ms\": %.3f, \"p99_ms\": %.3f}\n",
                 (unsigned long long)n, (double)n / took_s, (double)matches / took_s, times[n / 2],
                 times[n * 99 / 100]);
    return 0;
}
