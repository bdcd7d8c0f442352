#include "store/study.h"
#include "store/base/cleanup.h"
#include "store/document.h"
#include "store/keys.h"
#include "store/study_order.h"
#include "store/study_sources.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The columns of the three statements below. */
enum {
    STUDY_UID,
    STUDY_HAS_CONVERSION,
    STUDY_PATIENT,
    STUDY_STUDY,
    STUDY_PATIENT_CORRECTED,
    STUDY_OVERLAY
};
enum { SERIES_KEY, SERIES_UID, SERIES_ATTRIBUTES };
enum {
    INSTANCE_SERIES_KEY,
    INSTANCE_UID,
    INSTANCE_SOP_CLASS,
    INSTANCE_TRANSFER_SYNTAX,
    INSTANCE_CALLING_AE,
    INSTANCE_USABLE,
    INSTANCE_AVAILABLE,
    INSTANCE_REJECTED,
    INSTANCE_STATUS,
    INSTANCE_AUTHORIZED,
    INSTANCE_RECEIVED_AT,
    INSTANCE_PATIENT, /* … of enum level, in its order */
};

static const char select_study[] =
    "select study_instance_uid, has_conversion, coalesce(corrected_patient, patient_attributes), "
    "attributes, corrected_patient is not null, coalesce(corrected_study, '{}') "
    "from isthmus.study where study_key = $1";
static const char select_series[] = "select series_key, series_instance_uid, attributes "
                                    "from isthmus.series where study_key = $1 order by series_key";
static const char select_instances[] =
    "with authorized as materialized (select isthmus.content_of(i.sop_class_uid, i.attributes) as "
    "content from isthmus.series s join isthmus.instance i using (series_key) "
    "where s.study_key = $1 and i.sop_instance_status in ('AO', 'AC')) "
    "select i.series_key, i.sop_instance_uid, i.sop_class_uid, i.transfer_syntax_uid, "
    "i.calling_ae_title, i.flags & $2 = 0, i.available, i.rejected, i.sop_instance_status, "
    "case when i.sop_instance_status = 'OR' then "
    "isthmus.content_of(i.sop_class_uid, i.attributes) in (select content from authorized "
    "where content is not null) or exists (select from isthmus.conflict c "
    "where c.sop_instance_uid = i.sop_instance_uid and c.settled_at is null "
    "and c.attributes #>> '{01000410,Value,0}' in ('AO', 'AC')) end, "
    "to_char(i.received_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), "
    "i.patient_attributes, i.study_attributes, i.series_attributes, i.attributes "
    "from isthmus.series s join isthmus.instance i using (series_key) where s.study_key = $1 "
    "order by i.series_key, i.instance_number nulls last, i.sop_instance_uid collate \"C\"";

struct loader {
    struct study *study;
    const json_t *patient, *attributes; /* of the study row */
    const json_t *overlay;              /* over the study documents of all instances */
    bool patient_corrected;
    json_t *by_text[LEVEL_COUNT]; /* documents that differ from those of their rows, parsed once */
    json_t *latest;               /* by tag: the attribute as the previous instance has it */
    int error;                    /* why there is no document */
    PGresult *study_rows, *series_rows, *instance_rows, *source_rows;
};

static char *copy_cell(const PGresult *rows, int row, int column)
{
    return PQgetisnull(rows, row, column) ? NULL : strdup(PQgetvalue(rows, row, column));
}

static bool is_true(const PGresult *rows, int row, int column)
{
    return *PQgetvalue(rows, row, column) == 't';
}

static const json_t *add_document(struct loader *l, const char *text)
{
    json_t *document;
    int r = document_parse(text, &document);

    if (r == 0 && json_array_append_new(l->study->documents, document) < 0)
        r = -ENOMEM;
    if (r < 0)
        l->error = r;
    return r < 0 ? NULL : document;
}

/* The document in a cell, or @shared where the cell is null: "the same as in its row". Thousands
 * of instances may differ from their series row in the same way. */
static const json_t *document_of(struct loader *l, int row, int level, const json_t *shared)
{
    int column = INSTANCE_PATIENT + level;
    const char *text = PQgetvalue(l->instance_rows, row, column);
    json_t *document;

    if (PQgetisnull(l->instance_rows, row, column) ||
        (level == LEVEL_PATIENT && l->patient_corrected))
        return shared;
    document = json_object_get(l->by_text[level], text);
    if (document)
        return document;
    document = (json_t *)add_document(l, text);
    if (document && level == LEVEL_STUDY && json_object_update(document, (json_t *)l->overlay) < 0)
        return NULL;
    return document && json_object_set(l->by_text[level], text, document) == 0 ? document : NULL;
}

/* The document of one instance, without the VRs, which nobody asks for. Most of its attributes are
 * those of its neighbour, so equal ones are shared: together a third of the memory for a study of
 * many thousands. */
