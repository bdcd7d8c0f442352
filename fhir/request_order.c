/* What the orders of the index say about the requests of a study (see isthmus.order_match). */
#include "fhir/request_record.h"

#include <string.h>

/* The number by which an order and what the images say about it are found to be the same. */
static const char *accession_value(const json_t *record)
{
    return node_get_text(json_object_get(record, "accession"), "value");
}

/* The record of the images that an order is: the same accession number, else one without any. */
static json_t *find_record(const json_t *requests, const char *accession)
{
    json_t *record, *without = NULL;
    size_t i;

    json_array_foreach (requests, i, record) {
        const char *value = accession_value(record);

        if (value && accession && strcmp(value, accession) == 0)
            return record;
        if (!value && !without)
            without = record;
    }
    return without;
}

static bool has_identifier(const json_t *identifiers, const json_t *identifier)
{
    const json_t *there;
    size_t i;

    json_array_foreach (identifiers, i, there)
        if (json_equal(json_object_get(there, "type"), json_object_get(identifier, "type")) &&
            json_equal(json_object_get(there, "value"), json_object_get(identifier, "value")))
            return true;
    return false;
}

/* Add to @record what only @order says. */
static void complete(json_t *record, const json_t *order)
{
    static const char *const keys[] = {"accession", "concept", "display", "reasons"};
    json_t *identifiers = json_object_get(record, "identifier"), *identifier;
    size_t i;

    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        if (!json_object_get(record, keys[k]))
            node_set(record, keys[k], json_incref(json_object_get(order, keys[k])));
    if (!identifiers)
        node_set(record, "identifier", json_incref(json_object_get(order, "identifier")));
    else
        json_array_foreach (json_object_get(order, "identifier"), i, identifier)
            if (!has_identifier(identifiers, identifier))
                (void)node_push(identifiers, json_incref(identifier));
}

/* An order that this server has is referred to by its own address; several procedures of one
 * accession number are several of them. */
static void add_order(const struct build *b, json_t *requests, const struct study_order *order)
{
    struct dataset d = {.documents = {order->attributes}};
    json_t *record = request_record(b->mapping, &(struct request){.own = &d});
    json_t *there = find_record(requests, order->accession_number);
    const char *reference = build_order_reference(b, order, order->source_reference);

    if (!record)
        record = json_object();
    if (there && !(reference && json_object_get(there, "reference"))) {
        complete(there, record);
        json_decref(record);
        record = there;
    } else {
        (void)json_array_append_new(requests, record);
    }
    node_set_text(record, "reference", reference);
}

static bool is_strange(const struct study *s, const json_t *record)
{
    const char *value = accession_value(record);
    const json_t *strange;
    size_t i;

    json_array_foreach (s->strange_accessions, i, strange)
        if (value && strcmp(json_string_value(strange), value) == 0)
            return true;
    return false;
}

/* Complete @requests, as the images name them, by the orders that the study is linked to, and mark
 * as "withheld" those that must not be referred to. */
static void add_orders(const struct build *b, json_t *requests)
{
    const struct study *s = b->study;
    struct asking a = ask_study(b->scope);
    struct dataset d;
    json_t *record;
    size_t i;

    for (i = 0; i < s->n_orders; i++)
        add_order(b, requests, &s->orders[i]);
    if (s->request_replaced && s->n_orders == 0 && !s->request_withheld &&
        ASK_NEXT(&a, &d, AccessionNumber)) /* a person named a number that no order has yet */
        (void)node_push(requests, request_record_of_accession(b->mapping, &d));
    json_array_foreach (requests, i, record)
        if (s->request_withheld || (is_strange(s, record) && !json_object_get(record, "reference")))
            (void)json_object_set_new(record, "withheld", json_true());
}

json_t *requests_collect(const struct build *b)
{
    bool of_images = !b->study->request_replaced || b->study->request_withheld;
    json_t *requests = of_images ? requests_of_images(b) : json_array();

    add_orders(b, requests);
    return requests;
}
