/* Scheduled procedure steps: an Appointment each, else a Task each, else the ServiceRequest. */
#include "fhir/coding.h"
#include "fhir/identifier.h"
#include "fhir/memory.h"
#include "fhir/node.h"
#include "fhir/reading.h"
#include "fhir/tables.h"
#include "fhir/when.h"
#include "store/base/cleanup.h"

#include <ctype.h>
#include <string.h>

/* --- where and who --- */

static const char *station_of(struct reading *r, const json_t *resource)
{
    const json_t *identifiers = read_array(r, resource, "identifier");

    for (size_t i = 0; i < json_array_size(identifiers); i++) {
        const json_t *identifier = read_element(r, identifiers, i);
        const char *system = read_text(r, identifier, "system");

        if (system && r->rules->station_system && strcmp(system, r->rules->station_system) == 0)
            return read_text(r, identifier, "value");
    }
    return NULL;
}

/* R5: name[].value, R4: deviceName[].name. */
static const char *device_name(struct reading *r, const json_t *device)
{
    const json_t *r5 = read_array(r, device, "name");
    const json_t *r4 = read_array(r, device, "deviceName");
    const char *name = read_text(r, read_element(r, r5, 0), "value");

    return name ? name : read_text(r, read_element(r, r4, 0), "name");
}

static const char *modality_of(struct reading *r, const json_t *concept)
{
    const json_t *codings = read_array(r, concept, "coding");

    for (size_t i = 0; i < json_array_size(codings); i++) {
        const json_t *coding = read_element(r, codings, i);
        const char *system = read_text(r, coding, "system"), *code = read_text(r, coding, "code");

        if (system && code && strcmp(system, SYSTEM_DCM) == 0 && table_modality(code))
            return code;
    }
    return NULL;
}

/* Device.type: a concept in R4, a list of them in R5. */
static void put_device(struct reading *r, json_t *step, const json_t *device)
{
    const json_t *type = json_object_get(device, "type");

    push_text(step, "00400001", "AE", station_of(r, device));
    push_text(step, "00400010", "SH", device_name(r, device));
    put_text(step, "00080060", "CS",
             modality_of(r, json_is_array(type) ? read_element(r, type, 0) : type));
}

/* Whoever @reference of @from names takes part: a machine, a room or a person. */
static void put_actor(struct reading *r, json_t *step, const json_t *from, const json_t *reference)
{
    const json_t *actor = pool_find(r->pool, from, reference);
    const char *display = read_text(r, reference, "display");

    if (is_resource(actor, "Device")) {
        put_device(r, step, actor);
    } else if (is_resource(actor, "Location")) {
        push_text(step, "00400001", "AE", station_of(r, actor));
        put_text(step, "00400011", "SH", read_text(r, actor, "name"));
    } else if (is_resource(actor, "HealthcareService")) {
        push_text(step, "00400001", "AE", station_of(r, actor));
    } else if (is_resource(actor, "PractitionerRole")) {
        const json_t *person = read_object(r, actor, "practitioner");

        put_name(r, step, "00400006", read_array(r, pool_find(r->pool, actor, person), "name"),
                 read_text(r, person, "display"));
    } else if (is_resource(actor, "Practitioner")) {
        put_name(r, step, "00400006", read_array(r, actor, "name"), display);
    }
}

/* --- when --- */

static void put_when(struct reading *r, json_t *step, const char *text, const char *date_tag,
                     const char *time_tag)
{
    char date[9], time[7];

    if (!text || json_object_get(step, date_tag))
        return;
    if (!when_local(r->rules->mapping.zone, text, date, time)) {
        reading_fault(r, "a time of the schedule is not a dateTime");
        return;
    }
    put_text(step, date_tag, "DA", date);
    put_text(step, time_tag, "TM", time);
}

static void put_start(struct reading *r, json_t *step, const char *text)
{
    put_when(r, step, text, "00400002", "00400003");
}

static void put_end(struct reading *r, json_t *step, const char *text)
{
    put_when(r, step, text, "00400004", "00400005");
}

static void put_period(struct reading *r, json_t *step, const json_t *period)
{
    put_start(r, step, read_text(r, period, "start"));
    if (period)
        put_end(r, step, read_text(r, period, "end"));
}