static const json_t *instance_document(struct loader *l, const char *text)
{
    const json_t *added = add_document(l, text);
    json_t *document = (json_t *)added, *attribute;
    const char *tag;
    void *next;

    json_object_foreach_safe(document, next, tag, attribute)
    {
        json_t *latest = json_object_get(l->latest, tag);

        (void)json_object_del(attribute, "vr");
        json_t *target = latest && json_equal(latest, attribute) ? document : l->latest;

        if (json_object_set(target, tag, target == document ? latest : attribute) < 0)
            return NULL;
    }
    return document;
}

static int take_study(struct loader *l, int64_t key)
{
    struct study *s = l->study;

    if (PQntuples(l->study_rows) == 0)
        return -ENOENT;
    s->key = key;
    s->study_instance_uid = copy_cell(l->study_rows, 0, STUDY_UID);
    l->patient_corrected = is_true(l->study_rows, 0, STUDY_PATIENT_CORRECTED);
    l->patient = add_document(l, PQgetvalue(l->study_rows, 0, STUDY_PATIENT));
    l->attributes = add_document(l, PQgetvalue(l->study_rows, 0, STUDY_STUDY));
    l->overlay = add_document(l, PQgetvalue(l->study_rows, 0, STUDY_OVERLAY));
    if (!l->patient || !l->attributes || !l->overlay)
        return l->error;
    return s->study_instance_uid ? 0 : -ENOMEM;
}

static int take_instance(struct loader *l, int row, const json_t *series_attributes,
                         struct study_instance *ret)
{
    const PGresult *rows = l->instance_rows;
    const json_t *const shared[LEVEL_COUNT] = {l->patient, l->attributes, series_attributes};

    ret->sop_instance_uid = copy_cell(rows, row, INSTANCE_UID);
    ret->sop_class_uid = copy_cell(rows, row, INSTANCE_SOP_CLASS);
    ret->transfer_syntax_uid = copy_cell(rows, row, INSTANCE_TRANSFER_SYNTAX);
    ret->calling_ae_title = copy_cell(rows, row, INSTANCE_CALLING_AE);
    ret->usable = is_true(rows, row, INSTANCE_USABLE);
    ret->available = is_true(rows, row, INSTANCE_AVAILABLE);
    ret->rejected = (unsigned)strtoul(PQgetvalue(rows, row, INSTANCE_REJECTED), NULL, 10);
    ret->sop_instance_status = copy_cell(rows, row, INSTANCE_STATUS);
    ret->authorized = is_true(rows, row, INSTANCE_AUTHORIZED);
    (void)snprintf(ret->received_at, sizeof ret->received_at, "%s",
                   PQgetvalue(rows, row, INSTANCE_RECEIVED_AT));
    for (int level = 0; level < LEVEL_INSTANCE; level++)
        ret->attributes[level] = document_of(l, row, level, shared[level]);
    ret->attributes[LEVEL_INSTANCE] =
        instance_document(l, PQgetvalue(rows, row, INSTANCE_PATIENT + LEVEL_INSTANCE));
    for (int level = 0; level < LEVEL_COUNT; level++)
        if (!ret->attributes[level])
            return l->error;
    return ret->sop_instance_uid && ret->sop_class_uid && ret->transfer_syntax_uid ? 0 : -ENOMEM;
}

/* How many rows from @row on belong to the series of @row. */
static int rows_of_series(const PGresult *rows, int row)
{
    const char *key = PQgetvalue(rows, row, INSTANCE_SERIES_KEY);
    int n = 0;

    while (row + n < PQntuples(rows) &&
           strcmp(key, PQgetvalue(rows, row + n, INSTANCE_SERIES_KEY)) == 0)
        n++;
    return n;
}

static int take_one_series(struct loader *l, int series_row, int first, int n,
                           struct study_series *ret)
{
    const json_t *attributes =
        add_document(l, PQgetvalue(l->series_rows, series_row, SERIES_ATTRIBUTES));
    int r = 0;

    ret->series_instance_uid = copy_cell(l->series_rows, series_row, SERIES_UID);
    ret->instances = calloc((size_t)n, sizeof *ret->instances);
    if (!attributes)
        return l->error;
    if (!ret->series_instance_uid || !ret->instances)
        return -ENOMEM;
    for (int i = 0; r == 0 && i < n; i++) {
        r = take_instance(l, first + i, attributes, &ret->instances[i]);
        ret->n_instances++;
    }
    return r;
}

