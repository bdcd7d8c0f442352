/* Any bytes as what a peer sends on its connection: negotiation and PDUs as DCMTK and our bridge
 * read them, up to the PDVs. All contexts are accepted, extended negotiation is read. */
#include "scp/dimse.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    dimse_start();
    return 0;
}

static void negotiate(struct association *a)
{
    static struct dimse_context c;
    uint8_t extended[64];

    for (unsigned i = 0; dimse_proposed(a, i, &c) == 0; i++) {
        if (c.n_transfer_syntaxes > 0)
            (void)dimse_context_accept(a, c.id, c.transfer_syntaxes[0]);
        else
            (void)dimse_context_refuse(a, c.id, false);
        size_t n = dimse_extended(a, c.abstract_syntax, extended, sizeof extended);
        if (n > 0)
            (void)dimse_extended_answer(a, c.abstract_syntax, extended, n);
    }
}

static void serve(int fd)
{
    const struct dimse_limits limits = {131072, 1000, 1000, 1000, 2000};
    struct association *a = NULL;
    struct dimse_pdv pdv;
    volatile uint8_t last;

    if (dimse_accept(fd, &limits, &a) < 0)
        return;
    negotiate(a);
    if (dimse_acknowledge(a) == 0)
        while (dimse_read(a, true, &pdv) == 0)
            if (pdv.n > 0)
                last = pdv.bytes[pdv.n - 1];
    (void)last;
    dimse_close(a);
}

/* All that the peer says fits the socket's buffer; it listens to nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    int pair[2];

    if (n > 65536)
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
        (n > 0 && write(pair[1], bytes, n) != (ssize_t)n) || shutdown(pair[1], SHUT_WR) < 0)
        abort();
    serve(pair[0]);
    (void)close(pair[1]);
    return 0;
}
