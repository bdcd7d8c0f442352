#include "store/base/uid.h"

#include <stddef.h>

bool uid_valid(const char *uid)
{
    size_t n = 0;
    bool in_component = false;

    for (; uid[n]; n++) {
        if (n == UID_MAX)
            return false;
        if (uid[n] >= '0' && uid[n] <= '9')
            in_component = true;
        else if (uid[n] == '.' && in_component)
            in_component = false;
        else
            return false;
    }
    return in_component;
}
