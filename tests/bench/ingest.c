/* C-STORE as fast as the other side answers, with a DICOM sender of its own, and the floor: the
 * same bytes written to files that are synced one by one.
 *   ingest HOST PORT AET ASSOCIATIONS STUDIES SERIES INSTANCES BYTES PDU many|same|each SEED
 *   ingest floor DIRECTORY COUNT BYTES
 * CT images of BYTES of pixels in Explicit VR Little Endian, one request at a time on each
 * association. many: each association sends studies of its own; same: all share each study; each:
 * every instance goes over an association of its own. PDU is the longest that is sent. Prints one
 * line of JSON; exit status 1: an answer was not Success. */
#include "tests/bench/times.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CT "1.2.840.10008.5.1.4.1.1.2"
#define EXPLICIT "1.2.840.10008.1.2.1"
#define HEADER_MAX 2048
#define SENDERS_MAX 256

enum kind { MANY, SAME, EACH };

static struct {
    const char *host, *port, *aet;
    unsigned senders, studies, series, instances, seed;
    size_t bytes, pdu;
    enum kind kind;
} job;

struct buffer {
    uint8_t *bytes;
    size_t n;
};

struct sender {
    pthread_t thread;
    unsigned number;
    int fd;
    size_t pdu; /* the longest that the other side takes */
    uint16_t message;
    struct buffer data, out;
    double *times;
    size_t n_times;
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "ingest: %s\n", what);
    exit(1);
}

/* --- bytes: every buffer is made large enough for all that one instance needs -------------- */

static void put(struct buffer *b, const void *bytes, size_t n)
{
    memcpy(b->bytes + b->n, bytes, n);
    b->n += n;
}

static void put_number(struct buffer *b, uint64_t value, int bytes, bool big_endian)
{
    for (int i = 0; i < bytes; i++)
        b->bytes[b->n++] = (uint8_t)(value >> 8 * (big_endian ? bytes - 1 - i : i));
}

static uint32_t get_number(const uint8_t *p, int bytes, bool big_endian)
{
    uint32_t value = 0;

    for (int i = 0; i < bytes; i++)
        value = value << 8 | p[big_endian ? i : bytes - 1 - i];
    return value;
}

static void put_tag(struct buffer *b, uint32_t tag)
{
    put_number(b, tag >> 16, 2, false);
    put_number(b, tag & 0xFFFF, 2, false);
}

static void put_text(struct buffer *b, uint32_t tag, const char *vr, const char *text)
{
    size_t n = strlen(text);

    put_tag(b, tag);
    put(b, vr, 2);
    put_number(b, n + n % 2, 2, false);
    put(b, text, n);
    if (n % 2)
        put(b, strcmp(vr, "UI") == 0 ? "" : " ", 1);
}

static void put_short(struct buffer *b, uint32_t tag, unsigned value)
{
    put_tag(b, tag);
    put(b, "US\2\0", 4);
    put_number(b, value, 2, false);
}

static void put_item(struct buffer *b, uint8_t type, const void *bytes, size_t n)
{
    put_number(b, (uint64_t)type << 24 | n, 4, true);
    put(b, bytes, n);
}

/* --- the wire ------------------------------------------------------------------------------ */

static void send_all(int fd, const uint8_t *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = write(fd, bytes, n);

        if (sent <= 0)
            fail("the connection ended");
        bytes += sent;
        n -= (size_t)sent;
    }
}

static void take_all(int fd, uint8_t *bytes, size_t n)
{
    while (n > 0) {
        ssize_t got = read(fd, bytes, n);

        if (got <= 0)
            fail("the connection ended");
        bytes += got;
        n -= (size_t)got;
    }
}

/* One PDU into @body; its length. */
static size_t take_pdu(int fd, uint8_t type, uint8_t *body, size_t max)
{
    uint8_t head[6];

    take_all(fd, head, sizeof head);
    size_t n = get_number(head + 2, 4, true);
    if (head[0] != type || n > max)
        fail("not the answer that was expected");
    take_all(fd, body, n);
    return n;
}

