#include "scp/status.h"

#include <errno.h>
#include <stdio.h>

static const struct {
    int finding;
    uint16_t status;
    uint32_t offending_tag;
    const char *comment; /* at most 64 characters: it is an LO */
} table[] = {
    {0, STATUS_SUCCESS, 0, NULL},
    /* The data set is not what its command or SOP class says: A900H. */
    {STATUS_NO_SOP_INSTANCE_UID, 0xA900, 0x00080018, "Data set has no SOP Instance UID"},
    {STATUS_NO_SOP_CLASS_UID, 0xA900, 0x00080016, "Data set has no SOP Class UID"},
    {STATUS_NO_STUDY_UID, 0xA900, 0x0020000D, "Data set has no Study Instance UID"},
    {STATUS_NO_SERIES_UID, 0xA900, 0x0020000E, "Data set has no Series Instance UID"},
    {STATUS_UID_TOO_LONG, 0xA900, 0, "A UID of the data set is longer than 128 characters"},
    {STATUS_SOP_INSTANCE_DIFFERS, 0xA900, 0x00080018,
     "SOP Instance UID differs between command and data set"},
    {STATUS_SOP_CLASS_DIFFERS, 0xA900, 0x00080016,
     "SOP Class UID of the data set is not the one negotiated"},
    {STATUS_NO_DATA_SET, 0xC000, 0, "The request came without a data set"},
    {STATUS_WRONG_SERVICE, 0x0211, 0, "Operation not negotiated for this context"},
    /* Out of resources: A700H. The sender keeps its copy and tries again. */
    {-ENOSPC, 0xA700, 0, "The archive is full; keep the image and send it again later"},
    {-EDQUOT, 0xA700, 0, "The archive is full; keep the image and send it again later"},
    {-EAGAIN, 0xA700, 0, "The archive's database is away; try again later"},
    {-ENOMEM, 0xA700, 0, "The archive is short of memory; try again later"},
    {-EIO, 0xA700, 0, "The archive cannot use its disk; try again later"},
    {-ETIMEDOUT, 0xA700, 0, "The query took too long; ask for less"},
    {-EROFS, 0xA700, 0, "The archive cannot use its disk; try again later"},
    {-EMFILE, 0xA700, 0, "The archive has too many open files; try again later"},
    {-ENFILE, 0xA700, 0, "The archive has too many open files; try again later"},
};

struct command_response status_of(int finding, const char *problem)
{
    static char comment[COMMAND_COMMENT_MAX + 1];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].finding == finding)
            return (struct command_response){.status = table[i].status,
                                             .offending_tag = table[i].offending_tag,
                                             .comment = table[i].comment};
    if (finding == -EBADMSG) {
        (void)snprintf(comment, sizeof comment, "Cannot understand: %s",
                       problem ? problem : "broken data set");
        return (struct command_response){.status = 0xC000, .comment = comment};
    }
    return (struct command_response){
        .status = 0x0110, .comment = "Processing failure; the archive's log has the reason"};
}
