#include "scp/sockets.h"

#include "store/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

static int complain(char **ret_message, int error, const struct settings *s, const char *address)
{
    const char *why = error == EADDRINUSE      ? "the port is in use by another program"
                      : error == EACCES        ? "the port needs more rights than we have"
                      : error == EADDRNOTAVAIL ? "this machine does not have the address"
                                               : strerror(error);

    if (asprintf(ret_message, "cannot listen on %s port %d: %s; see scp.bind and scp.port", address,
                 s->port, why) < 0)
        *ret_message = NULL;
    return -error;
}

static int open_one(const struct addrinfo *a, bool reuse_port)
{
    int one = 1, error;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (a->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (reuse_port)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    error = errno;
    (void)close(fd);
    return -error;
}

static int open_address(const struct settings *s, const char *address, struct sockets *ret,
                        char **ret_message)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    char port[8];

    (void)snprintf(port, sizeof port, "%d", s->port);
    if (getaddrinfo(address, port, &hints, &found) != 0)
        return complain(ret_message, EADDRNOTAVAIL, s, address);
    int r = 0;
    for (const struct addrinfo *a = found; a && r == 0 && ret->n < SOCKETS_MAX; a = a->ai_next) {
        int fd = open_one(a, s->reuse_port);
        if (fd >= 0)
            ret->fds[ret->n++] = fd;
        else if (fd == -EAFNOSUPPORT || (fd == -EADDRNOTAVAIL && a->ai_family == AF_INET6))
            log_info("this machine has no IPv6; not listening on %s", address);
        else
            r = complain(ret_message, -fd, s, address);
    }
    freeaddrinfo(found);
    return r;
}

static int take_inherited(struct sockets *ret, int n)
{
    for (int i = 0; i < n && ret->n < SOCKETS_MAX; i++) {
        int fd = SD_LISTEN_FDS_START + i;
        if (!sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1))
            continue;
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        ret->fds[ret->n++] = fd;
    }
    return ret->n > 0 ? 0 : -ENOENT;
}

int sockets_open(const struct settings *s, struct sockets *ret, char **ret_message)
{
    struct sockets all = {0};
    const char *const *addresses;
    size_t n = conf_list(s->conf, "scp", "bind", &addresses);
    int inherited = sd_listen_fds(1), r = 0;

    if (inherited > 0 && take_inherited(&all, inherited) == 0) {
        *ret = all;
        return 0;
    }
    for (size_t i = 0; i < n && r == 0; i++)
        r = open_address(s, addresses[i], &all, ret_message);
    if (r == 0 && all.n == 0)
        r = complain(ret_message, EADDRNOTAVAIL, s, n > 0 ? addresses[0] : "no address");
    if (r < 0)
        sockets_close(&all);
    else
        *ret = all;
    return r;
}

void sockets_close(struct sockets *s)
{
    for (unsigned i = 0; i < s->n; i++)
        (void)close(s->fds[i]);
    s->n = 0;
}
