/* Any bytes as a command set, and the response to it. */
#include "scp/command.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct command c;
    uint8_t answer[COMMAND_RESPONSE_MAX];
    struct command_response response = {
        .status = 0xA900, .comment = "No", .offending_tag = 0x00080018};

    if (n <= COMMAND_BYTES_MAX && command_parse(bytes, n, &c) == 0 &&
        command_respond(&c, &response, answer) > sizeof answer)
        abort();
    return 0;
}
