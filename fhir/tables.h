/* Code tables that came from the standard. tables/ holds their facts as text with the source
 * named; make-tables turns them into tables_*.c, sorted for lookup. Pure. */
#ifndef ISTHMUS_FHIR_TABLES_H
#define ISTHMUS_FHIR_TABLES_H

#include <stdbool.h>
#include <stddef.h>

struct body_part {
    const char *body_part, *code, *display;
};

struct modality {
    const char *code;
    bool acquisition; /* of CID 29; else another member of CID 33 */
    const char *display;
};

struct srt_code {
    const char *srt, *sct;
};

extern const struct body_part table_body_parts[];
extern const size_t table_n_body_parts;
extern const struct modality table_modalities[];
extern const size_t table_n_modalities;
extern const struct srt_code table_srt_codes[];
extern const size_t table_n_srt_codes;

/* NULL when the code is not in the table. Upper case is expected. */
const struct body_part *table_body_part(const char *body_part);
const struct modality *table_modality(const char *code);
/* The SNOMED CT concept id of a SNOMED-RT style code value, or NULL. */
const char *table_sct_of_srt(const char *srt);

#endif
