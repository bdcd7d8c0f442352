#include "scp/waiting.h"

#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

static enum waiting_state look_after(struct waiting *w, int peer, const void *bytes, size_t n)
{
    cr_assert_eq(write(peer, bytes, n), (ssize_t)n);
    return waiting_look(w);
}

static struct waiting connection(int *ret_peer)
{
    int ends[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    *ret_peer = ends[1];
    return (struct waiting){.fd = ends[0]};
}

Test(waiting, a_request_is_ready_when_its_length_has_arrived)
{
    int peer;
    struct waiting w = connection(&peer);

    cr_assert_eq(waiting_look(&w), WAITING_STILL, "silence");
    cr_assert_eq(look_after(&w, peer, "\1\0\0", 3), WAITING_STILL, "half a header");
    cr_assert_eq(look_after(&w, peer, "\0\0\4", 3), WAITING_STILL, "the header");
    cr_assert_eq(look_after(&w, peer, "abcd", 4), WAITING_READY, "all of it");

    char all[10];
    cr_assert_eq(read(w.fd, all, sizeof all), 10, "nothing was taken from the socket");
    close(w.fd);
    close(peer);
}

Test(waiting, a_request_that_came_at_once_is_ready_at_once)
{
    int peer;
    struct waiting w = connection(&peer);

    cr_assert_eq(look_after(&w, peer, "\1\0\0\0\0\4abcd", 10), WAITING_READY);
    close(w.fd);
    close(peer);
}

Test(waiting, other_protocols_are_aliens)
{
    static const char *const greetings[] = {"GET / HTTP/1.0\r\n", "\x16\3\1\2\0\1", "\4\0\0\0\0\1",
                                            "\1\0\x7f\xff\xff\xff"};

    for (size_t i = 0; i < 4; i++) {
        int peer;
        struct waiting w = connection(&peer);
        cr_assert_eq(look_after(&w, peer, greetings[i], 6), WAITING_ALIEN, "row %zu", i);
        close(w.fd);
        close(peer);
    }
}

Test(waiting, a_peer_that_leaves_is_gone)
{
    int peer;
    struct waiting w = connection(&peer);

    close(peer);
    cr_assert_eq(waiting_look(&w), WAITING_GONE);
    close(w.fd);
}

Test(waiting, a_rejection_is_an_a_associate_rj_for_a_local_limit)
{
    static const uint8_t expected[] = {3, 0, 0, 0, 0, 4, 0, 2, 3, 2};
    int peer;
    struct waiting w = connection(&peer);
    uint8_t got[16];

    (void)look_after(&w, peer, "\1\0\0\0\0\0", 6);
    waiting_reject(&w);
    cr_assert_eq(w.fd, -1);
    cr_assert_eq(read(peer, got, sizeof got), 10);
    cr_assert_arr_eq(got, expected, 10);
    cr_assert_eq(read(peer, got, sizeof got), 0, "closed");
    close(peer);
}
