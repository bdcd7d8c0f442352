#include "fhir/tables.h"

#include <stdlib.h>
#include <string.h>

/* Every row of the three tables begins with its key. */
static int compare_key(const void *key, const void *row)
{
    return strcmp(key, *(const char *const *)row);
}

const struct body_part *table_body_part(const char *body_part)
{
    return bsearch(body_part, table_body_parts, table_n_body_parts, sizeof *table_body_parts,
                   compare_key);
}

const struct modality *table_modality(const char *code)
{
    return bsearch(code, table_modalities, table_n_modalities, sizeof *table_modalities,
                   compare_key);
}

const char *table_sct_of_srt(const char *srt)
{
    const struct srt_code *found =
        bsearch(srt, table_srt_codes, table_n_srt_codes, sizeof *table_srt_codes, compare_key);

    return found ? found->sct : NULL;
}
