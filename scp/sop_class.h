/* Which SOP classes can be the object of a C-STORE. Pure. */
#ifndef ISTHMUS_SCP_SOP_CLASS_H
#define ISTHMUS_SCP_SOP_CLASS_H

#include <stdbool.h>

#define SOP_CLASS_VERIFICATION "1.2.840.10008.1.1"

/* True for every standard, private and unknown class, but not for the classes of PS3.4 that are
 * other services (query, worklist, print, commitment …): what is not known to be another
 * service is taken for an object to keep, so that next year's storage classes work today. */
bool sop_class_is_storage(const char *uid);

#endif
