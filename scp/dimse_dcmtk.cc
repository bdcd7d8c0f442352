#include "scp/transport_dcmtk.h"
#include "store/file_meta.h"

#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/cond.h>
#include <dcmtk/dcmnet/dul.h>
#include <dcmtk/dcmnet/lst.h>
#include <dcmtk/oflog/oflog.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <unistd.h>

struct association {
    T_ASC_Network *network = nullptr;
    T_ASC_Association *assoc = nullptr;
    TransportLayer layer;
    bool open = false; /* the peer expects more of us than a closed socket */
    char calling[17] = "", called[17] = "";
};

/* An AE title as text for logs and the index: the default repertoire only (PS3.5 6.2, AE). */
static void copy_title(char *to, size_t size, const char *from)
{
    while (*from == ' ')
        from++;
    (void)std::snprintf(to, size, "%s", from);
    for (size_t n = std::strlen(to); n > 0 && to[n - 1] == ' '; n--)
        to[n - 1] = '\0';
    for (; *to; to++)
        if (*to < ' ' || *to > '~')
            *to = '?';
}

/* What DUL's condition means to our callers; the transport knows more about ended sockets. */
static int condition_errno(const association *a, const OFCondition &cond)
{
    if (cond.good())
        return 0;
    if (cond == DUL_PEERABORTEDASSOCIATION)
        return -ECONNABORTED;
    if (cond == EC_MemoryExhausted)
        return -ENOMEM;
    if (a->layer.end() != 0)
        return a->layer.end();
    return cond == DUL_NETWORKCLOSED ? -ECONNRESET : -EBADMSG;
}

void dimse_start(void)
{
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    dcmDisableGethostbyaddr.set(OFTrue);
    dcmSocketReceiveTimeout.set(-1);
    dcmSocketSendTimeout.set(-1);
}

void dimse_drain(void)
{
    transport_draining = 1;
}

static int accept_association(association *a, int fd, const dimse_limits *limits)
{
    a->layer.limits = *limits;
    dcmExternalSocketHandle.set(fd); /* instead of a listening socket of DCMTK's own */
    OFCondition cond = ASC_initializeNetwork(NET_ACCEPTOR, 0, 30, &a->network);
    if (cond.good())
        cond = ASC_setTransportLayer(a->network, &a->layer, 0);
    if (cond.good())
        cond =
            ASC_receiveAssociation(a->network, &a->assoc, static_cast<long>(limits->max_pdu_bytes),
                                   nullptr, nullptr, OFFalse, DUL_BLOCK);
    if (!a->layer.taken)
        (void)close(fd);
    if (cond.bad())
        return condition_errno(a, cond);
    /* DCMTK takes an end of the connection or an A-ABORT in place of the request for good. */
    if (a->layer.end() != 0 || !a->layer.transport)
        return a->layer.end() != 0 ? a->layer.end() : -EBADMSG;
    a->open = true;
    copy_title(a->calling, sizeof a->calling, a->assoc->params->DULparams.callingAPTitle);
    copy_title(a->called, sizeof a->called, a->assoc->params->DULparams.calledAPTitle);
    return 0;
}

int dimse_accept(int fd, const dimse_limits *limits, association **ret)
try {
    association *a = new association;
    const int r = accept_association(a, fd, limits);
    if (r < 0) {
        dimse_close(a);
        return r;
    }
    *ret = a;
    return 0;
} catch (...) {
    return -ENOMEM;
}

const char *dimse_calling(const association *a)
{
    return a->calling;
}

const char *dimse_called(const association *a)
{
    return a->called;
}

