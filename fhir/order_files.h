/* `isthmus-fhir --read-orders`, behind `isthmus worklist import`: FHIR in files → orders. */
#ifndef ISTHMUS_FHIR_ORDER_FILES_H
#define ISTHMUS_FHIR_ORDER_FILES_H

#include "store/base/conf.h"

/* Read the files whose paths come on standard input, a NUL behind each: Bundles, resources, arrays
 * of them, or one to a line (NDJSON). References lead from file to file. Prints a line of JSON for
 * each order, {"name", "order", "done"}, and for each fault, {"name", "fault", "first", "done"};
 * "done" is how much has been read of all, 0 to 1. Returns an exit status: 0; 3: a file cannot be
 * read or standard output not be written. */
int order_files_read(const struct conf *c);

#endif
