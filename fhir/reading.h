/* Reading one order: what is taken from FHIR, with a sentence for everything that is not as FHIR
 * has it, and how values become DICOM JSON. */
#ifndef ISTHMUS_FHIR_READING_H
#define ISTHMUS_FHIR_READING_H

#include "fhir/mapping.h"
#include "fhir/pool.h"

#include <jansson.h>
#include <stdbool.h>

/* What a site decides about orders. */
struct order_rules {
    struct mapping mapping;
    struct map stations;        /* "CT=CT1": AE titles by modality */
    struct map modalities;      /* "77477000=CT": modalities by procedure code */
    const char *station_system; /* of identifiers that are AE titles */
};

struct reading {
    const struct order_rules *rules;
    const struct pool *pool;
    const json_t *request;
    json_t *attributes; /* of the worklist item */
    json_t *faults;     /* sentences without values */
    json_t *references; /* "Appointment/7", by the ID of the step that it schedules */
};

void reading_fault(struct reading *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The member @key of @object when it has the type; NULL when it is missing, NULL and a fault when
 * it has another. An array that FHIR has where releases differ may be one object. Texts that hold
 * a NUL are faults too. All borrowed. */
const char *read_text(struct reading *r, const json_t *object, const char *key);
const json_t *read_object(struct reading *r, const json_t *object, const char *key);
const json_t *read_array(struct reading *r, const json_t *object, const char *key);
/* Element @i of an array when it is an object, else NULL (and a fault when it is none). */
const json_t *read_element(struct reading *r, const json_t *array, size_t i);
/* The resource that member @key of @from refers to, or NULL. */
const json_t *read_reference(struct reading *r, const json_t *from, const char *key);
bool is_resource(const json_t *resource, const char *type);

/* The text, else the display of the first coding of a CodeableConcept; NULL: neither. */
const char *concept_text(struct reading *r, const json_t *concept);

/* Put a value into @attributes unless it is empty. Text is made fit for its VR: control characters
 * and what would divide values become spaces, what is too long is cut; identifiers stay as they
 * are. */
void put_text(json_t *attributes, const char *tag, const char *vr, const char *text);
void put_identifier(json_t *attributes, const char *tag, const char *vr, const char *text);
void push_text(json_t *attributes, const char *tag, const char *vr, const char *text);
/* Append an item to the sequence @tag unless it is empty; @item is taken over. */
void push_item(json_t *attributes, const char *tag, json_t *item);
/* The codings of a CodeableConcept as items. */
void push_codes(struct reading *r, json_t *attributes, const char *tag, const json_t *concept);
/* Issuer @system of an identifier of @kind as item of @tag. */
void push_issuer(struct reading *r, json_t *attributes, const char *tag, enum kind kind,
                 const char *system);
/* HumanNames as a PN; @display: when there are none. */
void put_name(struct reading *r, json_t *attributes, const char *tag, const json_t *names,
              const char *display);

/* The identifier of @kind among @identifiers: with type @code of v2-0203, else with the system of
 * that kind, else NULL. */
const json_t *find_identifier(struct reading *r, const json_t *identifiers, const char *code,
                              enum kind kind);

/* Parts of an order, each in a file of its own. */
void read_patient(struct reading *r);
void read_steps(struct reading *r, const char *description);

#endif
