#include "scp/sop_class.h"

#include <criterion/criterion.h>

Test(sop_class, objects_are_told_from_other_services)
{
    static const struct {
        const char *uid;
        bool storage;
    } rows[] = {
        {"1.2.840.10008.5.1.4.1.1.2", true},     /* CT */
        {"1.2.840.10008.5.1.4.1.1.88.59", true}, /* key objects */
        {"1.2.840.10008.5.1.4.1.1.201.1", true}, /* inventory */
        {"1.2.840.10008.5.1.4.1.1.999.7", true}, /* next year's */
        {"1.2.840.10008.5.1.4.34.7", true},      /* RT beams delivery instruction */
        {"1.2.840.10008.5.1.4.34.10", true},     /* RT brachy delivery instruction */
        {"1.2.840.10008.5.1.4.38.1", true},      /* hanging protocol */
        {"1.2.840.10008.5.1.4.39.1", true},      /* colour palette */
        {"1.3.12.2.1107.5.9.1", true},           /* private */
        {"2.25.155649693740015599497466542632880884563", true},
        {"1.2.840.10008.1.1", false},             /* verification */
        {"1.2.840.10008.1.20.1", false},          /* storage commitment */
        {"1.2.840.10008.1.3.10", false},          /* media directory */
        {"1.2.840.10008.3.1.2.3.3", false},       /* performed procedure step */
        {"1.2.840.10008.5.1.1.9", false},         /* print */
        {"1.2.840.10008.5.1.4.1.2.2.1", false},   /* study root find */
        {"1.2.840.10008.5.1.4.31", false},        /* worklist */
        {"1.2.840.10008.5.1.4.34.6.1", false},    /* unified procedure step */
        {"1.2.840.10008.5.1.4.1.1.201.2", false}, /* inventory find */
        {"", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(sop_class_is_storage(rows[i].uid), rows[i].storage, "%s", rows[i].uid);
}
