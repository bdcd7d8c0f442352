/* IS, DS and AS → JSON numbers (mapping 2.4). What is malformed or outside the range is absent,
 * never repaired and never 0. Pure. */
#ifndef ISTHMUS_FHIR_NUMBER_H
#define ISTHMUS_FHIR_NUMBER_H

#include <jansson.h>

/* IS as FHIR unsignedInt, 0 … 2147483647; -1: absent (also for NULL). */
long long number_unsigned(const char *is);

/* DS × 10^@shift, done on the decimal text; NULL unless 0 < value < @limit. */
json_t *number_decimal(const char *ds, int shift, double limit);

/* AS "nnnD|W|M|Y": the count, 1 … 999, and its letter; -1: absent. */
int number_age(const char *as, char *ret_unit);

#endif
