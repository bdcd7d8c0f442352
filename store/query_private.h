/* The roll-up of SOP Instance Status at SERIES and STUDY level: private attributes of group 0101,
 * for those who reserve a block of it for us (PS3.5 7.8; etc/conformance.md 5.1). Pure. */
#ifndef ISTHMUS_STORE_QUERY_PRIVATE_H
#define ISTHMUS_STORE_QUERY_PRIVATE_H

#include "store/query_columns.h"

#include <jansson.h>

#define TAG_PRIVATE_GROUP 0x0101u

/* @tag of that group, in an @identifier at @level; false: not ours. */
bool private_column_find(const json_t *identifier, enum query_level level, uint32_t tag,
                         struct column *ret);

#endif
