#include "store/worklist.h"
#include "store/base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const struct conf_option orders_options[] = {
    {"accession_prefix", CONF_STRING, "I", 0, 12, NULL, NULL,
     "What accession numbers begin with that are made for orders without one."},
    {"accession_digits", CONF_INT, "9", 3, 15, NULL, "digits",
     "How many follow; with the prefix at most 16 characters."},
    {"stations", CONF_LIST, "{}", 4, 200, NULL, NULL,
     "AE titles for steps that name none, by modality: {\"CT=CT1\", \"CT=CT2\"}."},
    {"modalities", CONF_LIST, "{}", 3, 200, NULL, NULL,
     "Modalities of procedure codes, where the order does not say: {\"77477000=CT\"}."},
    {"station_system", CONF_STRING, "urn:dicom:ae-title", 1, 2000, NULL, NULL,
     "System of the identifiers of Devices and Locations that are AE titles, in FHIR."},
    {0},
};

const struct conf_section conf_orders = {.name = "orders", .options = orders_options};

struct worklist_options worklist_options_of(const struct conf *c)
{
    return (struct worklist_options){conf_string(c, "orders", "accession_prefix"),
                                     (int)conf_int(c, "orders", "accession_digits")};
}

int worklist_put(struct db *db, const json_t *orders, const struct worklist_options *options,
                 json_t **ret)
{
    _cleanup_free_ char *text = json_dumps(orders, JSON_COMPACT | JSON_REAL_PRECISION(15));

    return text ? worklist_put_text(db, text, options, ret) : -ENOMEM;
}

int worklist_put_text(struct db *db, const char *orders, const struct worklist_options *options,
                      json_t **ret)
{
    char digits[16];
    const char *const values[] = {
        orders, options->accession_prefix ? options->accession_prefix : "", digits};
    PGresult *result;
    json_t *results;
    int r;

    (void)snprintf(digits, sizeof digits, "%d", options->accession_digits);
    r = db_query(db, "select isthmus.worklist_put($1::jsonb, $2, $3::integer)", 3, values, &result);
    if (r < 0)
        return r;
    results = json_loads(PQgetvalue(result, 0, 0), 0, NULL);
    PQclear(result);
    if (!results)
        return -ENOMEM;
    (void)worklist_match(db); /* the orders are in; isthmus-scp looks again */
    *ret = results;
    return 0;
}

int worklist_match(struct db *db)
{
    bool more = true;
    int r = 0;

    while (r == 0 && more) {
        PGresult *result;

        r = db_query(db, "select isthmus.match_due_orders() > 0", 0, NULL, &result);
        if (r < 0)
            break;
        more = *PQgetvalue(result, 0, 0) == 't';
        PQclear(result);
    }
    return r;
}

int worklist_complete(struct db *db, int quiet_s)
{
    char seconds[16];
    const char *const values[] = {seconds};

    (void)snprintf(seconds, sizeof seconds, "%d", quiet_s);
    return db_query(db, "select isthmus.complete_steps(make_interval(secs => $1::integer))", 1,
                    values, NULL);
}

json_t *worklist_element(const char *vr, const char *text)
{
    return text && *text ? json_pack("{s:s, s:[s]}", "vr", vr, "Value", text)
                         : json_pack("{s:s}", "vr", vr);
}
