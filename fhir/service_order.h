/* ServiceRequest (R4, R5) with what belongs to it → an order for isthmus.worklist_put(). Pure but
 * for the zone of the site (when.h). */
#ifndef ISTHMUS_FHIR_SERVICE_ORDER_H
#define ISTHMUS_FHIR_SERVICE_ORDER_H

#include "fhir/reading.h"

/* The order that @request of @pool is; @base_url of the server that has it, or NULL: that of its
 * fullUrl. 0: @ret is the caller's. -ENOENT: no order for imaging. -EBADMSG: @ret is an array of
 * sentences, one for each fault, without values. */
int service_order_read(const struct order_rules *rules, const struct pool *pool,
                       const json_t *request, const char *base_url, json_t **ret);

#endif