/* Straight from DUL's list: the ASC layer gives up at 50 transfer syntaxes in one context. */
int dimse_proposed(const association *a, unsigned index, dimse_context *ret)
try {
    LST_HEAD **list = &a->assoc->params->DULparams.requestedPresentationContext;
    if (!*list)
        return -ENOENT;
    auto *pc = reinterpret_cast<DUL_PRESENTATIONCONTEXT *>(LST_Head(list));
    (void)LST_Position(list, reinterpret_cast<LST_NODE *>(pc));
    for (; pc && index > 0; index--)
        pc = reinterpret_cast<DUL_PRESENTATIONCONTEXT *>(LST_Next(list));
    if (!pc)
        return -ENOENT;
    ret->id = pc->presentationContextID;
    (void)std::snprintf(ret->abstract_syntax, sizeof ret->abstract_syntax, "%s",
                        pc->abstractSyntax);
    ret->n_transfer_syntaxes = 0;
    if (!pc->proposedTransferSyntax)
        return 0;
    auto *ts = reinterpret_cast<DUL_TRANSFERSYNTAX *>(LST_Head(&pc->proposedTransferSyntax));
    (void)LST_Position(&pc->proposedTransferSyntax, reinterpret_cast<LST_NODE *>(ts));
    for (; ts && ret->n_transfer_syntaxes < DIMSE_TRANSFER_SYNTAXES_MAX;
         ts = reinterpret_cast<DUL_TRANSFERSYNTAX *>(LST_Next(&pc->proposedTransferSyntax)))
        (void)std::snprintf(ret->transfer_syntaxes[ret->n_transfer_syntaxes++], DIMSE_UID_MAX + 1,
                            "%s", ts->transferSyntax);
    return 0;
} catch (...) {
    return -ENOMEM;
}

int dimse_context_accept(association *a, uint8_t id, const char *transfer_syntax)
try {
    return condition_errno(a, ASC_acceptPresentationContext(a->assoc->params, id, transfer_syntax));
} catch (...) {
    return -ENOMEM;
}

int dimse_context_refuse(association *a, uint8_t id, bool abstract_syntax)
try {
    return condition_errno(
        a, ASC_refusePresentationContext(a->assoc->params, id,
                                         abstract_syntax ? ASC_P_ABSTRACTSYNTAXNOTSUPPORTED
                                                         : ASC_P_TRANSFERSYNTAXESNOTSUPPORTED));
} catch (...) {
    return -ENOMEM;
}

size_t dimse_extended(const association *a, const char *sop_class_uid, uint8_t *bytes, size_t max)
try {
    SOPClassExtendedNegotiationSubItemList *list = nullptr;
    ASC_getRequestedExtNegList(a->assoc->params, &list);
    if (!list)
        return 0;
    for (auto i = list->begin(); i != list->end(); ++i) {
        if ((*i)->sopClassUID != sop_class_uid)
            continue;
        const size_t n = std::min<size_t>((*i)->serviceClassAppInfoLength, max);
        std::memcpy(bytes, (*i)->serviceClassAppInfo, n);
        return n;
    }
    return 0;
} catch (...) {
    return 0;
}

int dimse_extended_answer(association *a, const char *sop_class_uid, const uint8_t *bytes, size_t n)
try {
    SOPClassExtendedNegotiationSubItemList *list = nullptr;
    ASC_getAcceptedExtNegList(a->assoc->params, &list);
    if (!list) {
        list = new SOPClassExtendedNegotiationSubItemList; /* owned by the parameters */
        ASC_setAcceptedExtNegList(a->assoc->params, list);
    }
    for (auto i = list->begin(); i != list->end(); ++i)
        if ((*i)->sopClassUID == sop_class_uid)
            return 0; /* one answer per class, however many contexts it has */
    auto *item = new SOPClassExtendedNegotiationSubItem;
    list->push_back(item);
    item->sopClassUID = sop_class_uid;
    item->serviceClassAppInfo = new unsigned char[n];
    std::memcpy(item->serviceClassAppInfo, bytes, n);
    item->serviceClassAppInfoLength = static_cast<unsigned short>(n);
    return 0;
} catch (...) {
    return -ENOMEM;
}

int dimse_acknowledge(association *a)
try {
    T_ASC_Parameters *params = a->assoc->params;
    (void)std::snprintf(params->ourImplementationClassUID, sizeof params->ourImplementationClassUID,
                        "%s", IMPLEMENTATION_CLASS_UID);
    (void)std::snprintf(params->ourImplementationVersionName,
                        sizeof params->ourImplementationVersionName, "%s",
                        IMPLEMENTATION_VERSION_NAME);
    const OFCondition cond = ASC_acknowledgeAssociation(a->assoc);
    return cond.bad() ? condition_errno(a, cond) : a->layer.flush();
} catch (...) {
    return -ENOMEM;
}

