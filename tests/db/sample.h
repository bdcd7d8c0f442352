/* Instances for the tests: made of UIDs and JSON, as header.c would fill them. */
#ifndef ISTHMUS_TESTS_DB_SAMPLE_H
#define ISTHMUS_TESTS_DB_SAMPLE_H

#include "store/index_batch.h"
#include "store/index_row.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define CT "1.2.840.10008.5.1.4.1.1.2"
#define PATIENT_A                                                                                  \
    "{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Müller^Zoë\"}]},"                 \
    "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"A-1\"]}}"
#define PATIENT_B                                                                                  \
    "{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Other^One\"}]},"                    \
    "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"B-2\"]}}"
#define PATIENT_NONE "{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Unknown\"}]}}"
#define STUDY_1                                                                                    \
    "{\"00080020\":{\"vr\":\"DA\",\"Value\":[\"20260131\"]},"                                      \
    "\"00080050\":{\"vr\":\"SH\",\"Value\":[\"ACC-1\"]}}"
#define STUDY_2 "{\"00080050\":{\"vr\":\"SH\",\"Value\":[\"ACC-2\"]}}"
#define STUDY_NONE "{}"
#define SERIES_1                                                                                   \
    "{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]},"                                            \
    "\"00200011\":{\"vr\":\"IS\",\"Value\":[\"1\"]}}"
#define INSTANCE_1 "{\"00200013\":{\"vr\":\"IS\",\"Value\":[\"1\"]}}"

struct sample {
    const char *sop, *study, *series;    /* UIDs */
    int bytes;                           /* stands for the content: the digest is made of it */
    const char *attributes[LEVEL_COUNT]; /* NULL: the ones of patient A, study 1 … */
    const char *sop_class;
    unsigned flags;
};

static inline struct instance make_instance(const struct sample *s, uint64_t blob)
{
    static const char *const usual[] = {PATIENT_A, STUDY_1, SERIES_1, INSTANCE_1};
    struct instance i = {.sop_class_uid = strdup(s->sop_class ? s->sop_class : CT),
                         .sop_instance_uid = strdup(s->sop),
                         .study_instance_uid = s->study ? strdup(s->study) : NULL,
                         .series_instance_uid = s->series ? strdup(s->series) : NULL,
                         .transfer_syntax_uid = strdup("1.2.840.10008.1.2.1"),
                         .calling_ae_title = strdup("CT1"),
                         .flags = s->flags,
                         .blob_id = blob,
                         .size_bytes = 1000};

    memset(i.digest, s->bytes, sizeof i.digest);
    for (int level = 0; level < LEVEL_COUNT; level++) {
        const char *text = s->attributes[level] ? s->attributes[level] : usual[level];

        i.attributes[level] = json_loads(text, 0, NULL);
        cr_assert_not_null(i.attributes[level], "%s", text);
    }
    return i;
}

/* Store @s as @blob and expect @expected. */
static inline void put(struct db *db, const struct sample *s, uint64_t blob,
                       enum index_result expected)
{
    struct instance i = make_instance(s, blob);
    enum index_result result = (enum index_result)99;
    int r = index_put(db, NULL, &i, &result, NULL);

    cr_assert_eq(r, 0, "%d: %s", r, db_problem(db));
    cr_assert_eq(result, expected, "instance %s, blob %d: result %d, not %d", s->sop, (int)blob,
                 (int)result, (int)expected);
    instance_done(&i);
}

/* Add the row of @s as @blob. */
static inline void add_to_batch(struct index_batch *b, const struct sample *s, uint64_t blob)
{
    struct instance i = make_instance(s, blob);
    struct index_row row = {.values = {NULL}};
    char *block;
    size_t n;

    cr_assert_eq(index_row_fill(&i, &row), 0);
    cr_assert_eq(index_row_pack(row.values, &block, &n), 0);
    cr_assert_eq(index_batch_add(b, blob, block, n), 0);
    free(block);
    index_row_done(&row);
    instance_done(&i);
}

#endif
