#include "fhir/number.h"
#include "fhir/memory.h"
#include "store/base/cleanup.h"

#include <stdbool.h>
#include <string.h>

#define DIGITS "0123456789"
#define DIGITS_MAX 32 /* of a DS; PS3.5 allows 16 characters */

long long number_unsigned(const char *is)
{
    const char *digits;
    long long n;

    if (!is)
        return -1;
    is += strspn(is, " ");
    digits = is + (*is == '+' || *is == '-');
    if (strspn(digits, DIGITS) < 1 || strspn(digits, DIGITS) > 12 ||
        digits[strspn(digits, DIGITS " ")] != '\0')
        return -1;
    n = strtoll(is, NULL, 10);
    return n >= 0 && n <= 2147483647 ? n : -1;
}

/* A decimal text taken apart: 0.DIGITS × 10^point. */
struct decimal {
    char digits[DIGITS_MAX + 1];
    int n, point;
};

static bool take_digit(struct decimal *d, char digit)
{
    if (d->n == 0 && digit == '0')
        return true;
    if (d->n == DIGITS_MAX)
        return false;
    d->digits[d->n++] = digit;
    return true;
}

/* [+-]digits[.digits][E[+-]digits]; a negative one is as bad as a malformed one. */
static bool decimal_parse(const char *ds, struct decimal *ret)
{
    struct decimal d = {.n = 0};
    int seen = 0;

    ds += strspn(ds, " ");
    ds += *ds == '+';
    for (; *ds >= '0' && *ds <= '9'; ds++, seen++) {
        if (!take_digit(&d, *ds))
            return false;
        d.point += d.n > 0;
    }
    if (*ds == '.')
        for (ds++; *ds >= '0' && *ds <= '9'; ds++, seen++) {
            if (!take_digit(&d, *ds))
                return false;
            d.point -= d.n == 0;
        }
    if (seen > 0 && (*ds == 'E' || *ds == 'e')) {
        const char *digits = ds + 1 + (ds[1] == '+' || ds[1] == '-');
        size_t n = strspn(digits, DIGITS);

        if (n < 1 || n > 3)
            return false;
        d.point += atoi(ds + 1);
        ds = digits + n;
    }
    ds += strspn(ds, " ");
    *ret = d;
    return seen > 0 && *ds == '\0';
}

json_t *number_decimal(const char *ds, int shift, double limit)
{
    struct decimal d;
    _cleanup_free_ char *text = NULL;
    double value;

    if (!ds || !decimal_parse(ds, &d) || d.n == 0)
        return NULL;
    text = memory_print("0.%.*sE%d", d.n, d.digits, d.point + shift);
    value = strtod(text, NULL);
    if (value <= 0 || value >= limit)
        return NULL;
    while (d.digits[d.n - 1] == '0')
        d.n--;
    return d.n <= d.point + shift ? json_integer((json_int_t)value) : json_real(value);
}

int number_age(const char *as, char *ret_unit)
{
    int n;

    if (!as || strspn(as, DIGITS) != 3 || !as[3] || !strchr("DWMY", as[3]) || as[4])
        return -1;
    n = atoi(as);
    if (n == 0)
        return -1;
    *ret_unit = as[3];
    return n;
}
