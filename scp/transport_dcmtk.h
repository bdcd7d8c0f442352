/* The socket under DCMTK's upper layer: time limits for every phase, few system calls.
 * C++, for the bridge only. */
#ifndef ISTHMUS_SCP_TRANSPORT_DCMTK_H
#define ISTHMUS_SCP_TRANSPORT_DCMTK_H

#include "scp/dimse.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/dcmlayer.h>
#include <dcmtk/dcmnet/dcmtrans.h>
#include <memory>
#include <vector>

class TransportLayer;

/* Reads ahead up to 64 KiB, so that a command and a small data set cost one recv(2), and keeps
 * what is written until flush(), so that a response is one send(2). DUL calls read() in a
 * blocking way; a limit ends it with -1 and end() says why. */
class Transport : public DcmTransportConnection
{
  public:
    Transport(DcmNativeSocketType fd, TransportLayer &layer);
    ~Transport() override;

    /* The next bytes begin a new PDU: allow @idle_ms until they come (0: no limit), then
     * limits.pdu_ms until the PDU is complete. A drain waits for the rest of a message, but not for
     * a @new_message. */
    void expect_pdu(int idle_ms, bool new_message);
    /* Send what was written. 0, -ETIMEDOUT or -ECONNRESET. */
    int flush();
    /* Bytes of the peer, or @fd readable, or the time is over; true in the first case. */
    bool wait_for_either(int fd, int timeout_ms);
    /* Why the last read() or flush() ended: 0, -ETIMEDOUT, -ECONNRESET, -ECANCELED. */
    int end() const
    {
        return end_;
    }

    ssize_t read(void *buffer, size_t n) override;
    ssize_t write(void *buffer, size_t n) override;
    void close() override;
    void closeTransportConnection() override
    {
        close();
    }
    OFBool networkDataAvailable(int timeout_s) override;
    OFCondition serverSideHandshake() override
    {
        return EC_Normal;
    }
    OFCondition clientSideHandshake() override
    {
        return EC_Normal;
    }
    OFCondition renegotiate(const char *) override
    {
        return EC_Normal;
    }
    unsigned long getPeerCertificateLength() override
    {
        return 0;
    }
    unsigned long getPeerCertificate(void *, unsigned long) override
    {
        return 0;
    }
    OFBool isTransparentConnection() override
    {
        return OFTrue;
    }
    OFString &dumpConnectionParameters(OFString &text) override
    {
        return text = "TCP";
    }

  private:
    void pdu_begins();
    int64_t ends_ms() const;
    int wait_for(short events, int64_t waiting_since);
    ssize_t receive(void *buffer, size_t n);

    TransportLayer &layer_;
    const dimse_limits limits_;
    int64_t ends_ms_;     /* of the whole association; 0: never */
    int64_t deadline_ms_; /* of the present phase; 0: none */
    bool between_pdus_ = true, between_messages_ = true;
    int end_ = 0;
    std::unique_ptr<unsigned char[]> in_;
    std::vector<unsigned char> out_;
    size_t in_begin_ = 0, in_end_ = 0;
};

/* Makes the Transport of one association when DCMTK asks for it. DCMTK may delete it whenever
 * something fails; what is asked of it then goes nowhere. */
class TransportLayer : public DcmTransportLayer
{
  public:
    DcmTransportConnection *createConnection(DcmNativeSocketType fd, OFBool secure) override;

    /* As of Transport; without one any more it is as if the peer had gone. */
    int flush();
    int end() const;

    dimse_limits limits{};
    Transport *transport = nullptr; /* owned by DCMTK */
    bool taken = false;             /* the socket was taken over, once */
    int ended = 0;                  /* end() of the Transport that is gone */
};

extern volatile int transport_draining;

#endif
