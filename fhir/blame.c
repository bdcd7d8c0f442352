#include "fhir/blame.h"

static size_t find(const struct blame *b, int64_t study)
{
    size_t i = 0;

    while (i < BLAME_STUDIES && b->failed[i].study != study)
        i++;
    return i;
}

void blame_success(struct blame *b, int64_t study)
{
    size_t i = find(b, study);

    if (i < BLAME_STUDIES)
        b->failed[i].study = 0;
    b->successes++;
    blame_end_row(b);
}

bool blame_is_study(struct blame *b, int64_t study)
{
    size_t i = find(b, study);
    bool others_worked = i < BLAME_STUDIES && b->failed[i].successes < b->successes;

    if (i == BLAME_STUDIES) {
        i = b->next;
        b->next = (b->next + 1) % BLAME_STUDIES;
    }
    b->failed[i].study = study;
    b->failed[i].successes = b->successes;
    return others_worked;
}

int blame_suspect(struct blame *b, int64_t study)
{
    if (b->suspects == 0 || b->suspect != study)
        b->suspects++;
    b->suspect = study;
    return b->suspects;
}

void blame_end_row(struct blame *b)
{
    b->suspects = 0;
}
