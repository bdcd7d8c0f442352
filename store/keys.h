/* The typed columns of the index, taken from the DICOM JSON of an instance: what is compared,
 * sorted by or counted. What has no valid value has no key (NULL); the JSON keeps its text. Pure.
 */
#ifndef ISTHMUS_STORE_KEYS_H
#define ISTHMUS_STORE_KEYS_H

#include "store/instance.h"

#include <stdbool.h>

/* As PostgreSQL reads them: "2026-01-31", "13:05:00.25", "-7". */
struct keys {
    char *issuer_of_patient_id, *patient_id, *patient_name, *patient_name_folded;
    char patient_birth_date[16];
    char *patient_sex;
    char study_date[16], study_time[24];
    char *accession_number, *study_id, *study_description, *study_description_folded;
    char *referring_physician_name, *referring_physician_name_folded;
    char *modality;
    char series_number[16], series_date[16], series_time[24];
    char *series_description, *body_part_examined;
    char instance_number[16];
    char *sop_instance_status;
};

/* Characters of a text key; longer ones are cut, because an index row has an end. */
#define KEY_TEXT_MAX 256

/* 0 or -ENOMEM. @ret need not be initialised; keys_done() in either case. */
int keys_take(const struct instance *i, struct keys *ret);
void keys_done(struct keys *k);

/* The first value of an IS such as Series Number, when it is an integer of 32 bits. */
bool keys_integer(const json_t *attributes, const char *tag, int *ret);

#endif
