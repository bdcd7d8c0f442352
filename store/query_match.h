/* Matching of keys against attributes kept as DICOM JSON (PS3.4 section C.2.2.2), the same rules
 * as those of the conditions in query_sql.c. Pure. */
#ifndef ISTHMUS_STORE_QUERY_MATCH_H
#define ISTHMUS_STORE_QUERY_MATCH_H

#include "store/query_key.h"

/* @element is {"vr": …, "Value": […]} or NULL when there is none. Multiple values match when one
 * of them does, sequences when one item does. */
bool key_matches(const struct key *k, const json_t *element);

/* A date and a time key with one value each as one range (C.2.2.2.5.4). */
bool key_pair_matches(const struct key *date, const struct key *time, const json_t *date_element,
                      const json_t *time_element);

#endif
