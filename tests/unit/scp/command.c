#include "scp/command.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

/* A C-STORE-RQ as a modality sends it, element by element. */
static size_t store_request(uint8_t *to)
{
    static const char bytes[] = "\0\0\0\0\4\0\0\0\x62\0\0\0"
                                "\0\0\2\0\x1a\0\0\0"
                                "1.2.840.10008.5.1.4.1.1.2\0"
                                "\0\0\0\1\2\0\0\0\1\0"
                                "\0\0\x10\1\2\0\0\0\x34\x12"
                                "\0\0\0\7\2\0\0\0\2\0"
                                "\0\0\0\x8\2\0\0\0\0\0"
                                "\0\0\0\x10\6\0\0\0"
                                "1.2.3\0";
    memcpy(to, bytes, sizeof bytes - 1);
    return sizeof bytes - 1;
}

Test(command, a_store_request_is_read)
{
    uint8_t bytes[256];
    size_t n = store_request(bytes);
    struct command c;

    cr_assert_eq(command_parse(bytes, n, &c), 0);
    cr_assert_eq(c.field, C_STORE_RQ);
    cr_assert_eq(c.message_id, 0x1234);
    cr_assert_eq(c.priority, 2);
    cr_assert(c.has_data_set);
    cr_assert_str_eq(c.sop_class_uid, "1.2.840.10008.5.1.4.1.1.2");
    cr_assert_str_eq(c.sop_instance_uid, "1.2.3");
}

Test(command, every_cut_of_a_request_is_refused_or_lacks_its_end)
{
    uint8_t bytes[256];
    size_t n = store_request(bytes);

    for (size_t cut = 0; cut < n; cut++) {
        /* Exactly @cut bytes on the heap, so that reading further is seen. */
        uint8_t *exact = malloc(cut + 1);
        struct command c;
        memcpy(exact, bytes, cut);
        int r = command_parse(exact, cut, &c);
        cr_assert(r == -EBADMSG || (r == 0 && strcmp(c.sop_instance_uid, "1.2.3") != 0),
                  "cut at %zu", cut);
        free(exact);
    }
}

Test(command, a_length_that_lies_is_refused)
{
    static const uint8_t bytes[] = {0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 1, 0};
    struct command c;

    cr_assert_eq(command_parse(bytes, sizeof bytes, &c), -EBADMSG);
}

Test(command, an_element_outside_group_0000_is_refused)
{
    static const uint8_t bytes[] = {8, 0, 0, 1, 2, 0, 0, 0, 1, 0};
    struct command c;

    cr_assert_eq(command_parse(bytes, sizeof bytes, &c), -EBADMSG);
}

Test(command, a_uid_with_a_nul_inside_equals_no_other_uid)
{
    static const uint8_t bytes[] = "\0\0\0\1\2\0\0\0\1\0\0\0\x10\1\2\0\0\0\1\0"
                                   "\0\0\0\x10\6\0\0\0"
                                   "1.2\0"
                                   "3";
    struct command c;

    cr_assert_eq(command_parse(bytes, 34, &c), 0);
    cr_assert_str_neq(c.sop_instance_uid, "1.2");
}

Test(command, an_overlong_uid_is_cut_and_kept_apart_from_a_legal_one)
{
    uint8_t bytes[1024] = "\0\0\0\1\2\0\0\0\1\0\0\0\x10\1\2\0\0\0\1\0\0\0\0\x10\0\2\0\0";
    struct command c;

    memset(bytes + 28, '1', 512);
    cr_assert_eq(command_parse(bytes, 28 + 512, &c), 0);
    cr_assert_eq(strlen(c.sop_instance_uid), COMMAND_UID_MAX);
}

Test(command, a_response_can_be_read_back)
{
    struct command rq = {.field = C_STORE_RQ,
                         .message_id = 7,
                         .has_data_set = true,
                         .sop_class_uid = "1.2.840.10008.5.1.4.1.1.2",
                         .sop_instance_uid = "1.2.3.4"};
    struct command_response rsp = {.status = 0xA900, .comment = "why", .offending_tag = 0x0020000D};
    uint8_t bytes[COMMAND_RESPONSE_MAX];
    size_t n = command_respond(&rq, &rsp, bytes);
    struct command back;

    cr_assert_eq(n % 2, 0);
    cr_assert_eq(command_parse(bytes, n, &back), 0);
    cr_assert_eq(back.field, C_STORE_RSP);
    cr_assert_eq(back.message_id, 7);
    cr_assert_not(back.has_data_set);
    cr_assert_str_eq(back.sop_class_uid, rq.sop_class_uid);
    cr_assert_str_eq(back.sop_instance_uid, rq.sop_instance_uid);
    cr_assert_eq(bytes[8] | bytes[9] << 8, (int)n - 12, "group length");
    cr_assert_not_null(memmem(bytes, n, "\0\0\1\x9\4\0\0\0\x20\0\x0d\0", 12), "offending element");
    cr_assert_not_null(memmem(bytes, n, "\0\0\2\x9\4\0\0\0why ", 12), "error comment");
}

Test(command, the_longest_response_fits_its_buffer)
{
    struct command rq = {.field = C_STORE_RQ};
    char comment[200];
    struct command_response rsp = {.status = 1, .comment = comment, .offending_tag = 1};
    uint8_t bytes[COMMAND_RESPONSE_MAX];

    memset(rq.sop_class_uid, '1', COMMAND_UID_MAX - 1);
    memset(rq.sop_instance_uid, '1', COMMAND_UID_MAX);
    memset(comment, 'x', sizeof comment - 1);
    comment[sizeof comment - 1] = '\0';
    cr_assert_leq(command_respond(&rq, &rsp, bytes), sizeof bytes);
}
