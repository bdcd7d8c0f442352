#include "store/rejection.h"

#include <stddef.h>
#include <string.h>

const char *const rejection_words[] = {"quality", "safety", "worklist", "retention", NULL};

unsigned rejection_hidden(unsigned shown)
{
    unsigned hidden = REJECTED_ANY & ~shown;

    return hidden | (hidden & REJECTED_RETENTION) << 4;
}

bool rejection_of_word(const char *word, unsigned *ret)
{
    for (size_t i = 0; rejection_words[i]; i++)
        if (strcmp(rejection_words[i], word) == 0) {
            *ret = 1u << i;
            return true;
        }
    return false;
}
