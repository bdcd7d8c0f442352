/* Pages of ServiceRequests → worklist: each with what belongs to it, whether the server sent that
 * along or is asked for it, and with what is known here and the page does not have. */
#ifndef ISTHMUS_FHIR_ORDER_INTAKE_H
#define ISTHMUS_FHIR_ORDER_INTAKE_H

#include "fhir/order_server.h"
#include "fhir/pool.h"
#include "store/worklist.h"

#include <stdbool.h>

struct order_rules;

enum intake_mode {
    INTAKE_ALL,     /* each order is put */
    INTAKE_CHANGED, /* not those whose version the worklist has */
    INTAKE_CURRENT, /* what is put is what the server has now, though it had newer versions once */
};

struct order_intake {
    struct db *db;
    struct order_server *server;
    const struct order_rules *rules;
    const struct worklist_options *options;
    bool patient_data;
    enum intake_mode mode;
    json_t *found;   /* name → version of all orders of this search */
    json_t *refused; /* name → version of those that were refused, and said */
    long long read, put, created, updated;
};

void order_intake_open(struct order_intake *in);
void order_intake_close(struct order_intake *in);

/* Before each search. */
void order_intake_begin(struct order_intake *in, enum intake_mode mode);

/* The parameters that make a server send what belongs to ServiceRequests along; "" when it does
 * not. Static text. */
const char *order_intake_query(const struct order_intake *in);

/* Take one page: 0; -ECONNABORTED and failed of the server is set; errors of db.h. */
int order_intake_page(struct order_intake *in, json_t *bundle);

#endif
