#include "scp/command.h"

#include <errno.h>
#include <string.h>

enum {
    AFFECTED_SOP_CLASS_UID = 0x0002,
    COMMAND_FIELD = 0x0100,
    MESSAGE_ID = 0x0110,
    MESSAGE_ID_RESPONDED_TO = 0x0120,
    PRIORITY = 0x0700,
    DATA_SET_TYPE = 0x0800,
    STATUS = 0x0900,
    OFFENDING_ELEMENT = 0x0901,
    ERROR_COMMENT = 0x0902,
    AFFECTED_SOP_INSTANCE_UID = 0x1000,
};

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) | (uint32_t)get16(p + 2) << 16;
}

static void copy_uid(char ret[COMMAND_UID_MAX + 1], const uint8_t *value, size_t n)
{
    while (n > 0 && (value[n - 1] == '\0' || value[n - 1] == ' '))
        n--;
    if (n > COMMAND_UID_MAX)
        n = COMMAND_UID_MAX;
    memcpy(ret, value, n);
    ret[n] = '\0';
    if (strlen(ret) < n) /* a NUL inside: not the same as what stands before it */
        memset(ret + strlen(ret), '?', n - strlen(ret));
}

static void take_element(struct command *c, uint16_t element, const uint8_t *value, uint32_t n,
                         unsigned *seen)
{
    if (element == AFFECTED_SOP_CLASS_UID)
        copy_uid(c->sop_class_uid, value, n);
    else if (element == AFFECTED_SOP_INSTANCE_UID)
        copy_uid(c->sop_instance_uid, value, n);
    else if (n < 2)
        return;
    else if (element == COMMAND_FIELD)
        c->field = get16(value), *seen |= 1;
    else if (element == MESSAGE_ID || element == MESSAGE_ID_RESPONDED_TO)
        c->message_id = get16(value), *seen |= 2;
    else if (element == PRIORITY)
        c->priority = get16(value);
    else if (element == DATA_SET_TYPE)
        c->has_data_set = get16(value) != COMMAND_NO_DATA_SET;
}

int command_parse(const uint8_t *bytes, size_t n, struct command *ret)
{
    struct command c = {0};
    unsigned seen = 0;

    for (size_t at = 0; at < n;) {
        if (n - at < 8)
            return -EBADMSG;
        uint32_t length = get32(bytes + at + 4);
        if (get16(bytes + at) != 0 || length > n - at - 8)
            return -EBADMSG;
        take_element(&c, get16(bytes + at + 2), bytes + at + 8, length, &seen);
        at += 8 + (size_t)length;
    }
    if (seen != 3)
        return -EBADMSG;
    *ret = c;
    return 0;
}

struct writer {
    uint8_t *bytes;
    size_t n;
};

static void put16(struct writer *w, uint32_t value)
{
    w->bytes[w->n++] = (uint8_t)value;
    w->bytes[w->n++] = (uint8_t)(value >> 8);
}

static void put_header(struct writer *w, uint16_t element, size_t length)
{
    put16(w, 0);
    put16(w, element);
    put16(w, (uint32_t)length);
    put16(w, (uint32_t)(length >> 16));
}

static void put_us(struct writer *w, uint16_t element, uint16_t value)
{
    put_header(w, element, 2);
    put16(w, value);
}

static void put_text(struct writer *w, uint16_t element, const char *text, size_t max, char pad)
{
    size_t n = strnlen(text, max);

    put_header(w, element, n + (n & 1));
    memcpy(w->bytes + w->n, text, n);
    w->n += n;
    if (n & 1)
        w->bytes[w->n++] = (uint8_t)pad;
}

size_t command_respond(const struct command *request, const struct command_response *response,
                       uint8_t buffer[COMMAND_RESPONSE_MAX])
{
    struct writer w = {.bytes = buffer};

    put_header(&w, 0x0000, 4); /* Command Group Length, filled in below */
    put16(&w, 0);
    put16(&w, 0);
    if (request->sop_class_uid[0])
        put_text(&w, AFFECTED_SOP_CLASS_UID, request->sop_class_uid, COMMAND_UID_MAX, '\0');
    put_us(&w, COMMAND_FIELD, (uint16_t)(request->field | COMMAND_IS_RESPONSE));
    put_us(&w, MESSAGE_ID_RESPONDED_TO, request->message_id);
    put_us(&w, DATA_SET_TYPE, response->has_data_set ? 0x0102 : COMMAND_NO_DATA_SET);
    put_us(&w, STATUS, response->status);
    if (response->offending_tag) {
        put_header(&w, OFFENDING_ELEMENT, 4);
        put16(&w, response->offending_tag >> 16);
        put16(&w, response->offending_tag);
    }
    if (response->comment)
        put_text(&w, ERROR_COMMENT, response->comment, COMMAND_COMMENT_MAX, ' ');
    if (request->sop_instance_uid[0])
        put_text(&w, AFFECTED_SOP_INSTANCE_UID, request->sop_instance_uid, COMMAND_UID_MAX, '\0');

    struct writer group_length = {.bytes = buffer, .n = 8};
    put16(&group_length, (uint32_t)(w.n - 12));
    put16(&group_length, (uint32_t)((w.n - 12) >> 16));
    return w.n;
}
