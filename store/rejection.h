/* What a Key Object Selection with a title of rejection says of the instances that it names
 * (IHE RAD TF-3 4.66, Imaging Object Change Management): bits of instance.rejected in sql/. */
#ifndef ISTHMUS_STORE_REJECTION_H
#define ISTHMUS_STORE_REJECTION_H

#include <stdbool.h>

enum rejection {
    REJECTED_QUALITY = 1 << 0,   /* 113001 Rejected for Quality Reasons */
    REJECTED_SAFETY = 1 << 1,    /* 113037 Rejected for Patient Safety Reasons */
    REJECTED_WORKLIST = 1 << 2,  /* 113038 Incorrect Modality Worklist Entry */
    REJECTED_RETENTION = 1 << 3, /* 113039 Data Retention Policy Expired */
    REJECTED_ANY = 0x0F,
    REJECTION_NOTE = 0xF0, /* one of these: it is a note, with the title 4 bits lower */
};

/* What queries and FHIR hide when they show what was rejected under @shown: instances whose bits
 * meet the result. Notes that data expired go with the data, other notes tell of the rejection. */
unsigned rejection_hidden(unsigned shown);

/* "quality", "safety", "worklist", "retention", NULL: the titles as configurations say them. */
extern const char *const rejection_words[];

/* The bit of one of them; false: another word. */
bool rejection_of_word(const char *word, unsigned *ret);

#endif