/* --- what --- */

static const char *map_find(const struct map *map, const char *key)
{
    size_t n = strlen(key);

    for (size_t i = 0; i < map->n; i++)
        if (strncmp(map->entries[i], key, n) == 0 && map->entries[i][n] == '=')
            return map->entries[i] + n + 1;
    return NULL;
}

static const char *modality_of_code(struct reading *r, const json_t *concept)
{
    const json_t *codings = read_array(r, concept, "coding");

    for (size_t i = 0; i < json_array_size(codings); i++) {
        const char *code = read_text(r, read_element(r, codings, i), "code");
        const char *modality = code ? map_find(&r->rules->modalities, code) : NULL;

        if (modality)
            return modality;
    }
    return NULL;
}

/* "CT Head W contrast": names of LOINC and RadLex begin with the modality. */
static const char *modality_of_text(const char *text)
{
    char word[8] = {0};
    size_t n = text ? strcspn(text, " ") : 0;
    const struct modality *found;

    if (n < 2 || n >= sizeof word)
        return NULL;
    memcpy(word, text, n);
    found = table_modality(strcmp(word, "XR") == 0 ? "DX" : word);
    return found && found->acquisition ? found->code : NULL;
}

static void put_modality(struct reading *r, json_t *step, const char *description)
{
    const json_t *code = read_object(r, r->request, "code");
    const json_t *details = read_array(r, r->request, "orderDetail");
    const json_t *concept = read_object(r, code, "concept");

    put_text(step, "00080060", "CS", modality_of_code(r, concept ? concept : code));
    for (size_t i = 0; i < json_array_size(details); i++) {
        const json_t *detail = read_element(r, details, i);
        const json_t *parameters = read_array(r, detail, "parameter");

        put_text(step, "00080060", "CS", modality_of(r, detail));
        for (size_t k = 0; k < json_array_size(parameters); k++)
            put_text(step, "00080060", "CS",
                     modality_of(r, read_object(r, read_element(r, parameters, k),
                                                "valueCodeableConcept")));
    }
    put_text(step, "00080060", "CS", modality_of(r, concept ? concept : code));
    put_text(step, "00080060", "CS", modality_of_text(description));
}

static const char *value_of(const json_t *attributes, const char *tag)
{
    return json_string_value(
        json_array_get(json_object_get(json_object_get(attributes, tag), "Value"), 0));
}

static void put_usual_stations(struct reading *r, json_t *step)
{
    const char *modality = value_of(step, "00080060");
    const struct map *stations = &r->rules->stations;
    size_t n = modality ? strlen(modality) : 0;

    for (size_t i = 0; n > 0 && i < stations->n; i++)
        if (strncmp(stations->entries[i], modality, n) == 0 && stations->entries[i][n] == '=')
            push_text(step, "00400001", "AE", stations->entries[i] + n + 1);
}

/* What every step takes from the order; then it is done. */
static void finish(struct reading *r, json_t *step, const char *id, const char *description)
{
    const json_t *code = read_object(r, r->request, "code");
    const json_t *concept = read_object(r, code, "concept");
    const json_t *performers = read_array(r, r->request, "performer");
    const json_t *places = read_array(r, r->request, "locationReference");

    for (size_t i = 0; i < json_array_size(performers); i++)
        put_actor(r, step, r->request, read_element(r, performers, i));
    for (size_t i = 0; i < json_array_size(places); i++)
        put_actor(r, step, r->request, read_element(r, places, i));
    put_modality(r, step, description);
    if (!json_object_get(step, "00400001"))
        put_usual_stations(r, step);
    put_period(r, step, read_object(r, r->request, "occurrencePeriod"));
    put_start(r, step, read_text(r, r->request, "occurrenceDateTime"));
    put_start(r, step, read_text(r, r->request, "authoredOn"));
    put_text(step, "00400007", "LO", description);
    push_codes(r, step, "00400008", concept ? concept : code);
    put_identifier(step, "00400009", "SH", id);
    push_item(r->attributes, "00400100", step);
}

/* --- one after the other --- */