/* Both results come in order of series key; a series is there as soon as it has an instance. */
static int take_series(struct loader *l)
{
    struct study *s = l->study;
    int first = 0, r = 0;

    s->series = calloc((size_t)PQntuples(l->series_rows) + 1, sizeof *s->series);
    if (!s->series)
        return -ENOMEM;
    for (int row = 0; r == 0 && row < PQntuples(l->series_rows); row++) {
        int n;

        if (first == PQntuples(l->instance_rows) ||
            strcmp(PQgetvalue(l->series_rows, row, SERIES_KEY),
                   PQgetvalue(l->instance_rows, first, INSTANCE_SERIES_KEY)) != 0)
            continue;
        n = rows_of_series(l->instance_rows, first);
        r = take_one_series(l, row, first, n, &s->series[s->n_series++]);
        first += n;
    }
    return r;
}

/* Series Number of the first usable instance that has one. Not the column of the series row,
 * which is that of the instance that arrived first. */
static bool series_number(const struct study_series *series, int *ret)
{
    for (size_t i = 0; i < series->n_instances; i++)
        if (series->instances[i].usable &&
            keys_integer(series->instances[i].attributes[LEVEL_SERIES], "00200011", ret))
            return true;
    return false;
}

static int compare_series(const void *a, const void *b)
{
    const struct study_series *x = a, *y = b;
    int nx = 0, ny = 0;
    bool has_x = series_number(x, &nx), has_y = series_number(y, &ny);

    if (has_x != has_y)
        return has_x ? -1 : 1;
    if (nx != ny)
        return nx < ny ? -1 : 1;
    return strcmp(x->series_instance_uid, y->series_instance_uid);
}

static bool has_conversion(const struct loader *l)
{
    return PQntuples(l->study_rows) > 0 && is_true(l->study_rows, 0, STUDY_HAS_CONVERSION);
}

static int query_all(struct db *db, int64_t key, struct loader *l)
{
    char key_text[24], hidden[16];
    const char *const values[] = {key_text, hidden};
    int r;

    (void)snprintf(key_text, sizeof key_text, "%" PRId64, key);
    (void)snprintf(hidden, sizeof hidden, "%d", INSTANCE_UID_INVALID);
    r = db_script(db, "begin isolation level repeatable read read only");
    if (r == 0)
        r = db_query(db, select_study, 1, values, &l->study_rows);
    if (r == 0)
        r = db_query(db, select_series, 1, values, &l->series_rows);
    if (r == 0)
        r = db_query(db, select_instances, 2, values, &l->instance_rows);
    if (r == 0 && has_conversion(l))
        r = db_query(db, study_select_sources, 1, values, &l->source_rows);
    if (r == 0 && PQntuples(l->study_rows) == 1)
        r = study_load_orders(db, key, l->study);
    if (r == 0)
        return db_commit(db);
    db_rollback(db);
    return r;
}

static int loader_init(struct loader *l)
{
    bool whole = true;

    for (int level = 0; level < LEVEL_COUNT; level++)
        whole &= (l->by_text[level] = json_object()) != NULL;
    l->latest = json_object();
    l->study = calloc(1, sizeof *l->study);
    if (!whole || !l->latest || !l->study)
        return -ENOMEM;
    l->study->documents = json_array();
    return l->study->documents ? 0 : -ENOMEM;
}

static void loader_done(struct loader *l)
{
    PQclear(l->study_rows);
    PQclear(l->series_rows);
    PQclear(l->instance_rows);
    PQclear(l->source_rows);
    for (int level = 0; level < LEVEL_COUNT; level++)
        json_decref(l->by_text[level]);
    json_decref(l->latest);
    study_free(l->study);
}

int study_load(struct db *db, int64_t key, struct study **ret)
{
    _cleanup_(loader_done) struct loader l = {.error = -ENOMEM};
    int r = loader_init(&l);

    if (r == 0)
        r = query_all(db, key, &l);
    if (r == 0)
        r = take_study(&l, key);
    if (r == 0)
        r = take_series(&l);
    if (r == 0 && l.source_rows)
        r = study_take_sources(l.study, l.source_rows);
    if (r < 0)
        return r;
    qsort(l.study->series, l.study->n_series, sizeof *l.study->series, compare_series);
    *ret = TAKE_PTR(l.study);
    return 0;
}

static void series_done(struct study_series *series)
{
    for (size_t i = 0; i < series->n_instances; i++) {
        free(series->instances[i].sop_instance_uid);
        free(series->instances[i].sop_class_uid);
        free(series->instances[i].transfer_syntax_uid);
        free(series->instances[i].calling_ae_title);
        study_sources_done(&series->instances[i]);
        free(series->instances[i].sop_instance_status);
    }
    free(series->instances);
    free(series->series_instance_uid);
}

struct study *study_free(struct study *s)
{
    if (!s)
        return NULL;
    for (size_t i = 0; i < s->n_series; i++)
        series_done(&s->series[i]);
    free(s->series);
    study_free_orders(s);
    free(s->study_instance_uid);
    json_decref(s->documents);
    free(s);
    return NULL;
}
