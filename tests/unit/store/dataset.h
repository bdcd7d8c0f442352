/* Data sets made in memory, and what header.h makes of them. */
#ifndef ISTHMUS_TESTS_UNIT_STORE_DATASET_H
#define ISTHMUS_TESTS_UNIT_STORE_DATASET_H

#include "store/header.h"

#include <stdbool.h>
#include <stdint.h>

#define EXPLICIT "1.2.840.10008.1.2.1"
#define IMPLICIT "1.2.840.10008.1.2"
#define BIG_ENDIAN_EXPLICIT "1.2.840.10008.1.2.2"
#define DEFLATED "1.2.840.10008.1.2.1.99"

struct dataset {
    const char *transfer_syntax_uid; /* how it is written; NULL: EXPLICIT */
    uint8_t *bytes;
    size_t n, size;
};

void dataset_done(struct dataset *d);
#define _cleanup_dataset_ __attribute__((cleanup(dataset_done)))

void put_bytes(struct dataset *d, const void *bytes, size_t n);
/* Tag, VR and length; the value is put by the caller. */
void put_head(struct dataset *d, uint32_t tag, const char *vr, uint32_t length);
void put_text(struct dataset *d, uint32_t tag, const char *vr, const char *text);
void put_us(struct dataset *d, uint32_t tag, uint16_t value);

/* Sequences and items; with @length known when they end, or of undefined length. */
size_t put_sequence(struct dataset *d, uint32_t tag, bool undefined);
size_t put_item(struct dataset *d, bool undefined);
void end_sequence(struct dataset *d, size_t begun, bool undefined);
void end_item(struct dataset *d, size_t begun, bool undefined);

/* SOP class and instance; study and series with something behind them. */
void put_first_uids(struct dataset *d);
void put_last_uids(struct dataset *d);

/* Make a DEFLATED data set of an EXPLICIT one. */
void deflate_dataset(struct dataset *d);

/* Feed @n bytes in pieces of @step (0: at once), each in memory of its own, and finish.
 * *ret_problem (may be NULL) is static text. */
int read_bytes(const char *transfer_syntax_uid, const uint8_t *bytes, size_t n, size_t step,
               struct instance *ret, const char **ret_problem);
int read_dataset(const struct dataset *d, struct instance *ret);

/* The document of @level is exactly @expected, where ' stands for ". */
void expect_json(const struct instance *i, enum level level, const char *expected);

/* Everything header_finish() found as one text; free() it. */
char *instance_text(const struct instance *i);

/* Procedure Code Sequence with one code. */
void put_procedure(struct dataset *d, bool undefined_sequence, bool undefined_item);

/* With what @put puts between the first and the last UIDs, all four are found, the document of
 * the study is @study and the findings are @flags. */
void expect_passed(const char *transfer_syntax_uid, void (*put)(struct dataset *),
                   const char *study, unsigned flags);

/* Documents of the study: with the last UIDs only, and with the procedure. */
#define NOTHING_ELSE "{'00200010':{'vr':'SH','Value':['S1']}}"
#define PROCEDURE                                                                                  \
    "{'00081032':{'vr':'SQ','Value':[{'00080100':{'vr':'SH','Value':['P']}}]},"                    \
    "'00200010':{'vr':'SH','Value':['S1']}}"

#endif