int dimse_reject(association *a, int result, int source, int reason)
try {
    const T_ASC_RejectParameters rejection = {
        static_cast<T_ASC_RejectParametersResult>(result),
        static_cast<T_ASC_RejectParametersSource>(source),
        static_cast<T_ASC_RejectParametersReason>(source << 8 | reason)};
    a->open = false;
    const OFCondition cond = ASC_rejectAssociation(a->assoc, &rejection);
    return cond.bad() ? condition_errno(a, cond) : a->layer.flush();
} catch (...) {
    return -ENOMEM;
}

static int acknowledge_release(association *a)
{
    a->open = false;
    if (ASC_acknowledgeRelease(a->assoc).good())
        (void)a->layer.flush();
    return -EPIPE;
}

int dimse_read(association *a, bool new_message, dimse_pdv *ret)
try {
    DUL_PDV pdv;
    OFCondition cond = DUL_NextPDV(&a->assoc->DULassociation, &pdv);
    if (cond == DUL_NOPDVS) {
        if (!a->layer.transport)
            return -ECONNRESET;
        a->layer.transport->expect_pdu(a->layer.limits.idle_ms, new_message);
        cond = DUL_ReadPDVs(&a->assoc->DULassociation, nullptr, DUL_BLOCK, 0);
        if (cond == DUL_PEERREQUESTEDRELEASE)
            return acknowledge_release(a);
        if (cond == DUL_PDATAPDUARRIVED)
            cond = DUL_NextPDV(&a->assoc->DULassociation, &pdv);
        else if (cond.good())
            return -EBADMSG; /* a PDU that has no place in an established association */
    }
    if (cond.bad()) {
        const int r = condition_errno(a, cond);
        if (r == -ECONNABORTED || r == -ECONNRESET)
            a->open = false;
        return r;
    }
    ret->context_id = pdv.presentationContextID;
    ret->command = pdv.pdvType == DUL_COMMANDPDV;
    ret->last = pdv.lastPDV;
    ret->bytes = static_cast<const uint8_t *>(pdv.data);
    ret->n = pdv.fragmentLength;
    return 0;
} catch (...) {
    return -ENOMEM;
}

int dimse_write(association *a, uint8_t context_id, bool command, const void *bytes, size_t n)
try {
    DUL_PDV pdv{};
    pdv.fragmentLength = n;
    pdv.presentationContextID = context_id;
    pdv.pdvType = command ? DUL_COMMANDPDV : DUL_DATASETPDV;
    pdv.lastPDV = OFTrue;
    pdv.data = const_cast<void *>(bytes);
    DUL_PDVLIST list{};
    list.count = 1;
    list.pdv = &pdv;
    return condition_errno(a, DUL_WritePDVs(&a->assoc->DULassociation, &list));
} catch (...) {
    return -ENOMEM;
}

int dimse_flush(association *a)
try {
    return a->layer.flush();
} catch (...) {
    return -ENOMEM;
}

bool dimse_wait(association *a, int fd, int timeout_ms)
{
    return !a->layer.transport || a->layer.transport->wait_for_either(fd, timeout_ms);
}

/* Not ASC_abortAssociation(): it waits for the peer to close, as long as the peer likes. */
static void send_abort(association *a)
{
    unsigned char pdu[10] = {7, 0, 0, 0, 0, 4, 0, 0, 0 /* by the service user */, 0};
    if (a->layer.transport && a->layer.transport->write(pdu, sizeof pdu) > 0)
        (void)a->layer.flush();
}

association *dimse_close(association *a)
try {
    if (!a)
        return nullptr;
    if (a->open && a->assoc)
        send_abort(a);
    if (a->assoc)
        (void)ASC_destroyAssociation(&a->assoc);
    if (a->network)
        (void)ASC_dropNetwork(&a->network);
    delete a;
    return nullptr;
} catch (...) {
    return nullptr;
}
