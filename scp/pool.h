/* The children of the parent: workers, kept between workers_min and workers_max, and one
 * indexer. A worker is handed a connection only when it has said that it is idle. */
#ifndef ISTHMUS_SCP_POOL_H
#define ISTHMUS_SCP_POOL_H

#include "scp/settings.h"
#include "scp/waiting.h"
#include "store/blob.h"

#include <sys/types.h>

struct pool;

/* @before_child runs first in every child, with @context: to close what only the parent needs. */
int pool_new(struct store *store, const struct settings *settings, int epoll_fd,
             void (*before_child)(void *context), void *context, struct pool **ret);
struct pool *pool_free(struct pool *p);

/* Have workers_min workers and the indexer; also replaces the dead, but a child that dies at
 * birth not more often than once a second. Returns milliseconds until it wants to be called
 * again, -1: not needed. */
int pool_keep(struct pool *p);

/* Serve @fd of @peer (the caller closes its copy). 0; -EBUSY: workers_max are at work; -EUSERS:
 * this peer has its share of them. */
int pool_dispatch(struct pool *p, int fd, uint64_t number, const struct peer *peer);

/* The line with @id (epoll data) has words. */
void pool_listen(struct pool *p, uint32_t id);

/* Reap dead children. */
void pool_reap(struct pool *p);

/* New settings for new workers; idle ones are replaced now, busy ones when they are done. */
void pool_renew(struct pool *p, const struct settings *settings);

/* SIGTERM to all, idle ones end at once. */
void pool_stop(struct pool *p);
/* SIGKILL to those that are left. */
void pool_kill(struct pool *p);

unsigned pool_busy(const struct pool *p);
unsigned pool_children(const struct pool *p);

#endif
