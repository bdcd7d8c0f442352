#include "scp/session.h"

#include <errno.h>

int session_read_data(struct session *s, uint8_t context_id, struct dimse_pdv *ret)
{
    int r = dimse_read(s->association, false, ret);

    if (r < 0)
        return r;
    return ret->command || ret->context_id != context_id ? -EBADMSG : 0;
}

int session_skip_data(struct session *s, uint8_t context_id)
{
    struct dimse_pdv pdv = {0};
    int r = 0;

    while (r == 0 && !pdv.last)
        r = session_read_data(s, context_id, &pdv);
    return r;
}

int session_respond(struct session *s, uint8_t context_id, const struct command *request,
                    const struct command_response *response)
{
    uint8_t bytes[COMMAND_RESPONSE_MAX];
    size_t n = command_respond(request, response, bytes);
    int r = dimse_write(s->association, context_id, true, bytes, n);

    return r < 0 || response->has_data_set ? r : dimse_flush(s->association);
}
