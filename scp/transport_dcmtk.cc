#include "scp/transport_dcmtk.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

volatile int transport_draining = 0;

static const size_t read_ahead = 64 * 1024;
static const int drain_idle_ms = 1000; /* while draining, an association this long idle is cut */

static int64_t now_ms()
{
    timespec t{};
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return static_cast<int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1000000;
}

/* @ms from now; 0 stays 0: no limit. */
static int64_t in_ms(int ms)
{
    return ms > 0 ? now_ms() + ms : 0;
}

Transport::Transport(DcmNativeSocketType fd, TransportLayer &layer)
    : DcmTransportConnection(fd), layer_(layer), limits_(layer.limits),
      ends_ms_(in_ms(limits_.association_ms)), deadline_ms_(in_ms(limits_.artim_ms)),
      in_(new unsigned char[read_ahead]) /* not std::vector, which would clear it */
{
    /* Without it every response waits 40 ms for the peer's delayed acknowledgement. */
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* What the peer is slower to read than we to find stays here, not in megabytes of the kernel:
     * all of it would come before the answer to a C-CANCEL. */
    int unsent = static_cast<int>(read_ahead);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    timeval step{drain_idle_ms / 1000, drain_idle_ms % 1000 * 1000};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &step, sizeof step);
}

Transport::~Transport()
{
    Transport::close();
    layer_.ended = end_;
    layer_.transport = nullptr;
}

void Transport::expect_pdu(int idle_ms, bool new_message)
{
    between_pdus_ = true;
    between_messages_ = new_message;
    deadline_ms_ = in_ms(idle_ms);
}

void Transport::pdu_begins()
{
    if (between_pdus_)
        deadline_ms_ = in_ms(limits_.pdu_ms);
    between_pdus_ = false;
}

/* When the present phase is over, or the association; 0: never. */
int64_t Transport::ends_ms() const
{
    return ends_ms_ != 0 && (deadline_ms_ == 0 || ends_ms_ < deadline_ms_) ? ends_ms_
                                                                           : deadline_ms_;
}

/* Wait until @events or a limit: 0, -ETIMEDOUT, -ECANCELED. */
int Transport::wait_for(short events, int64_t waiting_since)
{
    const int64_t end = ends_ms();
    for (;;) {
        const int64_t now = now_ms();
        if (end != 0 && now >= end)
            return -ETIMEDOUT;
        if (transport_draining && between_pdus_ && between_messages_ &&
            now - waiting_since >= drain_idle_ms)
            return -ECANCELED;
        /* In steps, so that a drain that began just before poll() is seen too. */
        const int64_t step = end == 0 || end - now > drain_idle_ms ? drain_idle_ms : end - now;
        pollfd p = {getSocket(), events, 0};
        if (poll(&p, 1, static_cast<int>(step)) > 0)
            return 0;
    }
}

/* As a rule what comes next is not there yet, and comes soon: recv(2) itself waits for it, as long
 * as SO_RCVTIMEO lets it. */
ssize_t Transport::receive(void *buffer, size_t n)
{
    const int64_t since = now_ms(), end = ends_ms();
    const bool waits = !transport_draining && (end == 0 || end - since > drain_idle_ms);
    int flags = waits ? 0 : MSG_DONTWAIT;
    for (int64_t now = since; ends_ms_ == 0 || now < ends_ms_; now = now_ms()) {
        const ssize_t got = recv(getSocket(), buffer, n, flags);
        if (got > 0)
            return got;
        flags = MSG_DONTWAIT;
        if (got < 0 && errno == EINTR)
            continue;
        end_ = got < 0 && errno == EAGAIN ? wait_for(POLLIN, since) : -ECONNRESET;
        if (end_ != 0) {
            errno = -end_; /* never EINTR: DUL would call again */
            return -1;
        }
    }
    end_ = -ETIMEDOUT; /* also for a peer that always has data */
    errno = ETIMEDOUT;
    return -1;
}

ssize_t Transport::read(void *buffer, size_t n)
{
    if (in_begin_ == in_end_) {
        const bool direct = n >= read_ahead;
        const ssize_t got = receive(direct ? buffer : in_.get(), direct ? n : read_ahead);
        if (got < 0)
            return -1;
        pdu_begins();
        if (direct)
            return got;
        in_begin_ = 0;
        in_end_ = static_cast<size_t>(got);
    }
    pdu_begins();
    const size_t have = in_end_ - in_begin_;
    const size_t take = n < have ? n : have;
    std::memcpy(buffer, in_.get() + in_begin_, take);
    in_begin_ += take;
    return static_cast<ssize_t>(take);
}

ssize_t Transport::write(void *buffer, size_t n)
{
    const auto *bytes = static_cast<const unsigned char *>(buffer);
    if (out_.size() + n > read_ahead && flush() != 0)
        return -1;
    out_.insert(out_.end(), bytes, bytes + n);
    return static_cast<ssize_t>(n);
}

int Transport::flush()
{
    size_t sent = 0;
    deadline_ms_ = in_ms(limits_.pdu_ms);
    between_pdus_ = false;
    end_ = 0;
    while (sent < out_.size() && end_ == 0) {
        const ssize_t n =
            send(getSocket(), out_.data() + sent, out_.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            sent += static_cast<size_t>(n);
        else if (errno == EAGAIN)
            end_ = wait_for(POLLOUT, now_ms());
        else if (errno != EINTR)
            end_ = -ECONNRESET;
    }
    out_.clear();
    return end_;
}

bool Transport::wait_for_either(int fd, int timeout_ms)
{
    if (in_begin_ < in_end_)
        return true;
    pollfd p[] = {{getSocket(), POLLIN, 0}, {fd, POLLIN, 0}};
    return poll(p, fd < 0 ? 1 : 2, timeout_ms) > 0 && p[0].revents != 0;
}

void Transport::close()
{
    if (getSocket() < 0)
        return;
    if (!out_.empty())
        (void)flush();
    (void)::close(getSocket());
    setSocket(-1);
}

OFBool Transport::networkDataAvailable(int timeout_s)
{
    if (in_begin_ < in_end_)
        return OFTrue;
    pollfd p = {getSocket(), POLLIN, 0};
    return poll(&p, 1, timeout_s < 0 ? -1 : timeout_s * 1000) > 0;
}

DcmTransportConnection *TransportLayer::createConnection(DcmNativeSocketType fd, OFBool)
{
    transport = new Transport(fd, *this);
    taken = true;
    return transport;
}

int TransportLayer::flush()
{
    return transport ? transport->flush() : -ECONNRESET;
}

int TransportLayer::end() const
{
    return transport ? transport->end() : ended;
}
