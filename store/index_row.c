#include "store/index_row.h"
#include "store/document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char index_put_statement[] =
    "select isthmus.put_instance($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
    "$15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, "
    "$33, $34, $35, $36, $37)";

void index_digest(const struct instance *i, char buffer[INDEX_DIGEST_MAX])
{
    static const char digits[] = "0123456789abcdef";
    char *end = stpcpy(buffer, "\\x");

    for (size_t n = 0; n < sizeof i->digest; n++) {
        *end++ = digits[i->digest[n] >> 4];
        *end++ = digits[i->digest[n] & 0xF];
    }
    *end = '\0';
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

static void set_values(const struct instance *i, struct index_row *r)
{
    const struct keys *k = &r->keys;
    const char *const values[INDEX_PARAMETERS] = {i->sop_instance_uid,
                                                  i->sop_class_uid,
                                                  i->study_instance_uid,
                                                  i->series_instance_uid,
                                                  i->transfer_syntax_uid,
                                                  i->calling_ae_title,
                                                  r->blob,
                                                  r->size_bytes,
                                                  r->digest,
                                                  r->flags,
                                                  k->issuer_of_patient_id,
                                                  k->patient_id,
                                                  k->patient_name,
                                                  k->patient_name_folded,
                                                  or_null(k->patient_birth_date),
                                                  k->patient_sex,
                                                  or_null(k->study_date),
                                                  or_null(k->study_time),
                                                  k->accession_number,
                                                  k->study_id,
                                                  k->study_description,
                                                  k->study_description_folded,
                                                  k->referring_physician_name,
                                                  k->referring_physician_name_folded,
                                                  k->modality,
                                                  or_null(k->series_number),
                                                  or_null(k->series_date),
                                                  or_null(k->series_time),
                                                  k->series_description,
                                                  k->body_part_examined,
                                                  or_null(k->instance_number),
                                                  k->sop_instance_status,
                                                  r->attributes[LEVEL_PATIENT],
                                                  r->attributes[LEVEL_STUDY],
                                                  r->attributes[LEVEL_SERIES],
                                                  r->attributes[LEVEL_INSTANCE],
                                                  i->references};

    memcpy(r->values, values, sizeof values);
}

/* What snprintf() would do, for much less. @ret has room for any number. */
static void put_number(uint64_t value, char *ret)
{
    char digits[24], *end = digits + sizeof digits, *p = end;

    *--p = '\0';
    do {
        *--p = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memcpy(ret, p, (size_t)(end - p));
}

int index_row_fill(const struct instance *i, struct index_row *ret)
{
    int r = keys_take(i, &ret->keys);

    put_number(i->blob_id, ret->blob);
    put_number(i->size_bytes, ret->size_bytes);
    put_number(i->flags, ret->flags);
    index_digest(i, ret->digest);
    for (int level = 0; r == 0 && level < LEVEL_COUNT; level++)
        r = document_write(i->attributes[level], &ret->attributes[level]);
    set_values(i, ret);
    return r;
}

void index_row_done(struct index_row *r)
{
    keys_done(&r->keys);
    for (int level = 0; level < LEVEL_COUNT; level++)
        free(r->attributes[level]);
}

/* Each value is a byte that says whether it is there, and if so its text with the NUL. */
int index_row_pack(const char *const values[INDEX_PARAMETERS], char **ret, size_t *ret_n)
{
    size_t n = INDEX_PARAMETERS;
    char *block, *p;

    for (int i = 0; i < INDEX_PARAMETERS; i++)
        n += values[i] ? strlen(values[i]) + 1 : 0;
    block = p = malloc(n);
    if (!block)
        return -ENOMEM;
    for (int i = 0; i < INDEX_PARAMETERS; i++) {
        *p++ = values[i] != NULL;
        if (values[i])
            p = stpcpy(p, values[i]) + 1;
    }
    *ret = block;
    *ret_n = n;
    return 0;
}

int index_row_pack_instance(const struct instance *i, char **ret, size_t *ret_n)
{
    struct index_row row = {.values = {NULL}};
    int r = index_row_fill(i, &row);

    if (r == 0)
        r = index_row_pack(row.values, ret, ret_n);
    index_row_done(&row);
    return r;
}

int index_row_unpack(const char *block, size_t n, const char *ret[INDEX_PARAMETERS])
{
    const char *p = block, *end = block + n;

    for (int i = 0; i < INDEX_PARAMETERS; i++) {
        const char *nul;

        ret[i] = NULL;
        if (p == end)
            return -EBADMSG;
        if (!*p++)
            continue;
        nul = memchr(p, '\0', (size_t)(end - p));
        if (!nul)
            return -EBADMSG;
        ret[i] = p;
        p = nul + 1;
    }
    return p == end ? 0 : -EBADMSG;
}
