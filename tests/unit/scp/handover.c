#include "scp/handover.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <unistd.h>

Test(handover, a_descriptor_arrives_with_its_number)
{
    int line[2], pipe_ends[2], fd = -1;
    uint64_t number = 0;
    char c = 0;

    cr_assert_eq(handover_pair(line), 0);
    cr_assert_eq(pipe(pipe_ends), 0);
    cr_assert_eq(handover_send(line[0], pipe_ends[1], 42), 0);
    cr_assert_eq(handover_receive(line[1], &fd, &number), 0);
    cr_assert_eq(number, 42);
    cr_assert_eq(write(fd, "x", 1), 1);
    cr_assert_eq(read(pipe_ends[0], &c, 1), 1);
    cr_assert_eq(c, 'x');
}

Test(handover, words_come_in_order_and_then_none)
{
    int line[2];

    cr_assert_eq(handover_pair(line), 0);
    handover_say(line[1], HANDOVER_SPOOLED);
    handover_say(line[1], HANDOVER_IDLE);
    cr_assert_eq(handover_hear(line[0]), HANDOVER_SPOOLED);
    cr_assert_eq(handover_hear(line[0]), HANDOVER_IDLE);
    cr_assert_eq(handover_hear(line[0]), 0);
}

Test(handover, a_closed_line_is_noticed_on_both_ends)
{
    int line[2], fd;
    uint64_t number;

    cr_assert_eq(handover_pair(line), 0);
    close(line[0]);
    cr_assert_eq(handover_receive(line[1], &fd, &number), -EPIPE);
    cr_assert_eq(handover_hear(line[1]), -EPIPE);
    handover_say(line[1], HANDOVER_IDLE); /* and nothing dies of it */
}
