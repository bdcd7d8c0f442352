#include "scp/handover.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

int handover_pair(int ret[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0 ? -errno : 0;
}

union control {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

int handover_send(int end, int fd, uint64_t number)
{
    union control control = {0};
    struct iovec iov = {&number, sizeof number};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.space,
                       .msg_controllen = sizeof control.space};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    return sendmsg(end, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int handover_receive(int end, int *ret_fd, uint64_t *ret_number)
{
    union control control = {0};
    uint64_t number = 0;
    struct iovec iov = {&number, sizeof number};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.space,
                       .msg_controllen = sizeof control.space};
    ssize_t n = recvmsg(end, &m, MSG_CMSG_CLOEXEC);

    if (n < 0)
        return -errno;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (n == 0 || !c || c->cmsg_type != SCM_RIGHTS)
        return -EPIPE;
    memcpy(ret_fd, CMSG_DATA(c), sizeof *ret_fd);
    *ret_number = number;
    return 0;
}

void handover_say(int end, enum handover_word word)
{
    char letter = (char)word;

    (void)send(end, &letter, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int handover_hear(int end)
{
    char letter;
    ssize_t n = recv(end, &letter, 1, MSG_DONTWAIT);

    if (n == 1)
        return letter;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EPIPE;
}
