#include "scp/dimse.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct dimse_limits limits = {16384, 1000, 1000, 1000, 2000};

/* What a peer says that sends @n bytes and then no more. */
static int accept_bytes(const uint8_t *bytes, size_t n)
{
    struct association *a = NULL;
    int pair[2], r;

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_eq(write(pair[1], bytes, n), (ssize_t)n);
    cr_assert_eq(shutdown(pair[1], SHUT_WR), 0);
    r = dimse_accept(pair[0], &limits, &a);
    dimse_close(a);
    (void)close(pair[1]);
    return r;
}

Test(dimse, an_abort_in_place_of_a_request_is_no_association, .init = dimse_start)
{
    const uint8_t abort_pdu[10] = {7, 0, 0, 0, 0, 4, 0, 0, 2, 0};

    cr_assert_lt(accept_bytes(abort_pdu, sizeof abort_pdu), 0);
}

Test(dimse, an_empty_connection_is_no_association, .init = dimse_start)
{
    cr_assert_eq(accept_bytes((const uint8_t *)"", 0), -ECONNRESET);
}
