#include "scp/sop_class.h"

#include <stddef.h>
#include <string.h>

/* Service classes of PS3.6 table A-1 that do not store. A dot at the end: the whole branch. */
static const char *const other_services[] = {
    "1.2.840.10008.1.",              /* verification, commitment, notification, media, logging */
    "1.2.840.10008.3.1.2.",          /* patient, visit, study and procedure step management */
    "1.2.840.10008.4.2",             /* storage service class */
    "1.2.840.10008.5.1.1.",          /* print */
    "1.2.840.10008.5.1.4.1.2.",      /* query/retrieve */
    "1.2.840.10008.5.1.4.1.1.201.2", /* inventory query/retrieve */
    "1.2.840.10008.5.1.4.1.1.201.3",
    "1.2.840.10008.5.1.4.1.1.201.4",
    "1.2.840.10008.5.1.4.1.1.201.5",
    "1.2.840.10008.5.1.4.31",    /* modality worklist */
    "1.2.840.10008.5.1.4.32.",   /* general purpose worklist */
    "1.2.840.10008.5.1.4.33",    /* instance availability notification */
    "1.2.840.10008.5.1.4.34.4.", /* unified procedure step */
    "1.2.840.10008.5.1.4.34.5.",
    "1.2.840.10008.5.1.4.34.6.",
    "1.2.840.10008.5.1.4.34.8", /* RT machine verification */
    "1.2.840.10008.5.1.4.34.9",
    "1.2.840.10008.5.1.4.37.",  /* relevant patient information query */
    "1.2.840.10008.5.1.4.38.2", /* query/retrieve of hanging protocols … */
    "1.2.840.10008.5.1.4.38.3",
    "1.2.840.10008.5.1.4.38.4",
    "1.2.840.10008.5.1.4.39.2", /* … colour palettes … */
    "1.2.840.10008.5.1.4.39.3",
    "1.2.840.10008.5.1.4.39.4",
    "1.2.840.10008.5.1.4.41", /* product characteristics, substance approval */
    "1.2.840.10008.5.1.4.42",
    "1.2.840.10008.5.1.4.43.2", /* … implant templates */
    "1.2.840.10008.5.1.4.43.3",
    "1.2.840.10008.5.1.4.43.4",
    "1.2.840.10008.5.1.4.44.2",
    "1.2.840.10008.5.1.4.44.3",
    "1.2.840.10008.5.1.4.44.4",
    "1.2.840.10008.5.1.4.45.2",
    "1.2.840.10008.5.1.4.45.3",
    "1.2.840.10008.5.1.4.45.4",
    "1.2.840.10008.10.", /* real-time communication */
};

bool sop_class_is_storage(const char *uid)
{
    if (!uid[0])
        return false;
    for (size_t i = 0; i < sizeof other_services / sizeof *other_services; i++) {
        size_t n = strlen(other_services[i]);
        bool branch = other_services[i][n - 1] == '.';

        if (strncmp(uid, other_services[i], n) == 0 && (branch || uid[n] == '\0'))
            return false;
    }
    return true;
}