static int dial(void)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *address;
    int fd, one = 1;

    if (getaddrinfo(job.host, job.port, &hints, &address) != 0)
        fail("the host is not known");
    fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, address->ai_addr, address->ai_addrlen) < 0)
        fail("nobody listens there");
    freeaddrinfo(address);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* Maximum Length of an A-ASSOCIATE-AC (PS3.8 D.1); the one context has to be accepted. */
static size_t length_accepted(const uint8_t *body, size_t n)
{
    size_t pdu = 0;

    for (size_t at = 68; at + 4 <= n;) {
        size_t length = get_number(body + at + 2, 2, true);

        if (at + 4 + length > n || (body[at] == 0x21 && body[at + 6] != 0))
            fail("the presentation context is not accepted");
        for (size_t sub = at + 4; body[at] == 0x50 && sub + 8 <= at + 4 + length;
             sub += 4 + get_number(body + sub + 2, 2, true))
            if (body[sub] == 0x51)
                pdu = get_number(body + sub + 4, 4, true);
        at += 4 + length;
    }
    return pdu == 0 || pdu > job.pdu ? job.pdu : pdu;
}

static void associate(struct sender *s)
{
    uint8_t bytes[512], item[256], body[4096];
    struct buffer b = {bytes, 6}, i = {item, 0};
    char titles[33];

    put_number(&b, 0x00010000, 4, true);
    (void)snprintf(titles, sizeof titles, "%-16.16s%-16s", job.aet, "BENCH");
    put(&b, titles, 32);
    memset(b.bytes + b.n, 0, 32);
    b.n += 32;
    put_item(&b, 0x10, "1.2.840.10008.3.1.1.1", 21);
    put_number(&i, 0x01000000, 4, true);
    put_item(&i, 0x30, CT, strlen(CT));
    put_item(&i, 0x40, EXPLICIT, strlen(EXPLICIT));
    put_item(&b, 0x20, item, i.n);
    i.n = 0;
    put_item(&i, 0x51, "\0\1\0\0", 4);
    put_item(&i, 0x52, "2.25.1", 6);
    put_item(&b, 0x50, item, i.n);
    bytes[0] = 1;
    bytes[1] = 0;
    struct buffer length = {bytes + 2, 0};
    put_number(&length, b.n - 6, 4, true);
    s->fd = dial();
    send_all(s->fd, bytes, b.n);
    s->pdu = length_accepted(body, take_pdu(s->fd, 2, body, sizeof body));
}

static void release(struct sender *s)
{
    uint8_t body[16];

    send_all(s->fd, (const uint8_t *)"\5\0\0\0\0\4\0\0\0\0", 10);
    (void)take_pdu(s->fd, 6, body, sizeof body);
    (void)close(s->fd);
}

/* --- one instance -------------------------------------------------------------------------- */

