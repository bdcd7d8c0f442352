/* Preamble and File Meta Information of a Part 10 file (PS3.10 section 7.1). Pure. */
#ifndef ISTHMUS_STORE_FILE_META_H
#define ISTHMUS_STORE_FILE_META_H

#include <stddef.h>
#include <stdint.h>

#define FILE_META_MAX 1024
/* Of this program, in files and associations (PS3.7 D.3.3.2). */
#define IMPLEMENTATION_CLASS_UID "2.25.201946862710548284935370921736453418507"
#define IMPLEMENTATION_VERSION_NAME "ISTHMUS_" ISTHMUS_VERSION

struct file_meta {
    const char *sop_class_uid, *sop_instance_uid; /* at most 128 characters each */
    const char *transfer_syntax_uid;              /* at most 64 */
    const char *source_ae_title;                  /* at most 16; NULL: unknown, left out */
};

/* Write it; returns its length. The data set follows right behind. */
size_t file_meta_write(const struct file_meta *m, uint8_t buffer[FILE_META_MAX]);

#endif
