/* DIMSE command sets (PS3.7 sections 6.3, 9.3 and annex E): always Implicit VR Little Endian.
 * Pure: bytes in, struct out, and back. */
#ifndef ISTHMUS_SCP_COMMAND_H
#define ISTHMUS_SCP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMMAND_BYTES_MAX 65536u /* a command set longer than this is refused */
#define COMMAND_UID_MAX 128      /* longer than the standard's 64: told apart, then refused */
#define COMMAND_COMMENT_MAX 64   /* (0000,0902) is LO */

enum command_field {
    C_STORE_RQ = 0x0001,
    C_STORE_RSP = 0x8001,
    C_FIND_RQ = 0x0020,
    C_FIND_RSP = 0x8020,
    C_ECHO_RQ = 0x0030,
    C_ECHO_RSP = 0x8030,
    C_CANCEL_RQ = 0x0FFF,
};

#define COMMAND_IS_RESPONSE 0x8000
#define COMMAND_NO_DATA_SET 0x0101

struct command {
    uint16_t field;      /* (0000,0100) */
    uint16_t message_id; /* (0000,0110); in a cancel or response (0000,0120) */
    bool has_data_set;   /* (0000,0800) is not 0101H */
    uint16_t priority;   /* (0000,0700) */
    /* Affected SOP Class UID (0000,0002), Affected SOP Instance UID (0000,1000): trimmed, "" when
     * absent; cut at COMMAND_UID_MAX. */
    char sop_class_uid[COMMAND_UID_MAX + 1];
    char sop_instance_uid[COMMAND_UID_MAX + 1];
};

/* 0; -EBADMSG: the elements cannot be followed, or Command Field or Message ID is missing. */
int command_parse(const uint8_t *bytes, size_t n, struct command *ret);

struct command_response {
    uint16_t status;        /* (0000,0900) */
    const char *comment;    /* (0000,0902), cut at 64 bytes of ASCII; NULL: none */
    uint32_t offending_tag; /* (0000,0901) as group << 16 | element; 0: none */
    bool has_data_set;      /* follows this command */
};

/* The response to @request. @buffer of COMMAND_RESPONSE_MAX; returns its length. */
#define COMMAND_RESPONSE_MAX 512
size_t command_respond(const struct command *request, const struct command_response *response,
                       uint8_t buffer[COMMAND_RESPONSE_MAX]);

#endif
