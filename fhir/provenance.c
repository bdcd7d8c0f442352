#include "fhir/provenance.h"
#include "fhir/memory.h"
#include "fhir/when.h"
#include "store/base/cleanup.h"
#include "store/base/uid.h"

#include <string.h>

#define PARTICIPANT_TYPE "http://terminology.hl7.org/CodeSystem/provenance-participant-type"

struct sources {
    const char **uids;
    size_t n;
};

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Those of all instances that count, sorted, each once; what is no UID cannot be published. */
static struct sources collect(const struct scope *s)
{
    struct sources all = {.n = 0};
    size_t n = 0, kept = 0;

    for (size_t i = 0; i < s->n_instances; i++)
        n += s->instances[i]->n_sources;
    all.uids = memory_new(n * sizeof *all.uids);
    for (size_t i = 0; i < s->n_instances; i++)
        for (size_t k = 0; k < s->instances[i]->n_sources; k++)
            if (uid_valid(s->instances[i]->sources[k]))
                all.uids[all.n++] = s->instances[i]->sources[k];
    qsort(all.uids, all.n, sizeof *all.uids, compare_texts);
    for (size_t i = 0; i < all.n; i++)
        if (kept == 0 || strcmp(all.uids[kept - 1], all.uids[i]) != 0)
            all.uids[kept++] = all.uids[i];
    all.n = kept;
    return all;
}

static size_t listed_max(const struct build *b)
{
    size_t full = b->mapping->full_limit;

    if (b->form == FORM_FULL)
        return full;
    if (b->form == FORM_STUDY)
        return 0;
    return full < PROVENANCE_LISTED_MAX ? full : PROVENANCE_LISTED_MAX;
}

/* @what is taken over. */
static json_t *entity_new(json_t *what)
{
    json_t *entity = json_object();

    node_set_text(entity, "role", "source");
    node_set(entity, "what", what);
    return entity;
}

static json_t *entities_of(const struct build *b, const struct sources *sources)
{
    json_t *entities = json_array();

    if (sources->n > listed_max(b)) {
        _cleanup_free_ char *display =
            memory_print("%zu DICOM instance%s", sources->n, sources->n == 1 ? "" : "s");
        json_t *what = json_object();

        node_set_text(what, "display", display);
        (void)node_push(entities, entity_new(what));
        return entities;
    }
    for (size_t i = 0; i < sources->n; i++) {
        json_t *what = json_object();

        node_set(what, "identifier", identifier_of_uid(sources->uids[i]));
        (void)node_push(entities, entity_new(what));
    }
    return entities;
}

static const struct study_instance *first_converted(const struct scope *s)
{
    for (size_t i = 0; i < s->n_instances; i++)
        if (s->instances[i]->n_sources > 0)
            return s->instances[i];
    return NULL;
}

/* What made the instance: its manufacturer and model. */
static json_t *agent_of(const struct dataset *d)
{
    const char *manufacturer = dataset_text(d, Manufacturer);
    const char *model = dataset_text(d, ManufacturerModelName);
    _cleanup_free_ char *both =
        manufacturer && model ? memory_print("%s %s", manufacturer, model) : NULL;
    const char *display = both ? both : manufacturer ? manufacturer : model ? model : "unknown";
    json_t *agent = json_object(), *who = json_object();

    node_set_text(who, "display", display);
    node_set(agent, "type", node_concept(node_coding(PARTICIPANT_TYPE, "assembler", NULL), NULL));
    node_set(agent, "who", who);
    return agent;
}

/* An instant needs time and offset; when it was received is known in any case. */
static json_t *recorded(const struct build *b, const struct study_instance *i,
                        const struct dataset *d)
{
    _cleanup_free_ char *created =
        when_of(b->mapping, d, InstanceCreationDate, InstanceCreationTime);

    return node_text(created && strchr(created, 'T') ? created : i->received_at);
}

/* meta.tag, and in @ret_query how it is found by that. */
static json_t *tag_of(const struct build *b, char **ret_query)
{
    _cleanup_free_ char *code = memory_print("%s#conversion", b->study->study_instance_uid);
    json_t *meta = json_object();

    node_set(meta, "tag", node_array(node_coding(b->mapping->publisher_system, code, NULL)));
    *ret_query = identifier_token_query("_tag", b->mapping->publisher_system, code);
    return meta;
}

static void set_content(const struct build *b, json_t *provenance,
                        const struct study_instance *first, const struct sources *sources)
{
    _cleanup_free_ char *study = memory_print("urn:uuid:%s", b->study_id);
    const struct dataset d = dataset_of(first);

    node_set(provenance, "target", node_array(node_reference(study, "ImagingStudy", NULL, NULL)));
    node_set(provenance, "recorded", recorded(b, first, &d));
    node_set(provenance, "activity", node_concept(NULL, "Conversion of DICOM instances"));
    node_set(provenance, "agent", node_array(agent_of(&d)));
    node_set(provenance, "entity", entities_of(b, sources));
}

void provenance_build(struct build *b)
{
    const struct study_instance *first = first_converted(b->scope);
    struct sources sources = collect(b->scope);
    bool search = b->mapping->search_identity;
    _cleanup_free_ char *query = NULL;
    char id[UUID_TEXT];
    json_t *provenance;

    if (sources.n > 0) {
        uuid_of_names("Provenance", b->study->study_instance_uid, "conversion", id);
        provenance = node_resource("Provenance", search ? NULL : id);
        if (search)
            node_set(provenance, "meta", tag_of(b, &query));
        set_content(b, provenance, first, &sources);
        (void)node_push(b->own, build_own_found(b, id, provenance, query));
    }
    free(sources.uids);
}
