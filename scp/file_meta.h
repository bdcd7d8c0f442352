/* Preamble and File Meta Information of a Part 10 file (PS3.10 section 7.1). Pure. */
#ifndef ISTHMUS_SCP_FILE_META_H
#define ISTHMUS_SCP_FILE_META_H

#include <stddef.h>
#include <stdint.h>

#define FILE_META_MAX 1024

struct file_meta {
    const char *sop_class_uid, *sop_instance_uid; /* at most 128 characters each */
    const char *transfer_syntax_uid;              /* at most 64 */
    const char *source_ae_title;                  /* at most 16 */
    const char *implementation_class_uid, *implementation_version_name; /* 64, 16 */
};

/* Write it; returns its length. The data set follows right behind. */
size_t file_meta_write(const struct file_meta *m, uint8_t buffer[FILE_META_MAX]);

#endif
