#include "store/identifier_vr.h"
#include "store/attributes.h"

#include <stdbool.h>
#include <stddef.h>

/* What the index does not keep but a query may name, in order of tag. */
/* clang-format off */
static const struct key_vr {
    uint32_t tag;
    char vr[3];
} keys[] = {
    {0x00080052, "CS"}, {0x00080053, "CS"}, {0x00080054, "AE"}, {0x00080055, "AE"},
    {0x00080056, "CS"}, {0x00080061, "CS"}, {0x00080062, "UI"}, {0x00080063, "SQ"},
    {0x00080092, "ST"}, {0x00080094, "SH"}, {0x00081120, "SQ"}, {0x00081140, "SQ"},
    {0x00082111, "ST"}, {0x00101050, "LO"}, {0x00101080, "LO"}, {0x00101081, "LO"},
    {0x00101090, "LO"}, {0x00102000, "LO"}, {0x00102110, "LO"}, {0x00102150, "LO"},
    {0x00102152, "LO"}, {0x001021A0, "CS"}, {0x001021B0, "LT"}, {0x001021C0, "US"},
    {0x001021D0, "DA"}, {0x001021F0, "LO"}, {0x00104000, "LT"}, {0x00201200, "IS"},
    {0x00201202, "IS"}, {0x00201204, "IS"}, {0x00201206, "IS"}, {0x00201208, "IS"},
    {0x00201209, "IS"}, {0x00204000, "LT"}, {0x00280002, "US"}, {0x00280004, "CS"},
    {0x00280101, "US"}, {0x00280102, "US"}, {0x00280103, "US"}, {0x0032000A, "CS"},
    {0x0032000C, "CS"}, {0x00320012, "LO"}, {0x00321000, "DA"}, {0x00321001, "TM"},
    {0x00321032, "PN"}, {0x00321060, "LO"}, {0x00321064, "SQ"}, {0x00321070, "LO"},
    {0x00324000, "LT"}, {0x00380004, "SQ"}, {0x00380008, "CS"}, {0x00380011, "LO"},
    {0x00380016, "LO"}, {0x0038001A, "DA"}, {0x0038001B, "TM"}, {0x00380020, "DA"},
    {0x00380021, "TM"}, {0x00380050, "LO"}, {0x00380061, "LO"}, {0x00380100, "SQ"},
    {0x00380502, "SQ"}, {0x00384000, "LT"}, {0x00400001, "AE"}, {0x00400002, "DA"},
    {0x00400003, "TM"}, {0x00400004, "DA"}, {0x00400005, "TM"}, {0x00400006, "PN"},
    {0x00400007, "LO"}, {0x00400008, "SQ"}, {0x00400009, "SH"}, {0x0040000A, "SQ"},
    {0x0040000B, "SQ"}, {0x00400010, "SH"}, {0x00400011, "SH"}, {0x00400012, "LO"},
    {0x00400020, "CS"}, {0x00400100, "SQ"}, {0x00400220, "SQ"}, {0x00400400, "LT"},
    {0x00401006, "SH"}, {0x00401007, "SH"}, {0x00401009, "SH"}, {0x00401010, "PN"},
    {0x00401060, "LO"}, {0x00402001, "LO"}, {0x00402004, "DA"}, {0x00402005, "TM"},
    {0x00402008, "PN"}, {0x00402009, "SH"}, {0x00402010, "SH"}, {0x00403001, "LO"},
    {0x00404005, "DT"}, {0x00404010, "DT"}, {0x00404011, "DT"}, {0x00404018, "SQ"},
    {0x00404025, "SQ"}, {0x00404026, "SQ"}, {0x00404027, "SQ"}, {0x00404034, "SQ"},
    {0x00404041, "CS"}, {0x00741000, "CS"}, {0x00741200, "CS"}, {0x00741202, "LO"},
    {0x00741204, "LO"}, {0x00880130, "SH"}, {0x00880140, "UI"},
};
/* clang-format on */

static bool reserves_private_block(uint32_t tag)
{
    uint32_t element = tag & 0xFFFF;

    return (tag >> 16) % 2 == 1 && element >= 0x10 && element <= 0xFF;
}

const char *identifier_vr(uint32_t tag)
{
    const char *vr = attribute_vr(tag);
    size_t low = 0, high = sizeof keys / sizeof keys[0];

    if (vr)
        return vr;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (keys[middle].tag == tag)
            return keys[middle].vr;
        if (keys[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return reserves_private_block(tag) ? "LO" : "UN";
}
