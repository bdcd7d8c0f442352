/* Values that break their VR or their range and so cost the element that they would have become
 * (mapping 1.7). They are named by tag and reason: nothing here is patient data. Pure. */
#ifndef ISTHMUS_FHIR_FLAW_H
#define ISTHMUS_FHIR_FLAW_H

#include "store/study.h"

#define FLAW_COUNT 20

/* How often each occurs; what instances share counts once. */
struct flaws {
    unsigned n[FLAW_COUNT];
};

/* Add those of @study. */
void flaws_add(struct flaws *f, const struct study *study);

/* The tag ("00101030") of flaw @i < FLAW_COUNT and what is wrong with it ("is not …"). */
const char *flaw_tag(size_t i);
const char *flaw_reason(size_t i);

/* "(0020,0011) is not an unsigned integer: 2, …" for a log; NULL: none. malloc'ed. */
char *flaws_text(const struct flaws *f);

#endif
