#include "scp/status.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(status, findings_become_the_statuses_of_the_standard)
{
    static const struct {
        int finding;
        uint16_t status;
        uint32_t tag;
    } rows[] = {
        {0, 0x0000, 0},
        {STATUS_NO_SOP_INSTANCE_UID, 0xA900, 0x00080018},
        {STATUS_NO_SOP_CLASS_UID, 0xA900, 0x00080016},
        {STATUS_NO_STUDY_UID, 0xA900, 0x0020000D},
        {STATUS_NO_SERIES_UID, 0xA900, 0x0020000E},
        {STATUS_SOP_INSTANCE_DIFFERS, 0xA900, 0x00080018},
        {STATUS_SOP_CLASS_DIFFERS, 0xA900, 0x00080016},
        {STATUS_UID_TOO_LONG, 0xA900, 0},
        {STATUS_NO_DATA_SET, 0xC000, 0},
        {STATUS_WRONG_SERVICE, 0x0211, 0},
        {-ENOSPC, 0xA700, 0},
        {-EAGAIN, 0xA700, 0},
        {-EIO, 0xA700, 0},
        {-EBADMSG, 0xC000, 0},
        {-EPERM, 0x0110, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct command_response r = status_of(rows[i].finding, NULL);
        cr_assert_eq(r.status, rows[i].status, "finding %d", rows[i].finding);
        cr_assert_eq(r.offending_tag, rows[i].tag, "finding %d", rows[i].finding);
        cr_assert((r.comment != NULL) == (r.status != 0), "a comment with every failure");
        cr_assert(!r.comment || strlen(r.comment) <= COMMAND_COMMENT_MAX, "comment fits: %s",
                  r.comment);
    }
}

Test(status, the_parsers_phrase_reaches_the_person_at_the_modality)
{
    struct command_response r = status_of(-EBADMSG, "item outside a sequence");

    cr_assert_str_eq(r.comment, "Cannot understand: item outside a sequence");
}
