/* Several processes that do the same work. Answers come back in the order of the tasks, whoever was
 * faster. A process that dies over a task costs that task only; another takes its place.
 *
 *   crew_new → crew_give … → crew_finish → crew_free */
#ifndef ISTHMUS_STORE_CREW_H
#define ISTHMUS_STORE_CREW_H

#include <stddef.h>

#define CREW_MAX 64
#define CREW_MESSAGE_MAX ((size_t)64 << 20) /* a task or an answer */

struct crew;

/* In a process of the crew: do @task and make @ret (malloc'ed, freed by the crew). @context is that
 * process's own copy from crew_new(). 0; a negative errno ends the process, as if it had died. */
typedef int crew_work(void *context, const void *task, size_t n, void **ret, size_t *ret_n);

/* In the caller, for each task in the order given; @answer NULL: the process died. Another result
 * than 0 ends the call of crew_give() or crew_finish() with it. */
typedef int crew_answer(void *context, const void *task, size_t n, const void *answer,
                        size_t answer_n);

/* Start @n processes (at most CREW_MAX). Descriptors and memory are copied to them as with fork();
 * they must not use the caller's database connection. 0 or negative errno. */
int crew_new(unsigned n, crew_work *work, crew_answer *answer, void *context, struct crew **ret);

/* Hand on a task, which is copied; waits for the answer of the oldest one when all have enough. */
int crew_give(struct crew *c, const void *task, size_t n);

/* Wait for all answers. */
int crew_finish(struct crew *c);

/* End the processes, whatever they do; NULL is fine. */
struct crew *crew_free(struct crew *c);

#endif
