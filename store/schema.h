/* The schema this program was built for (the highest migration in sql/). */
#ifndef ISTHMUS_STORE_SCHEMA_H
#define ISTHMUS_STORE_SCHEMA_H

#include "store/db.h"

#define SCHEMA_VERSION 7

/* 0: the database has SCHEMA_VERSION. -EAGAIN: away. -EINVAL: another version or none;
 * @ret_message (malloc'ed) says which and what to do ("run 'isthmus migrate'"). */
int schema_check(struct db *db, char **ret_message);

/* Apply each file of @directory (0001_name.sql …) above the database's version, each in its own
 * transaction under an advisory lock. @report (may be NULL) is called after each. */
int schema_migrate(struct db *db, const char *directory,
                   void (*report)(int version, const char *name), char **ret_message);

#endif
