#include "store/crew.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TASKS 300

struct seen {
    int next, died;
    bool stop;
    size_t longest;
};

/* A number is answered with as many bytes of it; every 50th is not survived. */
static int work(void *context, const void *task, size_t n, void **ret, size_t *ret_n)
{
    int number = 0;

    (void)context;
    memcpy(&number, task, n);
    if (number % 50 == 7)
        (void)raise(SIGKILL);
    if (number % 50 == 9)
        return -EIO;
    *ret_n = (size_t)number * 3001;
    *ret = malloc(*ret_n + 1);
    memset(*ret, number, *ret_n);
    return 0;
}

static int take(void *context, const void *task, size_t n, const void *answer, size_t answer_n)
{
    struct seen *s = context;
    int number = 0;

    memcpy(&number, task, n);
    cr_assert_eq(number, s->next, "%d instead of %d", number, s->next);
    s->next++;
    s->died += answer == NULL;
    cr_assert_eq(answer == NULL, number % 50 == 7 || number % 50 == 9, "%d", number);
    if (answer) {
        cr_assert_eq(answer_n, (size_t)number * 3001);
        cr_assert(answer_n == 0 || ((const char *)answer)[answer_n - 1] == (char)number);
    }
    s->longest = answer_n > s->longest ? answer_n : s->longest;
    return s->stop && number == 20 ? -ECANCELED : 0;
}

static int give_all(struct crew *c)
{
    int r = 0;

    for (int i = 0; r == 0 && i < TASKS; i++)
        r = crew_give(c, &i, sizeof i);
    return r == 0 ? crew_finish(c) : r;
}

Test(crew, answers_come_in_order_and_a_death_costs_one_task, .timeout = 600)
{
    static const unsigned sizes[] = {1, 3, CREW_MAX};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct seen s = {.next = 0};
        struct crew *c;

        cr_assert_eq(crew_new(sizes[i], work, take, &s, &c), 0);
        cr_assert_eq(give_all(c), 0);
        cr_assert(s.next == TASKS && s.died == TASKS / 50 * 2, "%d, %d died", s.next, s.died);
        cr_assert_eq(s.longest, (size_t)(TASKS - 1) * 3001);
        crew_free(c);
    }
}

Test(crew, the_caller_may_stop_in_the_middle, .timeout = 600)
{
    struct seen s = {.stop = true};
    struct crew *c;

    cr_assert_eq(crew_new(2, work, take, &s, &c), 0);
    cr_assert_eq(give_all(c), -ECANCELED);
    cr_assert_eq(s.next, 21);
    crew_free(c);
    crew_free(NULL);
}

Test(crew, its_size_is_checked)
{
    struct crew *c = NULL;

    cr_assert_eq(crew_new(0, work, take, NULL, &c), -EINVAL);
    cr_assert_eq(crew_new(CREW_MAX + 1, work, take, NULL, &c), -EINVAL);
    cr_assert_null(c);
}