static void make_data(struct buffer *b, unsigned study, unsigned series, unsigned instance,
                      const char *uid)
{
    char text[64];
    const char *dot = strrchr(uid, '.');

    b->n = 0;
    put_text(b, 0x00080005, "CS", "ISO_IR 100");
    put_text(b, 0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL");
    put_text(b, 0x00080016, "UI", CT);
    put_text(b, 0x00080018, "UI", uid);
    put_text(b, 0x00080020, "DA", "20260131");
    put_text(b, 0x00080030, "TM", "101500");
    (void)snprintf(text, sizeof text, "%06u%06u", study, instance);
    put_text(b, 0x00080032, "TM", text + 6);
    (void)snprintf(text, sizeof text, "A%u-%u", job.seed, study);
    put_text(b, 0x00080050, "SH", text);
    put_text(b, 0x00080060, "CS", "CT");
    put_text(b, 0x00080070, "LO", "Maker");
    put_text(b, 0x00080080, "LO", "Hospital");
    put_text(b, 0x00080090, "PN", "Refers^To");
    put_text(b, 0x00081030, "LO", "CT Abdomen");
    put_text(b, 0x0008103E, "LO", "Axial 5mm");
    (void)snprintf(text, sizeof text, "Bench^Number%u", study / 3);
    put_text(b, 0x00100010, "PN", text);
    (void)snprintf(text, sizeof text, "P%u-%u", job.seed, study / 3);
    put_text(b, 0x00100020, "LO", text);
    put_text(b, 0x00100030, "DA", "19600101");
    put_text(b, 0x00100040, "CS", study / 3 % 2 ? "M" : "F");
    put_text(b, 0x00180015, "CS", "ABDOMEN");
    put_text(b, 0x00180050, "DS", "5.0");
    (void)snprintf(text, sizeof text, "%.*s", (int)(dot - uid), uid);
    *strrchr(text, '.') = '\0';
    put_text(b, 0x0020000D, "UI", text);
    (void)snprintf(text, sizeof text, "%.*s", (int)(dot - uid), uid);
    put_text(b, 0x0020000E, "UI", text);
    (void)snprintf(text, sizeof text, "%u", series + 1);
    put_text(b, 0x00200011, "IS", text);
    put_text(b, 0x00200013, "IS", dot + 1);
    put_short(b, 0x00280002, 1);
    put_text(b, 0x00280004, "CS", "MONOCHROME2");
    put_short(b, 0x00280010, (unsigned)(job.bytes / 1024));
    put_short(b, 0x00280011, 512);
    put_short(b, 0x00280100, 16);
    put_tag(b, 0x7FE00010);
    put(b, "OW\0\0", 4);
    put_number(b, job.bytes, 4, false);
    for (size_t i = 0; i < job.bytes; i++)
        b->bytes[b->n++] = (uint8_t)(i * 2654435761U >> 13);
}

/* P-DATA-TF PDUs of one PDV each. */
static void put_message(struct sender *s, const struct buffer *b, uint8_t command)
{
    for (size_t at = 0; at < b->n;) {
        size_t most = (s->pdu - 6) & ~(size_t)1, n = b->n - at < most ? b->n - at : most;

        put(&s->out, "\4", 2);
        put_number(&s->out, n + 6, 4, true);
        put_number(&s->out, n + 2, 4, true);
        put_number(&s->out, 1, 1, true);
        put_number(&s->out, command | (at + n == b->n ? 2U : 0U), 1, true);
        put(&s->out, b->bytes + at, n);
        at += n;
    }
}

static void put_element(struct buffer *b, uint32_t tag, const void *bytes, size_t n)
{
    put_tag(b, tag);
    put_number(b, n + n % 2, 4, false);
    put(b, bytes, n);
    if (n % 2)
        put(b, "", 1);
}

static void make_command(struct sender *s, struct buffer *b, const char *uid)
{
    uint8_t number[2] = {(uint8_t)s->message, (uint8_t)(s->message >> 8)};

    s->message++;
    put_element(b, 0x00000000, "\0\0\0", 4);
    put_element(b, 0x00000002, CT, strlen(CT));
    put_element(b, 0x00000100, "\1", 2);
    put_element(b, 0x00000110, number, 2);
    put_element(b, 0x00000700, "\0", 2);
    put_element(b, 0x00000800, "\0", 2);
    put_element(b, 0x00001000, uid, strlen(uid));
    struct buffer length = {b->bytes + 8, 0};
    put_number(&length, b->n - 12, 4, false);
}

static unsigned take_status(const struct sender *s)
{
    uint8_t body[4096];
    size_t n = take_pdu(s->fd, 4, body, sizeof body);

    for (size_t at = 6; at + 10 <= n; at += 8 + get_number(body + at + 4, 4, false))
        if (memcmp(body + at, "\0\0\0\x09", 4) == 0)
            return get_number(body + at + 8, 2, false);
    fail("a response without status");
    return 0;
}

static void store(struct sender *s, unsigned study, unsigned series, unsigned instance)
{
    uint8_t bytes[512];
    struct buffer command = {bytes, 0};
    char uid[65];
    double began;

    (void)snprintf(uid, sizeof uid, "1.2.826.0.1.3680043.10.1002.%u.%u.%u.%u", job.seed, study + 1,
                   series + 1, instance + 1);
    make_data(&s->data, study, series, instance, uid);
    began = now_ms();
    if (job.kind == EACH)
        associate(s);
    make_command(s, &command, uid);
    s->out.n = 0;
    put_message(s, &command, 1);
    put_message(s, &s->data, 0);
    send_all(s->fd, s->out.bytes, s->out.n);
    if (take_status(s) != 0)
        fail("an instance was not stored");
    if (job.kind == EACH)
        release(s);
    s->times[s->n_times++] = now_ms() - began;
}

/* --- all of them --------------------------------------------------------------------------- */

static void *run(void *context)
{
    struct sender *s = context;
    size_t room = job.bytes + HEADER_MAX;
    unsigned turn = 0;

    s->data.bytes = malloc(room);
    s->out.bytes = malloc(2 * room + 12 * (room / 1024));
    s->times = calloc((size_t)job.studies * job.series * job.instances, sizeof *s->times);
    if (!s->data.bytes || !s->out.bytes || !s->times)
        fail("no memory");
    if (job.kind != EACH)
        associate(s);
    for (unsigned study = 0; study < job.studies; study++)
        for (unsigned series = 0; series < job.series; series++)
            for (unsigned instance = 0; instance < job.instances; instance++) {
                turn = job.kind == MANY ? study : instance;
                if (turn % job.senders == s->number)
                    store(s, study, series, instance);
            }
    if (job.kind != EACH)
        release(s);
    free(s->data.bytes);
    free(s->out.bytes);
    return NULL;
}

static void report(struct sender *senders, double seconds)
{
    size_t n = 0;
    double *all = calloc((size_t)job.studies * job.series * job.instances, sizeof *all);

    if (!all)
        fail("no memory");
    for (unsigned i = 0; i < job.senders; i++) {
        memcpy(all + n, senders[i].times, senders[i].n_times * sizeof *all);
        n += senders[i].n_times;
        free(senders[i].times);
    }
    qsort(all, n, sizeof *all, compare_times);
    (void)printf("{\"instances\": %zu, \"per_s\": %.1f, \"median_ms\": %.3f, \"p99_ms\": %.3f}\n",
                 n, (double)n / seconds, all[n / 2], all[n * 99 / 100]);
    free(all);
}

static void ingest(void)
{
    static struct sender senders[SENDERS_MAX];
    double began = now_ms();

    for (unsigned i = 0; i < job.senders; i++) {
        senders[i].number = i;
        if (pthread_create(&senders[i].thread, NULL, run, &senders[i]) != 0)
            fail("no thread");
    }
    for (unsigned i = 0; i < job.senders; i++)
        (void)pthread_join(senders[i].thread, NULL);
    report(senders, (now_ms() - began) / 1e3);
}

static void measure_floor(const char *directory, unsigned count, size_t bytes)
{
    char path[4096];
    uint8_t *content = calloc(1, bytes);
    double began = now_ms();

    if (!content)
        fail("no memory");
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "%s/%u", directory, i);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, content, bytes) != (ssize_t)bytes || fsync(fd) < 0 || close(fd) < 0)
            fail("the directory cannot be written");
    }
    (void)printf("{\"instances\": %u, \"per_s\": %.1f}\n", count,
                 count / ((now_ms() - began) / 1e3));
    free(content);
}

static unsigned number(const char *text)
{
    unsigned long value = strtoul(text, NULL, 10);

    if (value == 0 || value > 100000000)
        fail("a number from 1 to 100000000 is wanted");
    return (unsigned)value;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "floor") == 0) {
        measure_floor(argv[2], number(argv[3]), number(argv[4]));
        return 0;
    }
    if (argc != 12)
        fail("wants HOST PORT AET ASSOCIATIONS STUDIES SERIES INSTANCES BYTES PDU KIND SEED");
    job.host = argv[1];
    job.port = argv[2];
    job.aet = argv[3];
    job.senders = number(argv[4]);
    job.studies = number(argv[5]);
    job.series = number(argv[6]);
    job.instances = number(argv[7]);
    job.bytes = number(argv[8]);
    job.pdu = number(argv[9]);
    job.kind = strcmp(argv[10], "same") == 0 ? SAME : strcmp(argv[10], "each") == 0 ? EACH : MANY;
    job.seed = number(argv[11]);
    if (job.senders > SENDERS_MAX || job.pdu < 1024)
        fail("at most 256 associations and PDUs of at least 1024 bytes");
    ingest();
    return 0;
}
