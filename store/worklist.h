/* Orders into the worklist. The checks and what makes an order the same one are in
 * isthmus.worklist_put() (sql/0003_worklist.sql), where the form of an order is described. */
#ifndef ISTHMUS_STORE_WORKLIST_H
#define ISTHMUS_STORE_WORKLIST_H

#include "store/base/conf.h"
#include "store/db.h"

#include <jansson.h>

struct worklist_options {
    const char *accession_prefix; /* of accession numbers that are made here */
    int accession_digits;
};

extern const struct conf_section conf_orders;

/* From the section orders {…}. */
struct worklist_options worklist_options_of(const struct conf *c);

/* Put @orders (an array, or one order) in one transaction, then look for their studies; @ret has
 * one object for each, with "result" and, when it was refused, "faults": the caller's. 0; errors
 * of db.h; -ENOMEM. */
int worklist_put(struct db *db, const json_t *orders, const struct worklist_options *options,
                 json_t **ret);
/* The same with @orders as the text of an array. */
int worklist_put_text(struct db *db, const char *orders, const struct worklist_options *options,
                      json_t **ret);

/* Look for the studies of orders that are new or changed and nobody has done it for (sql/0004).
 * What fails is done the next time. 0 or errors of db.h. */
int worklist_match(struct db *db);
/* Steps whose studies got nothing for @quiet_s seconds are COMPLETED. 0 or errors of db.h. */
int worklist_complete(struct db *db, int quiet_s);

/* A text in the form of an attribute of DICOM JSON; NULL or "": {"vr": @vr}. A new reference. */
json_t *worklist_element(const char *vr, const char *text);

#endif
