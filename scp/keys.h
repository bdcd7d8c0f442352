/* The keys of C-FIND for people: the table of README.md and of the conformance statement. */
#ifndef ISTHMUS_SCP_KEYS_H
#define ISTHMUS_SCP_KEYS_H

/* Print one Markdown row a level: the attributes that can be matched and returned, in tag order,
 * and those that are only returned. */
void keys_print(void);

#endif