/* An id of FHIR has up to 64 characters, one of a step 16. */
static void step_id(struct reading *r, const json_t *resource, char ret[UUID_TEXT])
{
    const char *id = node_get_text(resource, "id"), *type = node_get_text(resource, "resourceType");
    _cleanup_free_ char *name = id ? memory_print("%s/%s", type, id) : NULL;

    if (id && strlen(id) <= 16) {
        (void)strcpy(ret, id);
    } else {
        uuid_of_names(type, id ? id : "", "", ret);
        (void)memmove(ret + 8, ret + 9, 4);
        (void)memmove(ret + 12, ret + 14, 4);
        ret[16] = '\0';
    }
    node_set_text(r->references, ret, name);
}

struct translation {
    const char *from, *to;
};

static const char *translate(const struct translation *table, const char *text)
{
    for (; text && table->from; table++)
        if (strcmp(table->from, text) == 0)
            return table->to;
    return NULL;
}

static void read_appointment(struct reading *r, const json_t *appointment, const char *description)
{
    static const struct translation statuses[] = {
        {"proposed", "SCHEDULED"},        {"pending", "SCHEDULED"},
        {"booked", "SCHEDULED"},          {"waitlist", "SCHEDULED"},
        {"arrived", "ARRIVED"},           {"checked-in", "READY"},
        {"cancelled", "CANCELED"},        {"noshow", "CANCELED"},
        {"entered-in-error", "CANCELED"}, {NULL, NULL}};
    const json_t *participants = read_array(r, appointment, "participant");
    json_t *step = json_object();
    char id[UUID_TEXT];

    put_start(r, step, read_text(r, appointment, "start"));
    put_end(r, step, read_text(r, appointment, "end"));
    for (size_t i = 0; i < json_array_size(participants); i++)
        put_actor(r, step, appointment, read_object(r, read_element(r, participants, i), "actor"));
    put_text(step, "00400020", "CS", translate(statuses, read_text(r, appointment, "status")));
    step_id(r, appointment, id);
    finish(r, step, id, description);
}

/* R4: executionPeriod; R5: requestedPeriod, owner and performer. */
static void read_task(struct reading *r, const json_t *task, const char *description)
{
    static const struct translation statuses[] = {{"draft", "SCHEDULED"},
                                                  {"requested", "SCHEDULED"},
                                                  {"received", "SCHEDULED"},
                                                  {"accepted", "SCHEDULED"},
                                                  {"on-hold", "SCHEDULED"},
                                                  {"ready", "READY"},
                                                  {"in-progress", "STARTED"},
                                                  {"completed", "COMPLETED"},
                                                  {"cancelled", "CANCELED"},
                                                  {"rejected", "CANCELED"},
                                                  {"failed", "CANCELED"},
                                                  {"entered-in-error", "CANCELED"},
                                                  {NULL, NULL}};
    const json_t *performers = read_array(r, task, "performer");
    json_t *step = json_object();
    char id[UUID_TEXT];

    put_period(r, step, read_object(r, task, "requestedPeriod"));
    put_period(r, step, read_object(r, read_object(r, task, "restriction"), "period"));
    put_period(r, step, read_object(r, task, "executionPeriod"));
    put_actor(r, step, task, read_object(r, task, "owner"));
    put_actor(r, step, task, read_object(r, task, "location"));
    for (size_t i = 0; i < json_array_size(performers); i++)
        put_actor(r, step, task, read_object(r, read_element(r, performers, i), "actor"));
    put_text(step, "00400020", "CS", translate(statuses, read_text(r, task, "status")));
    step_id(r, task, id);
    finish(r, step, id, description);
}

static bool read_each(struct reading *r, const char *type, const char *description,
                      void (*read)(struct reading *r, const json_t *resource,
                                   const char *description))
{
    const json_t *resources = pool_referring(r->pool, r->request, type), *resource;
    const char *name;

    json_object_foreach ((json_t *)resources, name, resource)
        read(r, resource, description);
    return json_object_size(resources) > 0;
}

void read_steps(struct reading *r, const char *description)
{
    if (!read_each(r, "Appointment", description, read_appointment) &&
        !read_each(r, "Task", description, read_task))
        finish(r, json_object(), "1", description);
}
