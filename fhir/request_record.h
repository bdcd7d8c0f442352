/* Part of request.h: a request as a record, made of a data set or of an order. Pure. */
#ifndef ISTHMUS_FHIR_REQUEST_RECORD_H
#define ISTHMUS_FHIR_REQUEST_RECORD_H

#include "fhir/request.h"

/* What one request says: @own is its item or the top level; what is absent there may be taken
 * from @rest (NULL: nothing). */
struct request {
    const struct dataset *own, *rest;
};

/* The record of one request, see requests_collect(). NULL: it has neither a number nor a code. */
json_t *request_record(const struct mapping *m, const struct request *r);
/* Only the accession number of @d. */
json_t *request_record_of_accession(const struct mapping *m, const struct dataset *d);

/* The records of all that the images of a study name, as far as they differ. */
json_t *requests_of_images(const struct build *b);

#endif
